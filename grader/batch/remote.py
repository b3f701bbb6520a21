"""What runs on a worker of a cluster: its own course, engine and sandbox, kept from one submission to the next."""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from grader import __version__
from grader.batch.find import HaltedError
from grader.batch.keys import course_digest
from grader.batch.model import Done, Job, Setup
from grader.batch.worker import Grader
from sandbox.base import SandboxUnavailable


@dataclass(frozen=True, slots=True)
class Task:
    """How to grade, and what must be the same on every worker."""

    setup: Setup
    facts: Mapping[str, str]


_lock = threading.Lock()
_idle: dict[str, list[Grader]] = {}
_checked: set[str] = set()


def facts(setup: Setup, course: str) -> dict[str, str]:
    """Return what a grade depends on beside the submission and the sandbox."""
    return {
        "the engine": __version__,
        "NumPy": np.__version__,
        f"the course in {setup.request.course}": course[:12] or "missing",
    }


def differences(task: Task) -> list[str]:
    """Return what this worker has another version of, a line each."""
    here = facts(task.setup, course_digest(task.setup.request.course))
    return [f"{what} {here[what]}, and not {wanted}" for what, wanted in task.facts.items() if here[what] != wanted]


def grade(task: Task, job: Job) -> Done:
    """Grade a job here. Raises HaltedError when this worker cannot grade, or would grade in another way."""
    with _grader(task) as grader:
        return grader.grade(job)


def release() -> None:
    """End the sandboxes that wait here."""
    with _lock:
        graders = [grader for idle in _idle.values() for grader in idle]
        _idle.clear()
        _checked.clear()
    for grader in graders:
        grader.close()


@contextlib.contextmanager
def _grader(task: Task) -> Iterator[Grader]:
    """Lend a grader to one thread at a time."""
    name = repr(task)
    with _lock:
        if name not in _checked and (found := differences(task)):
            raise HaltedError(f"a worker has {'; '.join(found)}.")
        _checked.add(name)
        idle = _idle.setdefault(name, [])
        grader = idle.pop() if idle else None
    try:
        grader = grader or Grader(task.setup)
    except SandboxUnavailable as error:
        raise HaltedError(f"a worker has no sandbox: {error}") from error
    try:
        yield grader
    finally:
        with _lock:
            kept = _idle.get(name) is idle
            if kept:
                idle.append(grader)
        if not kept:
            grader.close()


def _at_exit() -> None:
    with contextlib.suppress(Exception):  # the sandboxes that are left are reaped by the next grader
        release()


atexit.register(_at_exit)
