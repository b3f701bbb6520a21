"""Processes as the system lists them: who descends from whom, who still lives, and how to end them all.

Runs in the box and on the host. Standard library alone; where there is no /proc nothing is found.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import struct
import sys
import time
from collections.abc import Container, Iterator

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
FILTER_MODE = 2


def control(option: int, value: int) -> None:
    """Set a Linux process attribute; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def filter_calls(rules: bytes) -> None:
    """Put this process under a filter of system calls for good; where the system has none, do nothing."""
    if sys.platform == "linux":
        control(PR_SET_NO_NEW_PRIVS, 1)
        steps = ctypes.create_string_buffer(rules)
        program = struct.pack("HP", len(rules) // 8, ctypes.addressof(steps))  # the kernel's struct sock_fprog
        ctypes.CDLL(None).prctl(PR_SET_SECCOMP, FILTER_MODE, program, 0, 0)


def descendants(pid: int) -> Iterator[int]:
    """Yield the children of a process, their children, and so on; zombies too."""
    children = _children(pid)
    yield from children
    for child in children:
        yield from descendants(child)


def threads(pid: int) -> int:
    """Return how many threads a process has; 1 where the system does not say."""
    try:
        # A folder's link count is 2 and one for each folder in it: one system call instead of a listing.
        links = os.stat(f"/proc/{pid}/task").st_nlink
        return links - 2 if links > 2 else len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 1


def lives(pid: int) -> bool:
    """Return whether the process runs: it exists and is no zombie."""
    return _stat(pid)[0] not in "ZX"


def sweep(root: int, keep: Container[int] = (), patience_s: float = 2.0) -> bool:
    """Kill the descendants of a process except `keep`, and reap this process's own; return whether none is left.

    The root must be a subreaper, or what a dying descendant leaves behind is not its descendant any more.
    """
    end = time.monotonic() + patience_s
    seen: set[int] = set()
    while victims := {pid for pid in descendants(root) if pid not in keep}:
        for pid in victims:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for pid in victims:
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)
        # A zombie that its parent has not reaped is dead enough, but it may have forked after it was first seen.
        if victims <= seen and not any(lives(pid) for pid in victims):
            return True
        if time.monotonic() > end:
            return False
        seen = victims
        time.sleep(0.0005)
    return True


def _children(pid: int) -> list[int]:
    if not _LISTED:
        return _children_by_parent(pid)
    found: list[int] = []
    # The process or a thread may end while it is looked at.
    with contextlib.suppress(OSError):
        for thread in [str(pid)] if threads(pid) == 1 else os.listdir(f"/proc/{pid}/task"):
            file = os.open(f"/proc/{pid}/task/{thread}/children", os.O_RDONLY)
            text = b""
            try:
                while part := os.read(file, 4096):
                    text += part
            finally:
                os.close(file)
            found += map(int, text.split())
    return found


def _children_by_parent(pid: int) -> list[int]:
    try:
        others = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    return [other for other in others if _stat(other)[1] == pid]


def _stat(pid: int) -> tuple[str, int]:
    """Return the state letter and the parent of a process; "X" when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent = file.read().rpartition(b")")[2].split()[:2]
        return state.decode(), int(parent)
    except (OSError, ValueError):
        return "X", 0


_LISTED = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
