"""What outlived its grader: whose each container and each folder is, and the removal of those that are nobody's."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.base import SandboxUnavailable
from sandbox.container import remove
from sandbox.engine import engine

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

RUN_LABEL, OWNER_LABEL = "kernel-grader.run", "kernel-grader.owner"
DEADLINE_LABEL = "kernel-grader.deadline"
FOLDER_PREFIX = "kernel-grader-"  # the process number of the grader follows


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


def clean() -> Iterator[str]:
    """Remove what killed graders left behind, and yield one line per kind of thing; what is in use stays."""
    try:
        with engine() as client:
            yield f"{counted(reap(client), 'container')} removed"
    except SandboxUnavailable as error:
        yield f"no container removed: {error}"
    folders = left_folders()
    for folder in folders:
        remove_folder(folder)
    yield f"{counted(sum(not folder.exists() for folder in folders), 'folder')} removed"


def left_containers() -> int:
    """Return how many containers of graders that have ended the engine holds; 0 when no engine answers."""
    try:
        with engine() as client:
            return len(leftovers(client))
    except SandboxUnavailable:
        return 0


def left_folders() -> list[Path]:
    """Return this user's folders of boxes whose grader has ended."""
    import psutil  # the start of a box need not wait for it

    found = []
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        pid = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            ours = folder.lstat().st_uid == os.getuid() and folder.is_dir() and not folder.is_symlink()
            if ours and pid.isdigit() and not psutil.pid_exists(int(pid)):
                found.append(folder)
    return sorted(found)


def remove_folder(folder: str | Path) -> None:
    """Remove a box's folder with all that the code has left in it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # the code has made a tree deeper than Python's stack
        subprocess.run(["rm", "-rf", "--", folder], check=False)  # noqa: S603, S607 - our own folder


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "no container", "1 container", "2 containers"."""
    return f"{count or 'no'} {noun}{'s' if count > 1 else ''}"


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
