"""`grader verify`: an author's proof that topics are sound, in parallel over topics."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from grader.course import load_course
from grader.verify.prove import Effort, Proof, prove


def verify(root: Path, names: Sequence[str], effort: Effort, jobs: int | None = None) -> Iterator[Proof]:
    """Yield the proof of each named topic as it is done; a topic that does not load is a failed proof."""
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        for done in as_completed([pool.submit(_prove, root, name, effort) for name in names]):
            yield done.result()


def _prove(root: Path, name: str, effort: Effort) -> Proof:
    course = load_course(root, [name])
    if name in course.faults:
        return _failed(name, course.faults[name])
    try:
        return prove(course.topics[name], effort)
    except Exception as error:  # an author's code may fail in any way, and costs only its own topic
        return _failed(name, f"the proof stops with {type(error).__name__}: {error}")


def _failed(name: str, reason: str) -> Proof:
    return Proof(name, 0, 0, 0, 0.0, 0.0, 0, (), {}, (), (reason,))
