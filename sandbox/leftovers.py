"""Containers that outlived their grader: whose each container is, and the removal of those that are nobody's."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.container import remove

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

RUN_LABEL, OWNER_LABEL = "kernel-grader.run", "kernel-grader.owner"
DEADLINE_LABEL = "kernel-grader.deadline"


def new_run() -> str:
    """Return a name for a sandbox that no other has."""
    return secrets.token_hex(8)


@cache
def _here() -> str:
    """Return a name for the set of process numbers that this process sees; empty where the system has none."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return ""


def owner() -> str:
    """Return a name for this process that no other process has, before or after; empty where there is none."""
    return _named(os.getpid()) if _here() else ""


def leftovers(client: DockerClient) -> list[Container]:
    """Return the containers of graders that have ended.

    A grader of this machine is looked for among the processes, since a clock can jump; of any other, the container's
    deadline counts.
    """
    ours = client.containers.list(all=True, ignore_removed=True, filters={"label": DEADLINE_LABEL})
    return [container for container in ours if _is_left(container)]


def reap(client: DockerClient) -> int:
    """Remove the containers of graders that have ended; return how many. Raises DockerException."""
    found = leftovers(client)
    for container in found:
        remove(container)
    return len(found)


def _is_left(container: Container) -> bool:
    place, _, process = container.labels.get(OWNER_LABEL, "").rpartition(" ")[0].rpartition(" ")
    if place and place == _here():
        return not process.isdigit() or _named(int(process)) != container.labels[OWNER_LABEL]
    deadline = container.labels.get(DEADLINE_LABEL, "")
    return not deadline.isdigit() or int(deadline) < time.time()


def _named(pid: int) -> str:
    return f"{_here()} {pid} {_birth(pid)}"


def _birth(pid: int) -> str:
    """Return when a process started, in ticks of the kernel; empty when there is none."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return ""
