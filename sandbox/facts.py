"""What the kernel lets this process do: asked inside a box by our own worker, before any code of the student's.

Standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from typing import Any

LIMIT_FILES = {
    "memory": ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    "swap": ("/sys/fs/cgroup/memory.swap.max", "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"),
    "processes": ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"),
}


def facts() -> dict[str, Any]:
    """Return the privileges, the reach and the bounds of this process; None for what the system does not tell."""
    status = dict(line.split(":\t", 1) for line in _lines("/proc/self/status") if ":\t" in line)
    return {
        "uid": os.getuid(),
        "capabilities": _number(status.get("CapBnd"), 16),
        "no_new_privileges": _number(status.get("NoNewPrivs")),
        "seccomp": _number(status.get("Seccomp")),
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "root_is_read_only": _root_is_read_only(),
        "writable": _writable(),
        "swap_total": _number(next((line for line in _lines("/proc/meminfo") if line.startswith("SwapTotal:")), None)),
        **{name: _first(files) for name, files in LIMIT_FILES.items()},
    }


def _root_is_read_only() -> bool:
    """Return what the table of mounts says; gVisor's statvfs() calls no file system read-only."""
    options = [options for place, options in _mounts() if place == "/"]
    return bool(options) and "ro" in options[-1].split(",")


def _writable() -> list[str]:
    """Return the folders where something is mounted and this process may write."""
    return sorted({place for place, _ in _mounts() if os.path.isdir(place) and os.access(place, os.W_OK)})


def _mounts() -> list[tuple[str, str]]:
    """Return the place of each mount and its options, in the order in which they were made."""
    lines = [line.split(" ") for line in _lines("/proc/self/mountinfo")]
    return [(fields[4], fields[5]) for fields in lines if len(fields) > 5]


def _lines(path: str) -> list[str]:
    with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        return file.read().splitlines()
    return []


def _number(text: str | None, base: int = 10) -> int | None:
    found = re.search("[0-9a-f]+" if base == 16 else "[0-9]+", text or "")
    return int(found[0], base) if found else None


def _first(files: tuple[str, ...]) -> int | None:
    """Return the number in the first of the files that is there; "max" is none."""
    found = [lines[0] for path in files if (lines := _lines(path))]
    return _number(found[0]) if found else None
