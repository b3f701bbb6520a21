"""What is said of a function's speed: one line with the numbers, and one for how its cost grows when that is news."""

from __future__ import annotations

from collections.abc import Iterator

from grader.model import Pace, Timing
from grader.timing.estimate import plus_minus, times
from grader.timing.growth import told


def lines(timing: Timing) -> Iterator[str]:
    """Yield "conv2d  14.2x the reference's CPU time, ±4 %, full speed points up to 4x", and what else is news."""
    yield f"{timing.function}  {summary(timing)}"
    if timing.flagged:
        yield f"{timing.function}  too fast to be true: a person should look at it"
    if timing.growth is not None and (growth := told(timing.function, timing.growth)):
        yield growth


def summary(timing: Timing) -> str:
    """Return the numbers in words, or why there are none."""
    if timing.ratio is None or timing.uncertainty is None:
        return timing.reason
    limit = f"full speed points up to {timing.band.full:g}x"
    state = {Pace.UNSTABLE: ", too unsteady to judge", Pace.SLOW: f", {100 * timing.share:.0f} % of them"}
    margin = plus_minus(timing.uncertainty)
    return f"{times(timing.ratio)} the reference's CPU time, {margin}, {limit}{state.get(timing.pace, '')}"
