"""`grader bench`: timing alone, with many rounds, for students who tune."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from grader.assignment import AssignmentError
from grader.codec import to_json
from grader.model import Timing
from grader.pipeline import Prepared, stopwatch
from grader.progress import tracked
from grader.timing.measure import PATIENT
from sandbox.base import Sandbox


def bench(prepared: Prepared, sandbox: Sandbox) -> list[Timing]:
    """Time every function of the submission that has a band. Raises AssignmentError when there is none."""
    defined = prepared.submission.definitions
    bands = {f.name: f.band for f in prepared.assignment.functions if f.band is not None and f.name in defined}
    if not bands:
        raise AssignmentError(f"{prepared.submission.name} has no function that is timed: see `grader topics`.")
    return list(tracked(stopwatch(prepared, sandbox, PATIENT).times(bands), "timing", len(bands)))


def print_timings(timings: Sequence[Timing], as_json: bool) -> None:
    """Print one line per function, as the report says it, or a JSON list."""
    if as_json:
        sys.stdout.buffer.write(to_json(timings))
        return
    from rich.console import Console

    from grader.report import words

    console = Console(highlight=False)
    for timing in timings:
        console.print(f"{timing.function}  {words.speed(timing)}", markup=False)
        if growth := words.growth(timing):
            console.print(f"  {growth}", markup=False)
