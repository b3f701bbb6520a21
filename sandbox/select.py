"""Which backend to use: the strongest that works here, or the one asked for by name."""

from __future__ import annotations

from typing import Literal, TypeAlias

from sandbox.base import Framework, Sandbox, SandboxUnavailable
from sandbox.engine import EngineFacts, probe_docker

__all__ = ["BackendName", "EngineFacts", "choose", "probe_docker"]

BackendName: TypeAlias = Literal["auto", "docker", "bubblewrap", "process"]
BY_STRENGTH: tuple[BackendName, ...] = ("docker", "bubblewrap")


def choose(name: BackendName, framework: Framework) -> Sandbox:
    """Return a sandbox; `auto` takes docker, else bubblewrap, else process.

    Raises SandboxUnavailable when the named one cannot work.
    """
    if name == "auto":
        for stronger in BY_STRENGTH:
            try:
                return choose(stronger, framework)
            except SandboxUnavailable:
                continue
        return choose("process", framework)
    if name == "docker":
        from sandbox.docker import DockerSandbox

        return DockerSandbox(framework)
    if name == "bubblewrap":
        from sandbox.bubblewrap import BubblewrapSandbox

        return BubblewrapSandbox(framework)
    if name == "process":
        from sandbox.process import ProcessSandbox

        return ProcessSandbox()
    raise SandboxUnavailable(f"no sandbox is called {name}: use auto, docker, bubblewrap or process")
