"""Any answer as the few numbers that a picture holds: what cannot be drawn raises, what is too much is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from grader.model import Series

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

MAX_BOXES = 60
MAX_CELLS = 32
# What is larger can be neither told apart nor drawn beside anything else.
_LARGEST = 1e30
# A difference that is worth a mark in a picture, relative to the largest expected magnitude.
_CLEAR = 1e-5


def numbers(value: Any) -> Array:
    """Return numbers as float64, NaN for what is too large to draw. Raises ValueError for anything else."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{array.dtype} holds no numbers to draw")
    array = array.astype(np.float64)
    return np.where(np.abs(array) <= _LARGEST, array, np.nan)


def indices(value: Any) -> list[int]:
    array = np.asarray(value)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError("these are no indices")
    return [int(index) for index in array]


def differ(expected: Array, actual: Array) -> Array:
    """Return where an answer is clearly wrong, or where it differs at all when nothing is clear."""
    scale = float(np.nanmax(np.abs(expected), initial=0)) or 1.0
    equal = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    clear: Array = ~equal & ~(np.abs(actual - expected) <= _CLEAR * scale)
    return clear if clear.any() else ~equal


def worst(expected: Array, actual: Array) -> tuple[int, ...]:
    """Return the index of the largest difference; what is not a number on one side counts as the largest."""
    if expected.shape != actual.shape or not expected.size:
        raise ValueError("there is nothing to compare element by element")
    distance = np.where(np.isnan(expected) & np.isnan(actual), 0, np.abs(actual - expected))
    index = np.unravel_index(int(np.argmax(np.where(np.isnan(distance), np.inf, distance))), expected.shape)
    return tuple(int(i) for i in index)


def plane(array: Array, at: tuple[int, ...]) -> Array:
    """Return one channel of one image as a map: the one at `at` where the array has it, else the first."""
    if array.ndim > 4 or not array.size:
        raise ValueError("there is no map to draw")
    if array.ndim == 4:
        array = array[at[0] if len(at) == 4 and at[0] < len(array) else 0]
    if array.ndim == 3:
        channel = at[-1] if at else 0
        array = array[..., channel if channel < array.shape[-1] else 0]
    return np.atleast_2d(array)


def spot(expected: Array, worst: tuple[int, ...]) -> tuple[float, float]:
    """Return where in its map an element is, as fractions of the height and the width."""
    rows, columns = np.atleast_2d(plane(expected, worst)).shape
    place = {4: worst[1:3], 3: worst[:2], 2: worst}.get(expected.ndim, (0, *worst[:1], 0)[:2])
    return place[0] / rows, place[1] / columns


def cropped(maps: Mapping[str, Array], spot: tuple[float, float]) -> dict[str, Array]:
    """Return the part of each map around the spot that is small enough."""
    cropped = {}
    for name, part in maps.items():
        for axis, fraction in enumerate(spot):
            size = part.shape[axis]
            start = int(np.clip(fraction * size - MAX_CELLS // 2, 0, max(0, size - MAX_CELLS)))
            part = np.take(part, range(start, min(size, start + MAX_CELLS)), axis)
        cropped[name] = part
    return cropped


def sample(points: Array, most: int) -> Array:
    """Return at most so many of the points, evenly over their order."""
    if len(points) <= most:
        return points
    return points[np.linspace(0, len(points) - 1, most).astype(int)] if most > 0 else points[:0]


def capped(groups: Mapping[str, Sequence[Sequence[Any]]]) -> tuple[Series, ...]:
    """Return the groups that have rows, the first ones whole as long as there is room."""
    series, room = [], MAX_BOXES
    for name, members in groups.items():
        if shown := members[:room]:
            series.append(Series(name, rows(shown)))
        room -= len(shown)
    return tuple(series)


def rows(values: Iterable[Iterable[Any]]) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(number(value) for value in row) for row in values)


def number(value: Any) -> float | None:
    """Return a number with six digits, which is more than a picture shows."""
    return float(f"{value:.6g}") if value is not None and np.isfinite(value) else None
