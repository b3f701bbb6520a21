"""Which backend to use: the strongest that works here, or the one asked for by name."""

from __future__ import annotations

import contextlib
import os
from typing import Literal, TypeAlias

from sandbox.base import Device, Framework, Limits, Sandbox, SandboxUnavailable, Source
from sandbox.engine import EngineFacts, probe_docker

__all__ = ["BackendName", "EngineFacts", "choose", "own_code", "probe_docker"]

BackendName: TypeAlias = Literal["auto", "docker", "bubblewrap", "process"]
BY_STRENGTH: tuple[BackendName, ...] = ("docker", "bubblewrap", "process")
EXPOSED = (
    "only the process sandbox works here, in which a submission could find the job's tokens: set up Docker "
    "(grader sandbox build) or bubblewrap; where the job has nothing to lose, give --sandbox process"
)


def own_code() -> BackendName:
    """Return the backend for somebody's own code on their own machine, which a CI runner is not."""
    return "auto" if _on_a_runner() else "process"


def choose(name: BackendName, framework: Framework, runtime: str = "", device: Device = "cpu") -> Sandbox:
    """Return a sandbox; `auto` takes docker, else bubblewrap, else process, but that never on a CI runner.

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
        if last == "process" and _on_a_runner():
            raise SandboxUnavailable(EXPOSED)
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


def _on_a_runner() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"
