"""Boxes whose worker is a process of this machine, reached through a pair of sockets."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import psutil

from sandbox.base import STEADY_MEMORY, Device, Framework, Limits, SandboxUnavailable, Session, Source
from sandbox.pool import Pool
from sandbox.processes import descendants
from sandbox.stream import Stream, last_line

THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    **dict.fromkeys(THREAD_COUNTS, "1"),
    **STEADY_MEMORY,
}
SEND_BUFFER = 1 << 20
ERRORS_READ = 64 << 10
CPU_CLOCK = 2  # Linux: the clock id of a process's scheduled time, in nanoseconds


class LocalSandbox:
    """What the backends without an engine share; `start` makes a box, `processes` the limit in the system's terms."""

    def __init__(self, start: Callable[[Framework, Device], LocalBox], processes: Callable[[Limits], int]) -> None:
        self._start, self._processes = start, processes
        # The system ends a box with the thread that started it: the pool's only one, which lives as long as the pool.
        self._pool = Pool(self._ready)

    @property
    def details(self) -> Mapping[str, str]:
        """The interpreter: the machine's own."""
        return {"Python": platform.python_version()}

    def warm(self, framework: Framework, limits: Limits, keep: int = 0) -> None:
        """Start a worker ahead of its source, or keep so many waiting."""
        self._pool.warm(framework, limits, keep)

    def open(self, source: Source, limits: Limits) -> Session:
        """Return a session on a worker that is ready. Raises SandboxUnavailable."""
        from sandbox.session import StreamSession  # with it comes NumPy, which the start of a box need not wait for

        return StreamSession(self._pool.take(source.framework, limits), source, limits, self._processes(limits))

    def close(self) -> None:
        """End every worker."""
        self._pool.close()

    def _ready(self, framework: Framework, limits: Limits) -> LocalBox:
        box = self._start(framework, limits.device)
        from sandbox.session import await_ready

        self._check(box, await_ready(box))
        return box

    def _check(self, box: LocalBox, facts: Mapping[str, Any]) -> None:
        """Look at what the worker found out about its confinement; a backend that promises some refuses less."""


class LocalBox:
    """A started program, its stream, and the clocks of all that descends from it; a backend says how to end it."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: str | None = None,
        files: Sequence[int] = (),
    ) -> None:
        """Start the program; it inherits `files`. Raises SandboxUnavailable when it cannot be started."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by destroy()
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._stream = Stream(ours)
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                    arguments,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._errors,
                    cwd=folder,
                    env=environment,
                    pass_fds=files,
                    start_new_session=True,
                )
        except OSError as error:
            self._release()
            raise SandboxUnavailable(f"the sandbox cannot start {arguments[0]}: {error.strerror or error}") from error
        self._cpu_seconds = self._total = 0.0
        self._destroyed = False

    def send(self, buffers: Sequence[bytes | bytearray | memoryview], deadline: float) -> None:
        self._stream.send(buffers, deadline)

    def receive_into(self, room: memoryview, deadline: float) -> int:
        return self._stream.receive_into(room, deadline)

    def cpu_seconds(self) -> float:
        """Return the seconds of the program, of its living descendants, and of those that these have buried."""
        if not self._destroyed:
            total = self._sum()
            if total < self._total:
                total = self._sum()  # the first may have missed one that was just dying, and buried later
            # A process that nobody waits for takes its seconds with it: what others add must not make up for them.
            self._cpu_seconds += max(0.0, total - self._total)
            self._total = total
        return self._cpu_seconds

    def _sum(self) -> float:
        return sum(_own_seconds(pid) + _buried_seconds(pid) for pid in (self._process.pid, *kin(self._process.pid)))

    def memory_kills(self) -> int:
        return 0

    def last_words(self) -> str:
        self._errors.seek(0)
        return last_line(self._errors.read(ERRORS_READ))

    def trouble(self, ended: bool) -> str:
        """Say nothing: the system does not tell who ended a process."""
        return ""

    def destroy(self) -> None:
        if self._destroyed:
            return
        self.cpu_seconds()
        self._end()
        self._release()
        self._destroyed = True  # last, so that an end that was interrupted is begun again

    def _end(self) -> None:
        """End the program and all that descends from it, and reap the program."""
        raise NotImplementedError

    def _end_group(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def _release(self) -> None:
        self._stream.close()
        self._errors.close()


def kin(pid: int) -> Iterator[int]:
    """Yield what descends from a process."""
    if sys.platform == "linux":
        yield from descendants(pid)
        return
    with contextlib.suppress(psutil.Error):
        yield from (process.pid for process in psutil.Process(pid).children(recursive=True))


def beside_others(limits: Limits) -> int:
    """Return the limit of processes where the system counts all threads of the user, here and elsewhere."""
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == os.getuid():
                count += process.num_threads()
    return count + limits.processes


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
