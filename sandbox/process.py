"""The process backend: a worker as an ordinary process of this machine, for a student's own code."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import tempfile
import time

import psutil

from sandbox.base import Device, Framework, Limits, SandboxUnavailable
from sandbox.leftovers import FOLDER_PREFIX, remove_folder
from sandbox.local import ENVIRONMENT, LocalBox, LocalSandbox, beside_others, kin
from sandbox.processes import sweep
from sandbox.program import command

MARK = "KERNEL_GRADER_BOX"
HUNT_S = 5.0


class ProcessSandbox(LocalSandbox):
    """Boxes that are process groups of this machine."""

    name = "process"

    def __init__(self) -> None:
        if not hasattr(os, "fork"):
            raise SandboxUnavailable("the process sandbox needs a system with fork: use Docker, WSL, Linux or macOS")
        super().__init__(ProcessBox, _process_limit)

    @property
    def guarantees(self) -> str:
        bounded = "endless loops, memory blow-ups and crashes"
        if sys.platform != "linux":
            bounded = "endless loops and crashes (this system does not bound memory)"
        return (
            f"Protects from {bounded} of a student's own code; "
            "does not protect this machine's files, network or accounts from malicious code."
        )


class ProcessBox(LocalBox):
    """A worker process in a session of its own, in a folder of its own, with an environment of its own."""

    def __init__(self, framework: Framework, device: Device) -> None:
        try:
            self._folder = tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-")
        except OSError as error:
            raise SandboxUnavailable(f"the sandbox has no room for its folder: {error.strerror or error}") from error
        self._mark = secrets.token_hex(16)
        own = {"HOME": self._folder, "TMPDIR": self._folder, MARK: self._mark}
        if device != "cpu":
            own["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
        super().__init__([sys.executable, *command(framework, device)], ENVIRONMENT | own, self._folder)

    def _end(self) -> None:
        """End the worker's descendants, then the worker, then what has left it but bears its mark.

        The worker goes after its descendants: while it lives, even stopped, orphans of theirs become its children.
        """
        sweep(self._process.pid)
        left = [*kin(self._process.pid)]  # where there is no /proc to sweep by
        self._end_group()
        end = time.monotonic() + HUNT_S
        while (left := left + self._marked()) and time.monotonic() < end:
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            left = []

    def _release(self) -> None:
        super()._release()
        remove_folder(self._folder)

    def _marked(self) -> list[int]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self._mark:
                    found.append(process.pid)
        return found


def _process_limit(limits: Limits) -> int:
    return limits.processes if os.getuid() == 0 else beside_others(limits)  # root's are not counted
