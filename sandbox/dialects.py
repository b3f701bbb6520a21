"""What Podman takes otherwise than Docker, and gVisor otherwise than runc, for a box to be the same in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SECCOMP = Path(__file__).resolve().with_name("seccomp.json")
CLOSED = "ro,noexec,nosuid,nodev,size=4k,mode=555"
HOST_THREADS = 8  # of gVisor for each process in it: 5 were counted
GVISOR_THREADS = 64  # of gVisor itself: 30 were counted


def is_podman(version: Mapping[str, Any]) -> bool:
    """Return whether an engine that answers so to the question for its version is Podman."""
    return any(part.get("Name") == "Podman Engine" for part in version.get("Components") or [])


def podman_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a container's options in Podman's words.

    The seccomp profile is a file on the engine's machine, not a text. A tmpfs has no bound of inodes: they are
    kernel memory, which the container's memory limit bounds. And a read-only root comes with two more places to
    write to, of any size and open to programs, unless they are named here.
    """
    security = [f"seccomp={SECCOMP}" if option.startswith("seccomp=") else option for option in options["security_opt"]]
    tmpfs = {path: text.replace(",nr_inodes=4096", "") for path, text in options["tmpfs"].items()}
    return options | {"security_opt": security, "tmpfs": tmpfs | {"/run": CLOSED, "/var/tmp": CLOSED}}  # noqa: S108


def gvisor_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a container's options for gVisor's runtime, `runsc`.

    The control group counts gVisor's own threads and gVisor ends when it gets no more, so the processes in it are
    bounded by a resource limit, which it counts for each container.
    """
    from docker.types import Ulimit

    processes = options["pids_limit"]
    return options | {
        "pids_limit": HOST_THREADS * processes + GVISOR_THREADS,
        "ulimits": [*options["ulimits"], Ulimit(name="nproc", soft=processes, hard=processes)],
    }
