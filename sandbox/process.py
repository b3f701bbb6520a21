"""The process backend: a worker as an ordinary process of this machine, for a student's own code."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

import psutil

from sandbox.base import Framework, Limits, SandboxUnavailable, Session, Source
from sandbox.leftovers import FOLDER_PREFIX
from sandbox.pool import Pool
from sandbox.processes import descendants
from sandbox.program import command
from sandbox.stream import Stream, last_line

MARK = "KERNEL_GRADER_BOX"
SEND_BUFFER = 1 << 20
HUNT_S = 5.0
CPU_CLOCK = 2  # Linux: the clock id of a process's scheduled time, in nanoseconds


class ProcessSandbox:
    """Boxes that are process groups of this machine."""

    name = "process"
    guarantees = (
        "Protects from endless loops, memory blow-ups and crashes of a student's own code; "
        "does not protect this machine's files, network or accounts from malicious code."
    )

    def __init__(self) -> None:
        if not hasattr(os, "fork"):
            raise SandboxUnavailable("the process sandbox needs a system with fork: use Docker, WSL, Linux or macOS")

        # Workers die with the thread that started them: the pool's only one, which lives as long as the pool.
        self._pool = Pool(_start)

    def warm(self, framework: Framework, limits: Limits, keep: int = 0) -> None:
        """Start a worker process ahead of its source, or keep so many waiting."""
        self._pool.warm(framework, limits, keep)

    def open(self, source: Source, limits: Limits) -> Session:
        """Return a session on a worker process that is ready. Raises SandboxUnavailable."""
        from sandbox.session import StreamSession  # with it comes NumPy, which the start of a box need not wait for

        return StreamSession(self._pool.take(source.framework, limits), source, limits, _process_limit(limits))

    def close(self) -> None:
        """End every worker."""
        self._pool.close()


def _start(framework: Framework, limits: Limits) -> ProcessBox:
    from sandbox.session import await_ready

    box = ProcessBox(framework)
    await_ready(box)
    return box


class ProcessBox:
    """A worker process in a session of its own, in a folder of its own, with an environment of its own."""

    def __init__(self, framework: Framework) -> None:
        self._folder = tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-")
        self._mark = secrets.token_hex(16)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by destroy()
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._stream = Stream(ours)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                [sys.executable, *command(framework)],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._errors,
                cwd=self._folder,
                env=self._environment(),
                start_new_session=True,
            )
        self._cpu_seconds = 0.0
        self._destroyed = False

    def _environment(self) -> dict[str, str]:
        pinned = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
        fixed = {"HOME": self._folder, "TMPDIR": self._folder, "PATH": os.defpath, "PYTHONHASHSEED": "0"}
        return {**fixed, "LANG": "C.UTF-8", MARK: self._mark, **dict.fromkeys(pinned, "1")}

    def send(self, buffers: Sequence[bytes | bytearray | memoryview], deadline: float) -> None:
        self._stream.send(buffers, deadline)

    def receive_into(self, room: memoryview, deadline: float) -> int:
        return self._stream.receive_into(room, deadline)

    def cpu_seconds(self) -> float:
        """Return the seconds of the worker, of its living descendants, and of those that it has buried."""
        if not self._destroyed:
            total = 0.0
            for pid in (self._process.pid, *_kin(self._process.pid)):
                total += _own_seconds(pid) + _buried_seconds(pid)
            # A child that dies between two readings moves from one sum to the other.
            self._cpu_seconds = max(self._cpu_seconds, total)
        return self._cpu_seconds

    def memory_kills(self) -> int:
        return 0

    def last_words(self) -> str:
        self._errors.seek(0)
        return last_line(self._errors.read(64 << 10))

    def trouble(self, ended: bool) -> str:
        """Say nothing: the system does not tell who ended a process."""
        return ""

    def destroy(self) -> None:
        if self._destroyed:
            return
        self.cpu_seconds()
        self._destroyed = True
        self._kill()
        self._stream.close()
        self._errors.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        """End the worker, what descends from it, and what has left it but bears its mark in the environment."""
        kin = [*_kin(self._process.pid)]
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        end = time.monotonic() + HUNT_S
        while (kin := kin + self._marked()) and time.monotonic() < end:
            for pid in kin:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            kin = []

    def _marked(self) -> list[int]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self._mark:
                    found.append(process.pid)
        return found


def _kin(pid: int) -> Iterator[int]:
    if sys.platform == "linux":
        yield from descendants(pid)
        return
    with contextlib.suppress(psutil.Error):
        yield from (process.pid for process in psutil.Process(pid).children(recursive=True))


def _own_seconds(pid: int) -> float:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return time.clock_gettime((~pid << 3) | CPU_CLOCK)
        return 0.0
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system
    return 0.0


def _buried_seconds(pid: int) -> float:
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return 0.0


def _process_limit(limits: Limits) -> int:
    """Return the limit in the system's terms, which counts all threads of the user, here and elsewhere."""
    if os.getuid() == 0:
        return limits.processes  # the system does not count root's
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == os.getuid():
                count += process.num_threads()
    return count + limits.processes
