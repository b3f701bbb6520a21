"""Which backend to use: the strongest that works here, or the one asked for by name."""

from __future__ import annotations

from typing import Literal, TypeAlias

from sandbox.base import Framework, Sandbox, SandboxUnavailable
from sandbox.engine import EngineFacts, probe_docker

__all__ = ["BackendName", "EngineFacts", "choose", "probe_docker"]

BackendName: TypeAlias = Literal["auto", "docker", "bubblewrap", "process"]


def choose(name: BackendName, framework: Framework, runtime: str = "") -> Sandbox:
    """Return a sandbox; `auto` takes docker, else process. `runtime` names another runtime of the container engine.

    Raises SandboxUnavailable when the named backend cannot work.
    """
    if runtime and name not in ("auto", "docker"):
        raise SandboxUnavailable(f"the {name} sandbox has no runtimes: use --sandbox docker, or leave out --runtime")
    if name == "auto":
        try:
            return choose("docker", framework, runtime)
        except SandboxUnavailable:
            if runtime:
                raise
            return choose("process", framework)
    if name == "docker":
        from sandbox.docker import DockerSandbox

        return DockerSandbox(framework, runtime)
    if name == "process":
        from sandbox.process import ProcessSandbox

        return ProcessSandbox()
    if name == "bubblewrap":
        raise SandboxUnavailable("the bubblewrap sandbox is not built yet: use --sandbox docker or --sandbox process")
    raise SandboxUnavailable(f"no sandbox is called {name}: use auto, docker, bubblewrap or process")
