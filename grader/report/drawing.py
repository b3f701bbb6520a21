"""What all figures of a report share: colours, settings, size and legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from grader.report.svg import FONT_SIZE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# At least 3:1 on the page's light and on its dark card, and told apart without colour by line and marker.
STUDENT = "#3584c9"
REFERENCE = "#858b91"
LIMIT = "#d1612f"
MISSED = "#9a6ad6"

WIDTH, HEIGHT = 340, 230
_POINTS_PER_INCH = 72
_SETTINGS = {
    "svg.fonttype": "none",
    "font.size": FONT_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # names come from results.json
}


@contextmanager
def canvas(name: str) -> Iterator[tuple[Figure, Axes]]:
    """Give a small figure with one plot that is laid out when it is drawn."""
    with sheet(name, layout="constrained") as figure:
        yield figure, figure.subplots()


@contextmanager
def sheet(name: str, height: float = HEIGHT, layout: str | None = None) -> Iterator[Figure]:
    """Give an empty figure in matplotlib's own defaults, whatever the user's settings are."""
    import matplotlib
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = dict(matplotlib.rcParamsDefault)
    settings = {key: value for key, value in settings.items() if not key.startswith("backend")} | _SETTINGS
    with matplotlib.rc_context({**settings, "svg.hashsalt": name}):
        yield Figure(figsize=(WIDTH / _POINTS_PER_INCH, height / _POINTS_PER_INCH), layout=layout)  # type: ignore[arg-type]


def legend(axes: Axes, columns: int, handles: Sequence[Line2D] | None = None) -> None:
    """Put the legend above the plot, in columns."""
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        frameon=False,
        borderaxespad=0.3,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.2,
    )
