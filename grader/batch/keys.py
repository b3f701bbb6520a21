"""What a grading was made from, as one digest: with the same key nothing needs to be done again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from grader import __version__
from grader.batch.model import Setup


def course_digest(root: Path) -> str:
    """Identify the content of a course: the names and bytes of all its files; empty where there is none."""
    whole, empty = hashlib.sha256(), hashlib.sha256().hexdigest()
    for part in ("reference", "assignments"):
        for path in sorted((root / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(root).as_posix()
                whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest().replace(empty, "")


def options_digest(setup: Setup, course: str) -> str:
    """Identify everything that a grade depends on but the submission: course, engine and options."""
    asked = setup.request
    parts = (
        __version__,
        course,
        *(repr(part) for part in (asked.assignments, asked.functions, asked.speed)),
        *(asked.framework, asked.device, asked.secret, setup.backend, setup.runtime),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def key(options: str, submission: str) -> str:
    """Return the key of a grading."""
    return hashlib.sha256(f"{options}\0{submission}".encode()).hexdigest()
