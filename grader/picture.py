"""For authors: makers of pictures that show a wrong answer, as small data that the reports draw.

Each takes the reference's answer and whatever the student's function returned, and raises where there is nothing to
draw; a topic's `picture` hook may let that pass. All bounds are on numbers that results.json carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from grader.drawable import (
    MAX_BOXES,
    Array,
    capped,
    cropped,
    differ,
    indices,
    numbers,
    plane,
    rows,
    sample,
    spot,
    worst,
)
from grader.model import Picture, Series

MAX_POINTS = 400
MAX_STEPS = 200
BINS = 40
_NAMED = 4


def boxes(corners: Any, expected: Any, actual: Any) -> Picture:
    """Show which boxes a selection keeps: `corners` is (N, 4), the other two are sequences of indices."""
    corners, wanted, mine = numbers(corners), indices(expected), indices(actual)
    known = range(len(corners))
    groups = {
        "wrongly kept": sorted(set(mine) - set(wanted)),
        "wrongly removed": sorted(set(wanted) - set(mine)),
        "kept": sorted(set(wanted) & set(mine)),
        "removed": sorted(set(known) - set(wanted) - set(mine)),
    }
    said = [f"{_boxes_named(which)} {name}" for name, which in list(groups.items())[:2] if which]
    if not said:
        said = [f"the right boxes in another order: expected {_listed(wanted)}, yours {_listed(mine)}"]
    right = len(groups["kept"]) + len(groups["removed"])
    shown = {name: [(*corners[i], i) for i in which if i in known] for name, which in groups.items()}
    return Picture(
        "boxes", f"{_sentence('; '.join(said))} {right} of {len(corners)} are treated rightly.", capped(shown)
    )


def found_boxes(expected: Any, actual: Any) -> Picture:
    """Show the boxes of two lists of corners, (K, 4) each: those in both, in the student's alone, and missing there."""
    wanted, mine = (numbers(corners).reshape(-1, 4)[: 2 * MAX_BOXES] for corners in (expected, actual))
    left, both = list(range(len(wanted))), []
    alone = []
    near = 1e-3 * max(1e-30, float(np.abs(wanted).max(initial=0)))
    for i, corners in enumerate(mine):
        match = next((j for j in left if (np.abs(wanted[j] - corners) <= near).all()), None)
        if match is None:
            alone.append(i)
        else:
            left.remove(match)
            both.append(match)
    if not alone and not left:
        raise ValueError("the boxes are right")
    shown = {
        "wrongly kept": [(*mine[i], i) for i in alone],
        "wrongly removed": [(*wanted[j], j) for j in left],
        "kept": [(*wanted[j], j) for j in both],
    }
    said = f"{_count(len(alone), 'box')} of yours should not be there; {_count(len(left), 'expected box')} missing"
    return Picture("boxes", f"{said}; {_count(len(both), 'box')} right.", capped(shown))


def overlap(box1: Any, box2: Any, expected: Any, actual: Any, names: tuple[str, str] = ("box 1", "box 2")) -> Picture:
    """Show two boxes and what they share, beside the expected and the student's IoU."""
    first, second = numbers(box1).reshape(4), numbers(box2).reshape(4)
    mine, right = (_said(numbers(value).reshape(())) for value in (actual, expected))
    near, far = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shown = {names[0]: [(*first, None)], names[1]: [(*second, None)]}
    areas = [_said((box[2:] - box[:2]).prod()) for box in (first, second)]
    common = "0"
    if (far > near).all():
        shown["shared area"] = [(*near, *far, None)]
        common = _said((far - near).prod())
    said = f"{names[0]} has the area {areas[0]}, {names[1]} {areas[1]}, and they share {common}"
    return Picture("boxes", f"{_sentence(said)} The IoU is {right}; yours is {mine}.", capped(shown))


def worst_overlap(boxes1: Any, boxes2: Any, expected: Any, actual: Any) -> Picture:
    """Show the pair of boxes, one of each list, whose IoU in a matrix is furthest from the expected one."""
    wanted, mine = numbers(expected), numbers(actual)
    i, j = worst(wanted, mine)
    names = f"boxes1[{i}]", f"boxes2[{j}]"
    return overlap(numbers(boxes1)[i], numbers(boxes2)[j], wanted[i, j], mine[i, j], names)


def heat(given: Any, expected: Any, actual: Any) -> Picture:
    """Show input, expected, the student's answer and the difference of arrays as maps of one channel of one image.

    Arrays are (N, H, W, C), (H, W, C), (H, W) or shorter. Of large ones a part around the largest difference is shown.
    """
    x, wanted, mine = numbers(given), numbers(expected), numbers(actual)
    same = wanted.shape == mine.shape
    at = worst(wanted, mine) if same else (0,) * wanted.ndim
    maps = {"input": plane(x, at), "expected": plane(wanted, at), "yours": plane(mine, at)}
    if same:
        maps["difference"] = maps["yours"] - maps["expected"]
        wrong = differ(wanted, mine)
        place = ", ".join(map(str, at))
        largest = mine[at] - wanted[at]
        said = (
            f"{int(wrong.sum())} of {_count(wrong.size, 'value')} {'differs' if wrong.size == 1 else 'differ'}, "
            f"most at [{place}]: expected {_said(wanted[at])}, yours {_said(mine[at])}"
            f"{f', {_said(abs(largest))} off' if np.isfinite(largest) else ''}"
        )
    else:
        said = f"the shape {wanted.shape} is expected; yours is {mine.shape}"
    if wanted.ndim > 2:
        said += f" (shown: {f'image {at[0]}, ' if wanted.ndim == 4 else ''}channel {at[-1]})"
    series = [Series(name, rows(part)) for name, part in cropped(maps, spot(wanted, at)).items()]
    return Picture("heat", _sentence(said), tuple(series))


def scatter(name: str, expected: Any, actual: Any) -> Picture:
    """Show each element of two arrays of one size as a point: the expected number across, the student's upwards."""
    wanted, mine = numbers(expected), numbers(actual)
    if wanted.shape != mine.shape or not wanted.size:
        raise ValueError("there are no pairs of numbers to draw")
    wrong = differ(wanted, mine).ravel()
    pairs = np.stack([wanted.ravel(), mine.ravel()], axis=1)
    drawable = np.isfinite(pairs).all(axis=1)
    groups = {"off the line": pairs[wrong & drawable], "right": pairs[~wrong & drawable]}
    most = max(MAX_POINTS // 2, MAX_POINTS - len(groups["right"]))
    groups["off the line"] = sample(groups["off the line"], most)
    groups["right"] = sample(groups["right"], MAX_POINTS - len(groups["off the line"]))
    lost = int((~np.isfinite(mine)).sum())
    note = f"; {lost} of yours {'is' if lost == 1 else 'are'} not finite" if lost else ""
    verb = "is" if wrong.sum() == 1 else "are"
    said = f"{int(wrong.sum())} of {_count(wrong.size, 'value')} of {name} {verb} off the line of equal values{note}."
    return Picture("scatter", said, tuple(Series(key, rows(points)) for key, points in groups.items() if len(points)))


def histogram(
    samples: Any, cdf: Callable[[Array], Array], low: float, high: float, of: str, bins: int | None = None
) -> Picture:
    """Show how samples are spread beside their expected distribution, given by its CDF, nearly all within low to high.

    What lies further out than the width of that range is counted and not drawn. `of` says what the samples are.
    """
    values = numbers(samples).ravel()
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise ValueError("there is nothing to count")
    width = high - low
    near = finite[(finite >= low - width) & (finite <= high + width)]
    ends = min(low, near.min(initial=low)), max(high, near.max(initial=high))
    bins = bins or int(np.clip(2 * finite.size**0.5, 8, BINS))
    edges = np.linspace(*ends, bins + 1)
    mine = np.histogram(near, edges)[0] / values.size
    # A step of the CDF at an edge belongs to the bin above it, as in the histogram.
    below = cdf(edges - 1e-9 * width)
    wanted = np.diff(below)
    middle = (edges[1:] + edges[:-1]) / 2
    mean = float(wanted @ middle)
    spread = float(wanted @ (middle - mean) ** 2) ** 0.5
    said = (
        f"{_count(values.size, 'value')} of {of}: mean {_centre(finite.mean(), spread)} and standard deviation "
        f"{finite.std():.2g}; expected about {_centre(mean, spread)} and {spread:.2g}"
    )
    if outside := values.size - near.size:
        said += f"; {outside} of yours {'lies' if outside == 1 else 'lie'} outside of the picture"
    columns = edges[:-1], edges[1:]
    return Picture(
        "histogram",
        f"{said}.",
        (
            Series(f"{of}, yours", rows(np.stack([*columns, mine], axis=1))),
            Series("expected", rows(np.stack([*columns, wanted], axis=1))),
        ),
    )


def curves(caption: str, lines: Mapping[str, Iterable[Sequence[float]]]) -> Picture:
    """Show named lines through points (x, y): a loss by step, a spread by layer."""
    series = {name: sample(numbers(list(points)).reshape(-1, 2), MAX_STEPS) for name, points in lines.items()}
    return Picture("curves", caption, tuple(Series(name, rows(points)) for name, points in series.items()))


def _centre(mean: float, spread: float) -> str:
    """Return a mean with two digits, 0 for what is nothing beside the spread."""
    return f"{mean if abs(mean) > 1e-3 * spread else 0:.2g}"


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("x") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _listed(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[: 2 * _NAMED]))
    return f"{shown}, ..." if len(indices) > 2 * _NAMED else shown or "none"


def _boxes_named(indices: Sequence[int]) -> str:
    if len(indices) > _NAMED:
        return f"{len(indices)} boxes"
    noun = "box" if len(indices) == 1 else "boxes"
    return f"{noun} {' and '.join(filter(None, [', '.join(map(str, indices[:-1])), str(indices[-1])]))}"


def _sentence(text: str) -> str:
    first = text[0].upper() if text.split(" ", 1)[0].isalpha() else text[0]
    return f"{first}{text[1:]}."


def _said(value: Any) -> str:
    """Return a number with four digits, without an exponent unless it is needed."""
    value = float(value)
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.4g}"
    return np.format_float_positional(value, precision=4, fractional=False, trim="-")
