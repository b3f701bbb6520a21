"""`grader doctor`: what works and what holds on this machine, one line each, and what to do about the rest."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeAlias

from grader import __version__
from grader.course import CourseError, find_course, topic_files
from sandbox.base import Framework, Sandbox, SandboxUnavailable
from sandbox.leftovers import counted, left_containers, left_folders
from sandbox.select import BackendName, choose, probe_docker

# Below these a container may break out: CVE-2024-21626 in runc; the engine's older ones know no cgroup v2.
ENGINE_FLOOR, RUNC_FLOOR = (20, 10), (1, 1, 12)


State: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `ok`, `warn` (something optional is missing) or `fail` (grading cannot work)."""

    state: State
    what: str
    detail: str


def examine(course: Path | None) -> list[Finding]:
    """Look at Python, libraries, engine, images, backends and course."""
    return [*_python(), *_engine(), *_backends(), *_leftovers(), *_course(course)]


def print_findings(findings: Sequence[Finding]) -> None:
    """Print one line per finding."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    styles = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark = f"[{styles[finding.state]}]{finding.state:<4}[/]"
        console.print(f"{mark}  {finding.what:<{width}}  {escape(finding.detail)}")


def _python() -> Iterator[Finding]:
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("ok", "python", f"{platform.python_version()} on {system}, {os.cpu_count()} cores ({sys.executable})")
    yield Finding("ok", "kernel-grader", f"{__version__}, NumPy {version('numpy')}")
    if importlib.util.find_spec("torch") is None:
        yield Finding("warn", "torch", "not installed: torch submissions need the docker backend's torch image")
    else:
        yield Finding("ok", "torch", version("torch"))


def _engine() -> Iterator[Finding]:
    facts = probe_docker()
    if facts.problem:
        yield Finding("warn", "engine", facts.problem)
        return
    confined = "seccomp on" if facts.seccomp else "seccomp OFF"
    rootless = ", rootless" if facts.rootless else ""
    old = "" if _numbers(facts.version) >= ENGINE_FLOOR else f"; older than {_dotted(ENGINE_FLOOR)}, update it"
    yield Finding(
        "warn" if old or not facts.seccomp else "ok",
        "engine",
        f"{facts.name} {facts.version}, API {facts.api_version}, cgroup v{facts.cgroup_version}, "
        f"{confined}{rootless}{old}",
    )
    yield from _runtime(facts.runtimes)
    for name, digest in facts.images.items():
        yield Finding("ok", "image", f"{name} {digest[:19]}")


def _runtime(runtimes: Mapping[str, str]) -> Iterator[Finding]:
    for name, found in runtimes.items():
        if name == "runc" and _numbers(found) < RUNC_FLOOR:
            advice = f"older than {_dotted(RUNC_FLOOR)} (CVE-2024-21626): update it, unless your distribution mended it"
            yield Finding("warn", name, f"{found}; {advice}")
        else:
            yield Finding("ok", name, found)


def _backends() -> Iterator[Finding]:
    working = 0
    pairs: list[tuple[BackendName, Framework]] = [
        ("docker", "numpy"),
        ("docker", "torch"),
        ("bubblewrap", "numpy"),
        ("process", "numpy"),
    ]
    for name, framework in pairs:
        label = f"{name} ({framework})" if name == "docker" else name
        try:
            sandbox = choose(name, framework)
        except SandboxUnavailable as error:
            yield Finding("warn", label, str(error))
            continue
        try:
            yield Finding("ok", label, sandbox.guarantees)
            yield from _canary(sandbox, framework)
            working += 1
        except SandboxUnavailable as error:
            yield Finding("fail", label, str(error))
        finally:
            sandbox.close()
    if not working:
        yield Finding("fail", "sandbox", "no backend works here: start Docker or install bubblewrap")


def _canary(sandbox: Sandbox, framework: Framework) -> Iterator[Finding]:
    """Say line by line what the box stopped; what it let pass is a failure, since grading would not be safe."""
    from grader.canary import canary

    for sighting in canary(sandbox, framework):
        state: State = "warn" if sighting.held is None else "ok" if sighting.held else "fail"
        yield Finding(state, f"  {sighting.what}", sighting.detail)


def _leftovers() -> Iterator[Finding]:
    containers, folders = left_containers(), len(left_folders())
    if containers or folders:
        what = f"{counted(containers, 'container')} and {counted(folders, 'folder')} of graders that were killed"
        yield Finding("warn", "leftovers", f"{what}: run `grader sandbox clean`")
    else:
        yield Finding("ok", "leftovers", "none")


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version."""
    return tuple(int(part) for part in re.match(r"[0-9.]*", text)[0].split(".") if part)  # type: ignore[index]


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def _course(explicit: Path | None) -> Iterator[Finding]:
    try:
        root = find_course(explicit, Path.cwd())
        yield Finding("ok", "course", f"{root}, {len(topic_files(root))} topics")
    except CourseError as error:
        yield Finding("fail" if explicit else "warn", "course", str(error))
    if os.environ.get("GRADER_SECRET"):
        yield Finding("ok", "secret", "GRADER_SECRET is set")
    else:
        yield Finding("warn", "secret", "GRADER_SECRET is not set: hidden inputs can be guessed from the course alone")
