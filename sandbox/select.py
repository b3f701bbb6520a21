"""Which backend to use: the strongest that works here, or the one asked for by name."""

from __future__ import annotations

import contextlib
from typing import Literal, TypeAlias

from sandbox.base import Device, Framework, Limits, Sandbox, SandboxUnavailable, Source
from sandbox.engine import EngineFacts, probe_docker

__all__ = ["BackendName", "EngineFacts", "choose", "probe_docker"]

BackendName: TypeAlias = Literal["auto", "docker", "bubblewrap", "process"]
BY_STRENGTH: tuple[BackendName, ...] = ("docker", "bubblewrap", "process")


def choose(name: BackendName, framework: Framework, runtime: str = "", device: Device = "cpu") -> Sandbox:
    """Return a sandbox; `auto` takes docker, else bubblewrap, else process.

    `runtime` names another runtime of the container engine. A sandbox for a card has opened it in a box before it is
    returned. Raises SandboxUnavailable when the named backend cannot work.
    """
    if runtime and name not in ("auto", "docker"):
        raise SandboxUnavailable(f"the {name} sandbox has no runtimes: use --sandbox docker, or leave out --runtime")
    if device != "cpu" and name == "bubblewrap":
        raise SandboxUnavailable("the bubblewrap sandbox has no GPU: use --sandbox docker or --sandbox process")
    if name == "auto":
        *stronger, last = ("docker",) if runtime else BY_STRENGTH
        for candidate in stronger:
            with contextlib.suppress(SandboxUnavailable):
                return choose(candidate, framework, device=device)
        return choose(last, framework, runtime, device)
    sandbox = _make(name, framework, runtime, device)
    if device != "cpu":
        try:
            sandbox.open(Source((), framework), Limits.for_framework(framework, device)).close()
        except BaseException:
            sandbox.close()
            raise
    return sandbox


def _make(name: BackendName, framework: Framework, runtime: str, device: Device) -> Sandbox:
    if name == "docker":
        from sandbox.docker import DockerSandbox

        return DockerSandbox(framework, runtime, device)
    if name == "bubblewrap":
        from sandbox.bubblewrap import BubblewrapSandbox

        return BubblewrapSandbox(framework)
    if name == "process":
        from sandbox.process import ProcessSandbox

        return ProcessSandbox()
    raise SandboxUnavailable(f"no sandbox is called {name}: use auto, docker, bubblewrap or process")
