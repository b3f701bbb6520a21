"""The two plots of a timed function: its paired rounds, and its cost against the size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from grader.model import Growth, Timing
from grader.report.drawing import LIMIT, REFERENCE, STUDENT, canvas, legend
from grader.report.escape import excerpt
from grader.report.svg import inline
from grader.timing.estimate import plus_minus, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Room beyond the outermost point, as a factor.
_ROOM = 1.35
_NAME = 60


def rounds(timing: Timing, name: str) -> Markup:
    """Return the ratio of each round on a log axis with the estimate, its interval and the limit; "" without rounds.

    `name` starts every id of the figure: it must be unique in the page.
    """
    measured = {number: ratio for number, ratio in enumerate(timing.rounds, 1) if 0 < ratio < math.inf}
    if not measured:
        return Markup()
    limit = f"limit {timing.band.full:g}x"
    said = [f"{len(measured)} rounds, from {times(min(measured.values()))} to {times(max(measured.values()))}"]
    with canvas(name) as (figure, axes):
        axes.plot(list(measured), list(measured.values()), "o", color=STUDENT, markersize=4.5, label="rounds")
        if timing.ratio and timing.uncertainty is not None:
            label = f"{times(timing.ratio)} {plus_minus(timing.uncertainty)}"
            said.append(f"estimate {label}")
            low, high = timing.ratio * max(1 - timing.uncertainty, 1e-3), timing.ratio * (1 + timing.uncertainty)
            axes.axhspan(low, high, color=STUDENT, alpha=0.25, linewidth=0)
            axes.axhline(timing.ratio, color=STUDENT, linewidth=1.5, label=label)
        axes.axhline(timing.band.full, color=LIMIT, linewidth=1.5, linestyle="--", label=limit)
        _log_y(axes, [*measured.values(), timing.band.full], lambda ratio: f"{ratio:g}x")
        axes.set_xlim(0.5, max(measured) + 0.5)
        axes.set_xticks([1, *range(5, max(measured) + 1, 5)])
        axes.set_xlabel("round")
        legend(axes, 3)
        title = f"Time of {excerpt(timing.function, _NAME)} in each round, in multiples of the reference's"
        return inline(figure, name, title, f"{', '.join([*said, limit])}.")


def growth(timing: Timing, name: str) -> Markup:
    """Return seconds against size on log axes, the student's and the reference's; "" without growth."""
    from matplotlib.ticker import EngFormatter

    found = timing.growth
    if found is None:
        return Markup()
    seconds = EngFormatter(unit="s", places=0)
    sides = (
        ("you", STUDENT, "o-", found.seconds, found.exponent),
        ("reference", REFERENCE, "s--", found.reference_seconds, found.expected),
    )
    said = []
    with canvas(name) as (figure, axes):
        for who, color, style, values, exponent in sides:
            label = f"{who} n^{exponent:.1f}"
            points = ", ".join(f"{seconds(value)} at {size:,}" for size, value in zip(found.sizes, values, strict=True))
            said.append(f"{label}: {points}")
            axes.plot(found.sizes, values, style[0], color=color, markersize=5)
            axes.plot(found.sizes, _line(found, values, exponent), style[1:], color=color, linewidth=1.5)
            axes.plot([], [], style, color=color, linewidth=1.5, markersize=5, label=label)
        axes.set_xscale("log")
        axes.set_xlim(found.sizes[0] / _ROOM, found.sizes[-1] * _ROOM)
        axes.set_xticks(found.sizes, [f"{size:,}" for size in found.sizes])
        axes.set_xlabel("size n")
        _log_y(axes, [*found.seconds, *found.reference_seconds], seconds)
        legend(axes, 2)
        title = f"Time of one call of {excerpt(timing.function, _NAME)} by the number of {excerpt(found.unit, _NAME)}"
        return inline(figure, name, title, f"{'; '.join(said)}.")


def _log_y(axes: Axes, values: Sequence[float], label: Callable[[float], str]) -> None:
    low, high = min(values) / _ROOM, max(values) * _ROOM
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    ticks = _ticks(low, high)
    axes.set_yticks(ticks, [label(tick) for tick in ticks])
    axes.minorticks_off()


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two positive ones: decades, with finer steps when there are few of them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    steps: tuple[float, ...] = (1, 2, 5) if high / low > 8 else (1, 1.5, 2, 3, 5, 7)
    if len(decades) > 3:
        steps = (1,)
    return [tick for decade in decades for step in steps if low <= (tick := step * 10.0**decade) <= high]


def _line(growth: Growth, seconds: Sequence[float], exponent: float) -> list[float]:
    """Return the power law through the geometric mean of the points."""
    logs, heights = [math.log(size) for size in growth.sizes], [math.log(value) for value in seconds]
    centre, height = math.fsum(logs) / len(logs), math.fsum(heights) / len(heights)
    return [math.exp(height + exponent * (log - centre)) for log in logs]
