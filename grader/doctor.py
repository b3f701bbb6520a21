"""`grader doctor`: what works on this machine, one line each, and what to do about the rest."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from grader import __version__
from grader.course import CourseError, find_course, topic_files
from sandbox.base import Framework, SandboxUnavailable
from sandbox.select import choose, probe_docker


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `ok`, `warn` (something optional is missing) or `fail` (grading cannot work)."""

    state: Literal["ok", "warn", "fail"]
    what: str
    detail: str


def examine(course: Path | None) -> list[Finding]:
    """Look at Python, libraries, engine, images, backends and course."""
    return [*_python(), *_engine(), *_backends(), *_course(course)]


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
    yield Finding(
        "ok" if facts.seccomp else "warn",
        "engine",
        f"{facts.name} {facts.version}, API {facts.api_version}, cgroup v{facts.cgroup_version}, {confined}{rootless}",
    )
    for name, digest in facts.images.items():
        yield Finding("ok", "image", f"{name} {digest[:19]}")


def _backends() -> Iterator[Finding]:
    working = 0
    pairs: list[tuple[Literal["docker", "process"], Framework]] = [
        ("docker", "numpy"),
        ("docker", "torch"),
        ("process", "numpy"),
    ]
    for name, framework in pairs:
        label = f"{name} ({framework})" if name == "docker" else name
        try:
            sandbox = choose(name, framework)
        except SandboxUnavailable as error:
            yield Finding("warn", label, str(error))
            continue
        working += 1
        yield Finding("ok", label, sandbox.guarantees)
        sandbox.close()
    if not working:
        yield Finding("fail", "sandbox", "no backend works here: start Docker, or use Linux or macOS")


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
