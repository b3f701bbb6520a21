"""Heat maps: cells coloured by their values, with the numbers in them where there is room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from grader.model import Series
from grader.report.drawing import LIMIT, WIDTH, sheet
from grader.report.escape import excerpt
from grader.report.svg import inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Below 0 towards the one, above towards the other, in so many steps each; 0 itself is white.
_BELOW, _ABOVE = (0x1F, 0x66, 0xA8), (0xC4, 0x4E, 0x1C)
_STEPS = 8
_GAP, _HEAD, _FOOT = 16, 24, 6
_PANEL = (WIDTH - _GAP) / 2
_TALLEST = 190
_SMALLEST_CELL = 11
_SMALLEST_OUTLINED = 8
_DIGIT = 5.6
_EDGE: dict[str, Any] = {"edgecolor": "#8a8f94", "linewidth": 0.4}


def draw_maps(series: Sequence[Series], name: str, title: str, description: str) -> Markup:
    """Return two panels beside each other and the rest below, all with cells of one size.

    "expected" and "yours" share their colours; every other map has the full range for itself.
    """
    panels = [panel for panel in series[:4] if panel.rows and panel.rows[0]]
    columns, rows = max(len(p.rows[0]) for p in panels), max(len(p.rows) for p in panels)
    # Whole pixels: what is shorter to write is also sharper.
    cell = max(1, math.floor(min((_PANEL - 1) / columns, _TALLEST / rows, 34)))
    across = [panels[i : i + 2] for i in range(0, len(panels), 2)]
    heights = [max(len(p.rows) for p in pair) * cell + _HEAD + _FOOT for pair in across]
    shared = max((_largest(p) for p in panels if p.name in ("expected", "yours")), default=0.0)
    wrong = _wrong(panels)
    with sheet(name, sum(heights)) as figure:
        left_over = sum(heights)
        for pair, height in zip(across, heights, strict=True):
            for position, panel in enumerate(pair):
                deep, wide = len(panel.rows), len(panel.rows[0])
                bottom = left_over - _HEAD - deep * cell
                axes = figure.add_axes(
                    (
                        (position * (_PANEL + _GAP) + 1) / WIDTH,
                        bottom / sum(heights),
                        wide * cell / WIDTH,
                        deep * cell / sum(heights),
                    )
                )
                axes.set_axis_off()
                axes.set(xlim=(0, wide), ylim=(deep, 0))
                most = shared if panel.name in ("expected", "yours") else _largest(panel)
                axes.text(0, -6 / cell, f"{excerpt(panel.name, 20)}, up to {_short(most)}", va="bottom")
                _cells(axes, panel, most, cell, wrong if panel.name in ("yours", "difference") else frozenset())
            left_over -= height
        return inline(figure, name, title, description)


def _cells(axes: Axes, panel: Series, most: float, cell: float, wrong: frozenset[tuple[int, int]]) -> None:
    """Fill the cells level by level, so that a map is a few paths, and outline those that are wrong."""
    levels: dict[int, list[tuple[int, int]]] = {}
    missing = []
    labels = {
        (i, j): _short(value) for i, row in enumerate(panel.rows) for j, value in enumerate(row) if value is not None
    }
    roomy = cell >= _SMALLEST_CELL and max(map(len, labels.values()), default=0) * _DIGIT <= cell - 2
    for i, row in enumerate(panel.rows):
        for j, value in enumerate(row):
            if value is None:
                missing.append((i, j))
                continue
            level = round(_STEPS * value / most) if most else 0
            levels.setdefault(level, []).append((i, j))
            if roomy:
                ink = "#111111" if _light(_color(level)) else "#ffffff"
                axes.text(j + 0.5, i + 0.5, labels[i, j], color=ink, fontsize=9, ha="center", va="center")
    for level, cells in sorted(levels.items()):
        _squares(axes, cells, facecolor=_color(level), **_EDGE)
    _squares(axes, missing, facecolor="none", **_EDGE)
    for i, j in missing:
        axes.plot([j, j + 1, j + 0.5, j, j + 1], [i, i + 1, i + 0.5, i + 1, i], color=LIMIT, linewidth=1.2)
    if cell >= _SMALLEST_OUTLINED:
        _squares(axes, sorted(wrong), 1.5 / cell, edgecolor="#111111", facecolor="none", linewidth=1.6)


def _squares(axes: Axes, cells: Sequence[tuple[int, int]], inset: float = 0, **style: Any) -> None:
    """Add squares as one path."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    near, far = inset, 1 - inset
    corners = [(near, near), (far, near), (far, far), (near, far), (near, near)]
    vertices = [(j + x, i + y) for i, j in cells for x, y in corners]
    if vertices:
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(cells)
        # Not `add_patch`, which looks for the limits of the axes in every corner.
        axes.add_artist(PathPatch(Path(vertices, codes), **style))


def _wrong(panels: Sequence[Series]) -> frozenset[tuple[int, int]]:
    """Return the cells whose difference is not 0."""
    return frozenset(
        (i, j)
        for panel in panels
        if panel.name == "difference"
        for i, row in enumerate(panel.rows)
        for j, value in enumerate(row)
        if value != 0
    )


def _largest(panel: Series) -> float:
    return max((abs(value) for row in panel.rows for value in row if value is not None), default=0.0)


def _color(level: int) -> str:
    end = _BELOW if level < 0 else _ABOVE
    part = min(1.0, abs(level) / _STEPS)
    return "#" + "".join(f"{round(255 + (channel - 255) * part):02x}" for channel in end)


def _light(color: str) -> bool:
    """Tell whether dark text reads better on a colour than white."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return bool(0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 > 0.18)


def _short(value: float) -> str:
    """Return a number in as few characters as tell it apart."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}" if abs(value) < 1e3 else f"{value:.0f}"
    return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")
