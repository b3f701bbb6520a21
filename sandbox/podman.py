"""What Podman's Docker-compatible socket takes otherwise than Docker, or leaves out without a word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SECCOMP = Path(__file__).resolve().with_name("seccomp.json")
CLOSED = "ro,noexec,nosuid,nodev,size=4k,mode=555"


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
