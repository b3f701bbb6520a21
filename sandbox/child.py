"""The forked child: loads the student's modules, calls their functions, answers one frame per request.

Everything here shares a process with the student's code, so nothing that it says is believed.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import resource
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from sandbox.bench import Bench
from sandbox.bpf import childless
from sandbox.calling import accepting, answered
from sandbox.decoder import decode
from sandbox.devices import Host, announce
from sandbox.encoder import encode
from sandbox.loader import Loader, shown
from sandbox.processes import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, control, filter_calls
from sandbox.sides import BoxSide, Originals, Plain
from sandbox.wire import Frame, Reader, Side, WireError, read_frame, write_buffers

REQUEST_CAP = 1 << 30
FRAMES_CAP = 12
TORCH_ADDRESS_SPACE = 4 << 30
CLOSED_OUR_FILES = 120
OUR_FAULT = 70


class Student:
    """The student's code, and the answers that it gives to requests."""

    def __init__(self, box: dict[str, Any], torch: ModuleType | None, device: Host) -> None:
        self._loader = Loader(json.loads(box["source"]), box["definitions_only"])
        sys.meta_path.append(self._loader)
        self._side = BoxSide(torch, self._loader, device)
        self._bench = Bench(self._side, torch, device)
        self._gradients = importlib.import_module("sandbox.autograd").gradients if torch else None
        self._cap = box["result_bytes"]
        self._loaded: set[str] = set()
        self._reserve = bytearray(1 << 20)  # to say that memory has run out, some is needed

    def answer(self, frame: Frame, answers: int) -> list[bytes | bytearray | memoryview]:
        """Return the frame that answers a request; a first frame has said when the module was loaded."""
        request = decode(frame, Originals())
        name = request["id"]
        try:
            if request["module"] not in self._loaded:
                self._loader.load(request["module"])
                self._loaded.add(request["module"])
                write_buffers(answers, self._encode({"id": name, "reply": "loaded"}))
            return self._encode({"id": name, **self._call(request, frame)})
        except WireError as error:
            reply = {"reply": "refused", "reason": clean(f"{request['function']} returned {error}")}
        except MemoryError:
            self._reserve.clear()
            reply = {"reply": "out of memory"}
        except BaseException as error:
            reply = self._raised(error, request["module"])
        return self._encode({"id": name, **reply})

    def _encode(self, message: dict[str, Any]) -> list[bytes | bytearray | memoryview]:
        return encode(message, self._side, self._cap)

    def _call(self, request: dict[str, Any], frame: Frame) -> dict[str, Any]:
        module, name = self._loader.load(request["module"]), request["function"]
        function = module.__dict__.get(name)
        if not callable(function):
            return self._missing(request["module"], name, function)
        if request["block"] is not None:
            value = self._step(accepting(function, request["arguments"]), frame)
            return {"reply": "values", "value": value, "changed": []}
        value, changed = answered(function, frame, request["arguments"], self._side, self._gradients)
        return {"reply": "values", "value": value, "changed": changed}

    def _step(self, function: Callable[..., Any], frame: Frame) -> Any:
        """Do one step of a timed call; its base arguments stay NumPy's, since that is what varies them."""
        given = decode(frame, Plain(self._loader))
        return self._bench.step(given["block"], function, given["arguments"])

    def _missing(self, module: str, name: str, found: Any) -> dict[str, Any]:
        failure = self._loader.failure_of(module, name)
        if failure is not None:
            place = (failure.label, failure.line, "<module>")
            return self._error(failure.error, shown(failure.error), self._frames(failure.error) or [place], True)
        reason = f"{module} has no function {name}"
        if found is not None:
            reason = f"{name} is of type {type(found).__name__}, not a function"
        if self._loader.failures:
            reason += f"; loading also met: {self._loader.failures[0].told()}"
        return {"reply": "missing", "reason": clean(reason)}

    def _raised(self, error: BaseException, module: str) -> dict[str, Any]:
        message = shown(error)
        if isinstance(error, RuntimeError) and ("can't allocate memory" in message or "not enough memory" in message):
            return {"reply": "out of memory"}
        if isinstance(error, NameError):
            failures = [failure for failure in self._loader.failures if failure.module == module]
            message += "".join(f" (while loading: {failure.told()})" for failure in failures[:1])
        return self._error(error, message, self._frames(error), module not in self._loaded)

    def _error(self, error: BaseException, message: str, frames: list[Any], loading: bool) -> dict[str, Any]:
        name = clean(str(type(error).__name__)[:200])
        return {"reply": "raised", "error": name, "message": clean(message), "frames": frames, "loading": loading}

    def _frames(self, error: BaseException) -> list[tuple[str, int, str]]:
        frames: list[tuple[str, int, str]] = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename in self._loader.labels:
                frames.append((code.co_filename[:200], trace.tb_lineno or 0, code.co_name[:200]))
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.filename in self._loader.labels:
            frames.append((str(error.filename), error.lineno or 1, "<module>"))
        return frames[:4] + frames[4:][4 - FRAMES_CAP :]


def clean(text: str) -> str:
    """Return text that the wire carries: at most 2000 bytes, no lone surrogates."""
    return text.encode("utf-8", "replace")[:2000].decode("utf-8", "ignore")


def live(requests: int, answers: int, printed: int, parent: int, torch: ModuleType | None, device: Host) -> NoReturn:
    """Turn a freshly forked process into a child: it hears what it is to run, then serves requests until the end."""
    code, reader = OUR_FAULT, Reader(REQUEST_CAP)
    try:
        stand_alone(parent)
        if (frame := read_frame(requests, reader)) is None:
            os._exit(0)
        box = decode(frame, Side())
        confine(box, torch is not None, device)
        if device.remote and not announce(device, answers):
            os._exit(code)
        # Not before: a driver may have to run a program when it is opened.
        if box["timed"] and (rules := childless(os.uname().machine)):
            # A child that nobody waits for takes its seconds with it, and no clock of a process ever shows them.
            filter_calls(rules)
        redirect(printed)
        student = Student(box, torch, device)
        settle(torch)
        serve(requests, answers, reader, student)
        code = 0
    except OSError:
        code = CLOSED_OUR_FILES
    finally:
        os._exit(code)


def serve(requests: int, answers: int, reader: Reader, student: Student) -> None:
    """Answer requests until the pipe closes."""
    process = os.getpid()
    while (frame := read_frame(requests, reader)) is not None:
        buffers = student.answer(frame, answers)
        if os.getpid() != process:
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        write_buffers(answers, buffers)
        del frame, buffers


def settle(torch: ModuleType | None) -> None:
    """Hide our own modules, and start the global generators from one seed, so that grading twice gives the same."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "__main__"]
    for name in [name for name in sys.modules if name.partition(".")[0] == "sandbox"]:
        del sys.modules[name]
    sys.modules["__main__"] = ModuleType("__main__")
    sys.argv[:] = [""]
    random.seed(0)
    np.random.seed(0)
    if torch is not None:
        torch.manual_seed(0)


def stand_alone(parent: int) -> None:
    """Make the process its own session, the first to be killed for memory, and one that ends with its parent."""
    os.setsid()
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)  # the parent died before its death could be announced
    # A process that is not dumpable may not raise its own badness.
    control(PR_SET_DUMPABLE, 1)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def confine(box: dict[str, Any], with_torch: bool, device: Host) -> None:
    """Bound what the process may use."""
    memory = max(TORCH_ADDRESS_SPACE, box["memory_bytes"]) if with_torch else box["memory_bytes"]
    limits = {"RLIMIT_AS": memory, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": 64 << 20, "RLIMIT_NOFILE": 256}
    if box["processes"] is not None and os.getuid() != 0:
        limits["RLIMIT_NPROC"] = box["processes"]
    if device.remote:
        del limits["RLIMIT_AS"]  # the driver reserves addresses for all memory there is, the card's and the host's
    for name, limit in limits.items():
        with contextlib.suppress(OSError, ValueError, AttributeError):
            number = getattr(resource, name)
            hard = resource.getrlimit(number)[1]
            value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(number, (value, value))


def redirect(printed: int) -> None:
    """Send what the student's code prints to the parent's pipe, line by line."""
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - lives as long as the process
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
