"""What the kernel counts of a container, read from its control group."""

from __future__ import annotations

import contextlib
from pathlib import Path


class Cgroup:
    """The files of a container's control group, of either version, where the engine runs on this machine."""

    def __init__(self, pid: int, container: str) -> None:
        folders: dict[str, Path] = {}
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
                _, controllers, path = line.split(":", 2)
                # A remote engine's process numbers mean nothing here.
                if container in path:
                    for controller in controllers.split(","):
                        folders[controller] = Path("/sys/fs/cgroup", controllers, path.lstrip("/"))
        unified = folders.get("", Path("/nonexistent"))
        self._usage = folders.get("cpuacct", unified) / "cpuacct.usage"
        self._stat = unified / "cpu.stat"
        self._kills = (folders["memory"] / "memory.oom_control") if "memory" in folders else unified / "memory.events"

    def cpu_seconds(self) -> float | None:
        """Return the CPU time, or None where the files are not to be had."""
        with contextlib.suppress(OSError):
            return int(self._usage.read_text()) / 1e9
        usage = _field(self._stat, "usage_usec")
        return None if usage is None else usage / 1e6

    def memory_kills(self) -> int | None:
        """Return how many processes were killed for memory, or None where the files are not to be had."""
        return _field(self._kills, "oom_kill")


def _field(path: Path, name: str) -> int | None:
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return None
