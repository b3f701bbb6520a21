"""No box at all: functions that are called in the process that asks, with arguments as a box makes them.

For a student's own notebook, whose kernel already runs the code. The deadline is soft, see `deadline.py`.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import random
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from sandbox.base import (
    Call,
    Crashed,
    Frame,
    Framework,
    Limits,
    Missing,
    Raised,
    Refused,
    Reply,
    SandboxUnavailable,
    Session,
    Source,
    TimedOut,
    Values,
)
from sandbox.calling import answered
from sandbox.deadline import Overtime, within
from sandbox.decoder import decode
from sandbox.devices import Host
from sandbox.encoder import encode
from sandbox.loader import Loader, shown
from sandbox.sides import BoxSide, Originals
from sandbox.values import ANSWERS, HOST
from sandbox.wire import PREFIX, WireError
from sandbox.wire import Frame as WireFrame

REQUEST_CAP = 1 << 30
FRAMES_CAP = 12


class InProcessSandbox:
    """Calls functions by name; `label` names the student's file of a traceback's file, None for what is not theirs.

    `running` counts the calls that did not end in time and could not be ended.
    """

    name = "in-process"
    guarantees = "Protects from nothing: the functions run in this process, with its rights."
    details: Mapping[str, str] = MappingProxyType({})

    def __init__(self, functions: Mapping[str, Callable[..., Any]], label: Callable[[str], str | None]) -> None:
        self.functions, self.label = functions, label
        self.running = 0

    def warm(self, framework: Framework, limits: Limits, keep: int = 0) -> None:
        """Start nothing."""

    def open(self, source: Source, limits: Limits) -> Session:
        """Return a session; of the source only callable arguments are loaded. Raises SandboxUnavailable."""
        return InProcessSession(self, source, limits)

    def close(self) -> None:
        """Release nothing."""


class InProcessSession:
    """Calls with the global generators and the threads of a box; closing puts them back."""

    def __init__(self, sandbox: InProcessSandbox, source: Source, limits: Limits) -> None:
        self._sandbox, self._limits = sandbox, limits
        torch = _torch() if source.framework == "torch" else None
        self._loader = _Private([_spelled(module) for module in source.modules], definitions_only=False)
        self._side = BoxSide(torch, self._loader, Host(torch))
        self._gradients = importlib.import_module("sandbox.autograd").gradients if torch else None
        self._put_back = _as_in_a_box(torch)
        self._closed = False

    def call(self, call: Call, deadline_s: float) -> Reply:
        """Run one call; Ctrl-C passes through it."""
        if self._closed:
            return Crashed("the session is closed", box_lost=True)
        function = self._sandbox.functions.get(call.function)
        if function is None:
            return Missing(f"{call.module} has no function {call.function}")
        request = {"arguments": dict(call.arguments), "dout": call.dout, "wrt": list(call.wrt)}
        frame = framed(encode(request, HOST, REQUEST_CAP))
        before = decode(frame, Originals())["arguments"]
        printed = _Printed(self._limits.printed_bytes)
        work = partial(answered, function, frame, before, self._side, self._gradients)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                value, changed = within(deadline_s, work)
            value = decode(framed(encode(value, self._side, self._limits.result_bytes)), ANSWERS)
        except WireError as error:
            return Refused(f"{call.function} returned {error}")
        except Overtime as error:
            self._sandbox.running += error.running
            return TimedOut(deadline_s, printed=printed.getvalue())
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return Raised(type(error).__name__, shown(error), self._frames(error), printed.getvalue())
        return Values(value, tuple(changed), printed.getvalue())

    def cpu_seconds(self) -> float:
        """Return 0: nothing runs anywhere else."""
        return 0.0

    def close(self) -> None:
        """Refuse further calls."""
        if not self._closed:
            self._closed = True
            self._put_back()

    def _frames(self, error: BaseException) -> tuple[Frame, ...]:
        frames: list[Frame] = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if label := self._sandbox.label(code.co_filename):
                frames.append(Frame(label, trace.tb_lineno or 0, code.co_name))
            trace = trace.tb_next
        return tuple(frames[:4] + frames[4:][4 - FRAMES_CAP :])


class _Private(Loader):
    """Loads modules for itself: no import finds them."""

    def load(self, name: str) -> ModuleType:
        """Return a module of the source, loaded once."""
        if name not in self._loaded:
            self._run_private(name)
        return self._loaded[name]


class _Printed(io.StringIO):
    """Keeps the beginning of what is printed."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, text: str) -> int:
        super().write(text[: max(0, self._most - self.tell())])
        return len(text)


def framed(buffers: list[bytes | bytearray | memoryview]) -> WireFrame:
    """Return the frame that would arrive from these buffers."""
    head, *body = buffers
    return WireFrame(bytes(head[PREFIX.size :]), bytearray(b"".join(body)))


def _spelled(module: Any) -> dict[str, Any]:
    """Return a module as the worker of a box receives it."""
    chunks = [{"label": chunk.label, "line": chunk.line, "text": chunk.text} for chunk in module.chunks]
    return {"name": module.name, "chunks": chunks, "package": module.package}


def _torch() -> ModuleType:
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise SandboxUnavailable("torch is not installed here: python -m pip install torch") from error


def _as_in_a_box(torch: ModuleType | None) -> Callable[[], None]:
    """Start the global generators from one seed, and torch with one thread; return what puts everything back.

    Small operations on several threads of a busy machine take twenty times as long, which is past the deadline.
    """
    states = random.getstate(), np.random.get_state()
    random.seed(0)
    np.random.seed(0)
    torch_state, threads = (torch.get_rng_state(), torch.get_num_threads()) if torch else (None, 0)
    if torch is not None:
        torch.manual_seed(0)
        torch.set_num_threads(1)

    def put_back() -> None:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch is not None:
            torch.set_rng_state(torch_state)
            torch.set_num_threads(threads)

    return put_back
