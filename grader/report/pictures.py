"""Draw what a failed check shows: boxes, maps, points, histograms and curves, each told in words as well."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from grader.model import Picture, Series
from grader.report.drawing import HEIGHT, LIMIT, MISSED, REFERENCE, STUDENT, WIDTH, legend, sheet
from grader.report.escape import excerpt
from grader.report.maps import draw_maps
from grader.report.svg import inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

KINDS = {
    "boxes": "Boxes",
    "heat": "Maps",
    "scatter": "Your values against the expected ones",
    "histogram": "How often each value comes, yours and expected",
    "curves": "Curves",
}
_NAME = 40
_TOLD_ROWS = 8
# Line style, width and where the number of a box stands: no two groups differ by colour alone.
_BOXES: dict[str, tuple[str, Any, float, tuple[str, str]]] = {
    "kept": (STUDENT, "-", 1.8, ("left", "top")),
    "wrongly kept": (LIMIT, "--", 2.6, ("right", "bottom")),
    "wrongly removed": (MISSED, ":", 2.6, ("right", "top")),
    "removed": (REFERENCE, "-", 0.8, ("left", "bottom")),
}
_OTHER_BOXES = (_BOXES["kept"], _BOXES["wrongly kept"], (REFERENCE, "-", 0.8, ("left", "top")))
# Yours, then expected.
_BARS: tuple[tuple[str, Any, float], ...] = ((STUDENT, "-", 1.5), (LIMIT, "--", 2.0))
_POINTS = {"right": (STUDENT, "o"), "off the line": (LIMIT, "x")}


def draw(picture: Picture, title: str, name: str) -> Markup:
    """Return the picture as SVG with its numbers as alternative text; "" for what cannot be drawn.

    `name` starts every id of the figure: it must be unique in the page.
    """
    # results.json may come from anywhere, and numbers may lie so that matplotlib gives up: the caption says it all.
    try:
        return _draw(picture, name, f"{KINDS[picture.kind]}, {excerpt(title, 2 * _NAME)}")
    except Exception:
        return Markup()


def _draw(picture: Picture, name: str, title: str) -> Markup:
    if picture.kind == "heat":
        return draw_maps(picture.series, name, title, told(picture))
    painters: dict[str, Callable[[Axes, Sequence[Series]], list[Line2D]]] = {
        "boxes": _boxes,
        "scatter": _scatter,
        "histogram": _histogram,
        "curves": _curves,
    }
    with sheet(name, HEIGHT + (60 if picture.kind == "boxes" else 20)) as figure:
        # Fixed margins: to let matplotlib find them costs as much as the whole drawing.
        height = figure.get_figheight() * 72
        axes = figure.add_axes((52 / WIDTH, 42 / height, 1 - 62 / WIDTH, 1 - 92 / height))
        handles = painters[picture.kind](axes, picture.series)
        if axes.get_yscale() == "linear":
            axes.locator_params(nbins=5, min_n_ticks=2)
        if picture.kind == "curves" and all(point[0] % 1 == 0 for line in picture.series for point in _finite(line, 1)):
            axes.locator_params("x", integer=True)
        legend(axes, 2, handles)
        return inline(figure, name, title, told(picture))


def told(picture: Picture) -> str:
    """Return the caption and the first numbers of every series, for those who do not see the picture."""
    parts = [excerpt(picture.caption)]
    for series in picture.series:
        shown = ["(" + ", ".join(map(_told, row)) + ")" for row in series.rows[:_TOLD_ROWS]]
        more = len(series.rows) - len(shown)
        parts.append(f"{_label(series)}: {', '.join(shown)}{f' and {more} more' if more else ''}.")
    return " ".join(parts)


def _told(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _label(series: Series) -> str:
    return excerpt(series.name, _NAME)


def _boxes(axes: Axes, series: Sequence[Series]) -> list[Line2D]:
    """Draw corners with y downwards, as in an image, each box with its number at a corner that is its group's own."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    handles = []
    # What is wrong is drawn last, on top.
    for position, group in reversed(list(enumerate(series))):
        color, style, width, (across, down) = _BOXES.get(group.name, _OTHER_BOXES[min(position, 2)])
        for x1, y1, x2, y2, *number in _finite(group, 4):
            filled = group.name not in _BOXES and position > 1
            axes.add_patch(
                Rectangle(
                    (x1, y1),
                    x2 - x1,
                    y2 - y1,
                    edgecolor=color,
                    facecolor=color if filled else "none",
                    alpha=0.5 if filled else None,
                    linestyle=style,
                    linewidth=width,
                )
            )
            axes.plot([x1, x2], [y1, y2], linestyle="none")  # makes the axes wide enough
            if number and number[0] is not None:
                x, y = x1 if across == "left" else x2, y1 if down == "top" else y2
                axes.annotate(
                    f"{number[0]:.0f}",
                    (x, y),
                    (3 if across == "left" else -3, -2 if down == "top" else 3),
                    textcoords="offset points",
                    ha="left" if across == "left" else "right",
                    va="top" if down == "top" else "bottom",
                )
        thick, faint = (8, 0.5) if group.name not in _BOXES and position > 1 else (width, None)
        handles.append(Line2D([], [], color=color, linestyle=style, linewidth=thick, alpha=faint, label=_label(group)))
    axes.margins(0.04)
    axes.set_aspect("equal", adjustable="datalim")
    axes.invert_yaxis()
    axes.set_xlabel("x")
    axes.set_ylabel("y, downwards")
    return handles[::-1]


def _scatter(axes: Axes, series: Sequence[Series]) -> list[Line2D]:
    points = [point for group in series for point in _finite(group, 2)]
    low, high = min(point[0] for point in points), max(point[0] for point in points)
    if low == high:
        low, high = low - 1, high + 1
    handles = axes.plot([low, high], [low, high], "--", color=REFERENCE, linewidth=1.5, label="equal values")
    for group in reversed(series):
        color, marker = _POINTS.get(group.name, _POINTS["right"])
        xs, ys = zip(*(point[:2] for point in _finite(group, 2)), strict=True)
        handles += axes.plot(xs, ys, marker, color=color, markersize=5, markeredgewidth=1.5, label=_label(group))
    axes.set_xlabel("expected")
    axes.set_ylabel("yours")
    return handles


def _histogram(axes: Axes, series: Sequence[Series]) -> list[Line2D]:
    from matplotlib.lines import Line2D

    handles = []
    for position, group in enumerate(series[:2]):
        columns = _finite(group, 3)
        edges, shares = [columns[0][0], *(column[1] for column in columns)], [column[2] for column in columns]
        color, style, width = _BARS[position]
        if not position:
            axes.stairs(shares, edges, fill=True, color=color, alpha=0.3, linewidth=0)
        axes.stairs(shares, edges, color=color, linestyle=style, linewidth=width)
        handles.append(Line2D([], [], color=color, linestyle=style, linewidth=width, label=_label(group)))
    axes.set_ylim(0)
    axes.set_xlabel("value")
    axes.set_ylabel("share")
    return handles


def _curves(axes: Axes, series: Sequence[Series]) -> list[Line2D]:
    handles = []
    styles = ((REFERENCE, "s--"), (LIMIT, ":"), (MISSED, "^-."))
    others = 0
    heights = [point[1] for group in series for point in _finite(group, 2)]
    for group in series:
        if "yours" in group.name:
            color, style = STUDENT, "o-"
        else:
            color, style = styles[others % len(styles)]
            others += 1
        points = _finite(group, 2)
        marked = style if len(points) <= 20 else style[-2:].strip("so^")
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        handles += axes.plot(xs, ys, marked, color=color, linewidth=1.8, markersize=5, label=_label(group))
    if min(heights) > 0 and max(heights) > 100 * min(heights):
        axes.set_yscale("log")
    return handles


def _finite(series: Series, columns: int) -> list[tuple[float, ...]]:
    """Return the rows whose first numbers are all there; more numbers may follow them."""
    return [
        row  # type: ignore[misc]
        for row in series.rows
        if len(row) >= columns and all(value is not None and math.isfinite(value) for value in row[:columns])
    ]
