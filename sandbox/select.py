"""Which backend to use: the strongest that works here, or the one asked for by name."""

from __future__ import annotations

import contextlib
from typing import Literal, TypeAlias

from sandbox.base import Framework, Sandbox, SandboxUnavailable
from sandbox.engine import EngineFacts, probe_docker

__all__ = ["BackendName", "EngineFacts", "choose", "probe_docker"]

BackendName: TypeAlias = Literal["auto", "docker", "bubblewrap", "process"]
BY_STRENGTH: tuple[BackendName, ...] = ("docker", "bubblewrap", "process")


def choose(name: BackendName, framework: Framework, runtime: str = "") -> Sandbox:
    """Return a sandbox; `auto` takes docker, else bubblewrap, else process.

    `runtime` names another runtime of the container engine. Raises SandboxUnavailable when the named backend cannot
    work.
    """
    if runtime and name not in ("auto", "docker"):
        raise SandboxUnavailable(f"the {name} sandbox has no runtimes: use --sandbox docker, or leave out --runtime")
    if name == "auto":
        *stronger, last = ("docker",) if runtime else BY_STRENGTH
        for candidate in stronger:
            with contextlib.suppress(SandboxUnavailable):
                return choose(candidate, framework)
        return choose(last, framework, runtime)
    if name == "docker":
        from sandbox.docker import DockerSandbox

        return DockerSandbox(framework, runtime)
    if name == "bubblewrap":
        from sandbox.bubblewrap import BubblewrapSandbox

        return BubblewrapSandbox(framework)
    if name == "process":
        from sandbox.process import ProcessSandbox

        return ProcessSandbox()
    raise SandboxUnavailable(f"no sandbox is called {name}: use auto, docker, bubblewrap or process")
