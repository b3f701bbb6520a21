"""The container engine: is one there, what is it, and which sandbox images does it hold."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.base import Device, Framework, SandboxUnavailable
from sandbox.dialects import is_podman

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

REPOSITORY = "kernel-grader-sandbox"
SOCKET = "/var/run/docker.sock"
TIMEOUT_S = 60
PROBE_TIMEOUT_S = 3
LINE_CAP = 300
RUNTIMES = ("containerd", "runc", "crun")
KEPT = {
    "mem_limit": "Memory",
    "pids_limit": "PidsLimit",
    "nano_cpus": "NanoCpus",
    "read_only": "ReadonlyRootfs",
    "network_mode": "NetworkMode",
    "runtime": "Runtime",
}


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What is known of the engine; `problem` is one line that says what to do, empty when the engine answers."""

    name: str = "Docker"
    version: str = ""
    api_version: str = ""
    cgroup_version: str = ""
    seccomp: bool = False
    rootless: bool = False
    runtimes: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def tag(framework: Framework, device: Device = "cpu") -> str:
    """Return the name of a framework's sandbox image; a card's holds a torch that is built for it."""
    return f"{REPOSITORY}:{framework if device == 'cpu' else device}"


@contextmanager
def engine(timeout_s: int = TIMEOUT_S) -> Iterator[DockerClient]:
    """Yield a client of the engine and close it. Raises SandboxUnavailable when no engine answers."""
    client = connect(timeout_s)
    try:
        yield client
    finally:
        client.close()


def connect(timeout_s: int = TIMEOUT_S) -> DockerClient:
    """Return a client of the engine that DOCKER_HOST names or that listens on the usual socket.

    Raises SandboxUnavailable when none answers.
    """
    absent = _absent()
    if absent:
        raise SandboxUnavailable(absent)
    # Both take long to import, and most commands never need them.
    from docker import DockerClient
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        return DockerClient.from_env(timeout=timeout_s)  # asks the engine for its version
    except (DockerException, RequestException) as error:
        raise SandboxUnavailable(f"no Docker engine answers: {first_line(error)}") from error


def image_id(client: DockerClient, framework: Framework, device: Device = "cpu") -> str:
    """Return the id of a framework's image, never pulling. Raises SandboxUnavailable when there is none."""
    from docker.errors import ImageNotFound

    try:
        return str(client.images.get(tag(framework, device)).id)
    except ImageNotFound:
        option = " --cuda" if device == "cuda" else " --torch" if framework == "torch" else ""
        name = tag(framework, device)
        raise SandboxUnavailable(f"no sandbox image {name}: run `grader sandbox build{option}`") from None


def left_out(container: Container, options: Mapping[str, Any]) -> list[str]:
    """Return which of the options a container was made without, as some engines do and say nothing.

    Rootless engines on cgroup v1 bound nothing, and Podman takes no runtime.
    """
    kept = container.attrs["HostConfig"]
    lost = [option for option, name in KEPT.items() if option in options and kept.get(name) != options[option]]
    # An engine spells a request for devices out, so that it comes back in other words.
    return lost + ["device_requests"] * bool(options.get("device_requests") and not kept.get("DeviceRequests"))


def probe_docker() -> EngineFacts:
    """Return what `grader doctor` shows of the engine; quick when there is none."""
    try:
        with engine(PROBE_TIMEOUT_S) as client:
            version, info = client.version(), client.info()
            # Podman says localhost/NAME of what it was given as NAME.
            found = {
                name.removeprefix("localhost/"): str(image.id)
                for image in client.images.list(REPOSITORY)
                for name in image.tags
            }
    except SandboxUnavailable as error:
        return EngineFacts(problem=str(error))
    options = " ".join(info.get("SecurityOptions") or [])
    parts = {str(part.get("Name")): str(part.get("Version")) for part in version.get("Components") or []}
    return EngineFacts(
        name="Podman" if is_podman(version) else "Docker",
        version=str(version.get("Version", "")),
        api_version=str(version.get("ApiVersion", "")),
        cgroup_version=str(info.get("CgroupVersion", "1")),
        seccomp="name=seccomp" in options,
        rootless="name=rootless" in options,
        runtimes={name: text for name, text in parts.items() if name in RUNTIMES or name.startswith("OCI Runtime")},
        images=dict(sorted(found.items())),
    )


def _absent() -> str:
    """Return why no engine can answer, without loading the client's library; empty when one may."""
    host = os.environ.get("DOCKER_HOST", f"unix://{SOCKET}")
    if not host.startswith("unix://"):
        return ""
    path = host.removeprefix("unix://")
    if not Path(path).exists():
        return f"no Docker engine: {path} does not exist; start Docker, or use --sandbox process"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROBE_TIMEOUT_S)
        try:
            probe.connect(path)
        except PermissionError:
            return f"no permission to use Docker on {path}: join the docker group, or use --sandbox process"
        except OSError as error:
            return f"no Docker engine answers on {path} ({error.strerror or error}); start Docker"
    return ""


def first_line(error: Exception) -> str:
    """Return the first line of an exception's message, or its type's name."""
    return (str(error).splitlines() or [type(error).__name__])[0][:LINE_CAP]
