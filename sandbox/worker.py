"""The parent in the box: forks a child per group of calls, relays frames, keeps deadlines, ends what is left behind.

`program.py` says which files make up the program of the box. The parent runs no code of the student's and is
single-threaded whenever it forks.
Each request is answered by a status frame, and by the child's own frame after it when the status is "answer".
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import os
import select
import signal
import sys
import time
from types import ModuleType
from typing import Any, NoReturn

from sandbox import child as child_program
from sandbox.decoder import decode
from sandbox.devices import OPENING_S, Host, announce, device
from sandbox.encoder import encode
from sandbox.exchange import Child, Exchange, Key
from sandbox.facts import facts
from sandbox.processes import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    control,
    sweep,
    threads,
)
from sandbox.wire import Frame, Reader, Side, read_frame, write_buffers

PIPE_BYTES = 1 << 20
THREADS_END_S = 0.02


class Worker:
    """The parent's loop: one request at a time, from the host's stream to a child and back."""

    def __init__(self, requests: int, answers: int, torch: ModuleType | None, device: Host) -> None:
        self.requests, self._answers, self._torch, self._device = requests, answers, torch, device
        self._child: Child | None = None
        self._ending: int | None = None
        self.wake, wake_w = os.pipe()
        for fd in (self.wake, wake_w):
            os.set_blocking(fd, False)
        self._own = (requests, answers, self.wake, wake_w)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        self.box: dict[str, Any] = {}

    def serve(self) -> None:
        """Say that the libraries are imported, receive the source, then answer requests until the stream ends."""
        self._tell({"ready": facts() | {"device_problem": self._try_device() if self._device.remote else ""}}, [])
        # Ahead of its source, while the host has none: later ones are not, or they would live beside other code.
        self._child = self._fork()
        reader = Reader(child_program.REQUEST_CAP)
        if (frame := read_frame(self.requests, reader)) is None:
            return
        self.box = decode(frame, Side())
        while (frame := read_frame(self.requests, reader)) is not None:
            self._answer(decode(frame, Side()), frame)

    def leave(self) -> NoReturn:
        """End everything: the host is gone, or the children cannot be ended one by one."""
        sweep(os.getpid())
        os._exit(1)

    def reap(self) -> bool:
        """Collect the children that ended; return whether the current one did."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if self._child is not None and ended[0] == self._child.pid:
                    self._ending = ended[1]
        return self._ending is not None

    def last_words(self) -> str:
        """Return how the current child ended, in words."""
        code = os.waitstatus_to_exitcode(self._ending or 0)
        if code == child_program.CLOSED_OUR_FILES:
            return "the code closed the sandbox's files"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by signal {-code} ({signal.Signals(-code).name})"
            return f"killed by signal {-code}"
        return f"exited with code {code} in the middle of a call"

    def _answer(self, request: dict[str, Any], frame: Frame) -> None:
        child = self._child_for(Key(request["group"], request["definitions_only"], request["block"] is not None))
        if child.problem:
            self._discard()
            status = {"id": request["id"], "status": "unavailable", "detail": child.problem, "loading": False}
            self._tell(status | {"printed": ""}, [])
            return
        exchange = Exchange(self, child, request, frame)
        outcome = exchange.run()
        exchange.drain()
        if outcome.answer is None or self._unfit(child, outcome.reply):
            self._discard()
        elif not sweep(os.getpid(), keep=(child.pid,)):
            self.leave()
        status = {"id": request["id"], "status": outcome.status, "detail": outcome.detail, "loading": outcome.loading}
        printed = exchange.printed.decode("utf-8", "replace")
        self._tell(status | {"printed": printed}, outcome.answer.buffers() if outcome.answer else [])

    def _child_for(self, key: Key) -> Child:
        child = self._child
        if child is not None and (child.key not in (None, key) or self.reap() or _readable(child.answers)):
            # Bytes that nobody asked for lie in the pipe, or the child belongs to another group.
            self._discard()
        if self._child is None:
            self._child = self._fork()
        if self._child.key is None:
            self._brief(self._child, key)
        return self._child

    def _unfit(self, child: Child, reply: str) -> bool:
        """Return whether the child must not serve another call."""
        spoilt = reply == "out of memory" or child.reader.partial or _readable(child.answers)
        # What goes wrong on a card goes wrong for good: every later call of the process would fail.
        spoilt = spoilt or (self._device.remote and reply == "raised")
        return spoilt or self.reap() or _keeps_threads(child.pid, child.threads)

    def _fork(self) -> Child:
        (request_r, request_w), (answer_r, answer_w), (print_r, print_w) = os.pipe(), os.pipe(), os.pipe()
        mine = (request_w, answer_r, print_r)
        self._ending, parent = None, os.getpid()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGCONT):
                signal.signal(number, signal.SIG_DFL)
            for fd in (*self._own, *mine):
                os.close(fd)
            child_program.live(request_r, answer_w, print_w, parent, self._torch, self._device)
        for fd in (request_r, answer_w, print_w):
            os.close(fd)
        for fd in (request_w, answer_r):
            _widen(fd)
        return Child(pid, *mine)

    def _brief(self, child: Child, key: Key) -> None:
        """Tell a child what it is to run, and within which limits; until then no code of the student's is in it."""
        child.key, child.reader = key, Reader(self.box["result_bytes"])
        briefing = self.box | {"definitions_only": key.definitions_only, "timed": key.timed}
        with contextlib.suppress(BrokenPipeError):  # it has died, which the first exchange will notice
            write_buffers(child.requests, encode(briefing, Side(), child_program.REQUEST_CAP))
        if self._device.remote:
            child.problem, child.threads = _heard(child.answers), threads(child.pid)
        for fd in (child.requests, child.answers, child.printed):
            os.set_blocking(fd, False)

    def _try_device(self) -> str:
        """Open the device in a process of its own, and return what is wrong with it; empty when nothing is."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            control(PR_SET_DUMPABLE, 1)
            announce(self._device, write)
            os._exit(0)
        os.close(write)
        problem = _heard(read)
        os.close(read)
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        return problem

    def _discard(self) -> None:
        """Kill the child with its group and all that descends from it."""
        child = self._child
        if child is None:
            return
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        if self._ending is None:
            os.kill(child.pid, signal.SIGKILL)  # it may not have made its group yet
        if not sweep(os.getpid()):
            self.leave()
        if self._ending is None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
        child.close()
        self._child = self._ending = None

    def _tell(self, message: dict[str, Any], more: list[bytes | bytearray | memoryview]) -> None:
        write_buffers(self._answers, encode(message, Side(), child_program.REQUEST_CAP) + more)


def main() -> None:
    """Take the streams away from the student's code, import the libraries, and serve."""
    control(PR_SET_DUMPABLE, 0)
    control(PR_SET_CHILD_SUBREAPER, 1)
    host = os.getppid()
    # When the host dies, the end of the init is the end of all; another worker, even a stopped one, has to sweep.
    control(PR_SET_PDEATHSIG, signal.SIGKILL if os.getpid() == 1 else signal.SIGCONT)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers, nothing = os.dup(0), os.dup(1), os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    # NumPy imports some of its own parts on first use; once here is cheaper than once in every child.
    for part in ("random", "linalg", "fft", "lib.stride_tricks"):
        importlib.import_module(f"numpy.{part}")
    torch = None
    if sys.argv[1] == "torch":
        torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
        importlib.import_module("sandbox.autograd")
    worker = Worker(requests, answers, torch, device(sys.argv[2], torch))
    # The signal also comes when a mere thread of the host ends, the one that started this process.
    signal.signal(signal.SIGCONT, lambda number, frame: None if os.getppid() == host else worker.leave())
    for fd in (1, 2):
        os.dup2(nothing, fd)
    os.close(nothing)
    # Collected once and frozen, the parent's objects stay shared with every child.
    gc.collect()
    gc.freeze()
    try:
        worker.serve()
    finally:
        worker.leave()


def _heard(pipe: int) -> str:
    """Return the line that a child announces its device with; no code of the student's has run in it yet."""
    poll, end, line = select.poll(), time.monotonic() + OPENING_S, b""
    poll.register(pipe, select.POLLIN)
    while not line.endswith(b"\n"):
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            return f"the device does not open within {OPENING_S:g} s"
        part = os.read(pipe, 4096)
        if not part:
            return "the process that opened the device has died"
        line += part
    return line.decode("utf-8", "replace").strip()


def _keeps_threads(pid: int, usual: int) -> bool:
    """Return whether a process has more threads than usual; one that was joined is still there for a moment."""
    end = time.monotonic() + THREADS_END_S
    while threads(pid) > usual:
        if time.monotonic() > end:
            return True
        time.sleep(0.0002)
    return False


def _readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return any(event & select.POLLIN for _, event in poll.poll(0))


def _widen(pipe: int) -> None:
    """Let large arrays pass in fewer steps, where the system allows it."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
