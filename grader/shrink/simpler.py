"""Simpler inputs: fewer numbers first, then smaller ones; pure proposals, of which most are not valid."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from grader.shrink.promise import Place, Range, is_number, place, public_draws
from grader.topic import Topic
from grader.tree import Path, is_floating, leaves

Inputs: TypeAlias = "dict[str, Any]"
Axis: TypeAlias = tuple[Path, int]

# Axes of one length are lowered together; up to so many are also tried in pairs and threes.
FEW_AXES = 7
# The numbers that are tried in the place of another, the simplest first.
WHOLE = (0, 1, 2, -1, 3, -2, -3)
PARTS = (0.5, 0.25, 0.75)
# The cost of a number that is no quarter of a whole one.
OTHER = 100.0
COTANGENT = (1.0, 2.0, 3.0, -1.0, -2.0, -3.0)


def count(inputs: Mapping[str, Any]) -> int:
    """Return how many numbers there are."""
    return sum(np.size(leaf) for _, leaf in leaves(dict(inputs)) if is_number(leaf))


def cost(value: float) -> float:
    """Return how hard a number is to calculate with: whole numbers by their size, then quarters, then all others."""
    if not np.isfinite(value) or 4 * value != int(4 * value):
        return OTHER
    return abs(value) + (0.25 if value < 0 else 0.0) if value == int(value) else 10 + abs(value)


def cotangent(shape: tuple[int, ...], like: Any) -> Any:
    """Return a gradient arriving from above that is made of small whole numbers."""
    if not shape:
        return float(COTANGENT[0])
    numbers = np.resize(np.array(COTANGENT), shape)
    return numbers.astype(like.dtype if isinstance(like, np.ndarray) else np.float64)


def total_cost(inputs: Mapping[str, Any]) -> float:
    """Return the sum of the costs of all numbers."""
    numbers = (np.ravel(leaf).tolist() for _, leaf in leaves(dict(inputs)) if is_number(leaf))
    return sum(map(cost, itertools.chain.from_iterable(numbers)))


def alike(topic: Topic, inputs: Mapping[str, Any]) -> dict[Axis, tuple[int, ...]]:
    """Return the lengths of every axis in all visible cases: axes that mean the same have the same."""
    cases = [dict(leaves(draw.inputs)) for draw in public_draws(topic, 1)]
    return {
        (path, axis): tuple(np.shape(c[path])[axis] for c in cases if path in c and np.ndim(c[path]) == np.ndim(leaf))
        for path, leaf in leaves(dict(inputs))
        for axis in range(np.ndim(leaf) if isinstance(leaf, np.ndarray) else 0)
    }


def smaller(inputs: Inputs, alike: Mapping[Axis, Any], ranges: Mapping[Place, Range]) -> Iterator[Inputs]:
    """Return inputs with fewer numbers, the fewest first; `alike` tells axes of one length apart by their meaning."""
    found = leaves(inputs)
    groups = list(_groups(found, alike))
    for group, length in groups:
        for kept in _kept(length):
            yield from _cut(inputs, found, group, kept, ranges)
    yield from _shorter_lists(inputs)
    whole = [(path, leaf) for path, leaf in found if isinstance(leaf, int) and not isinstance(leaf, bool)]
    for path, leaf in whole:
        yield from (put(inputs, {path: lower}) for lower in _lower(leaf))
    for (path, leaf), (group, length) in itertools.product(whole, groups):
        for lower, kept in itertools.product(_lower(leaf), _kept(length)):
            yield from _cut(put(inputs, {path: lower}), found, group, kept, ranges)


def rounded(inputs: Inputs, ranges: Mapping[Place, Range]) -> Iterator[Inputs]:
    """Return inputs whose floating numbers are all small whole numbers, or quarters; then one array at a time."""
    floating = [(path, leaf) for path, leaf in leaves(inputs) if is_floating(leaf) and leaf.size]
    everything = [[pair] for pair in floating]
    for group, (step, top) in itertools.product([floating, *everything], ((1.0, 3.0), (0.25, 3.0), (1.0, np.inf))):
        yield put(inputs, {path: _rounded(leaf, step, top, ranges.get(place(path))) for path, leaf in group})


def plain(inputs: Inputs, ranges: Mapping[Place, Range]) -> Iterator[tuple[Path, Any]]:
    """Return arrays made of one small number, for a leaf each."""
    for path, leaf in leaves(inputs):
        if isinstance(leaf, np.ndarray) and leaf.size > 1 and not _is_distribution(path, ranges):
            yield from ((path, np.full_like(leaf, value)) for value in (0, 1, -1))


def elements(inputs: Inputs) -> list[tuple[Path, int]]:
    """Return the place of every single number: its leaf and its position there."""
    return [(path, i) for path, leaf in leaves(inputs) if is_number(leaf) for i in range(np.size(leaf))]


def with_element(inputs: Inputs, path: Path, position: int, ranges: Mapping[Place, Range]) -> Iterator[Inputs]:
    """Return inputs in which one number is a simpler one, the simplest first."""
    leaf = dict(leaves(inputs))[path]
    old = np.ravel(leaf)[position].item() if isinstance(leaf, np.ndarray | np.generic) else leaf
    if isinstance(leaf, float) and cost(old) < OTHER:
        return  # a rate or a threshold that is plain already is better left as it is
    simple = WHOLE if isinstance(old, int) else (*WHOLE, *PARTS)
    for value in simple:
        if cost(value) >= cost(old) or (isinstance(old, bool) and value not in (0, 1)):
            continue
        if not isinstance(leaf, np.ndarray):
            yield put(inputs, {path: type(leaf)(value)})
            continue
        flat = np.array(leaf).reshape(-1)
        flat[position] = value
        changed = flat.reshape(leaf.shape)
        if _is_distribution(path, ranges):
            changed = _sum_to_one(changed, position)
        yield put(inputs, {path: changed})


def put(inputs: Inputs, changes: Mapping[Path, Any]) -> Inputs:
    """Return inputs with other leaves; arrays keep their dtype and their layout in memory."""

    def walk(value: Any, path: Path) -> Any:
        if path in changes:
            new = changes[path]
            return _laid_out(new, value) if isinstance(value, np.ndarray) and isinstance(new, np.ndarray) else new
        if isinstance(value, dict):
            return {key: walk(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(walk(child, (*path, i)) for i, child in enumerate(value))
        return value

    return {name: walk(value, (name,)) for name, value in inputs.items()}


def _groups(found: Sequence[tuple[Path, Any]], alike: Mapping[Axis, Any]) -> Iterator[tuple[frozenset[Axis], int]]:
    """Return sets of axes of one length that may belong together, the likeliest first."""
    axes = {
        (path, axis): length
        for path, leaf in found
        if isinstance(leaf, np.ndarray)
        for axis, length in enumerate(leaf.shape)
        if length > 1
    }
    groups: dict[frozenset[Axis], int] = {}

    def add(key: Callable[[Axis], Any]) -> None:
        members: dict[Any, list[Axis]] = {}
        for axis in axes:
            members.setdefault(key(axis), []).append(axis)
        groups.update((frozenset(group), axes[group[0]]) for group in members.values())

    add(lambda axis: axes[axis])
    add(lambda axis: (axes[axis], alike.get(axis)))
    add(lambda axis: axis)
    for length in dict.fromkeys(axes.values()):
        same = [axis for axis in axes if axes[axis] == length]
        if len(same) <= FEW_AXES:
            for size in (3, 2):
                groups.update((frozenset(subset), length) for subset in itertools.combinations(same, size))
    yield from groups.items()


def _kept(length: int) -> Iterator[list[int]]:
    """Return which positions of an axis to keep: one, then all but ever shorter stretches."""
    everything = range(length)
    yield from ([i] for i in everything)
    for size in range(length - 2, 0, -1):
        for start in range(length - size + 1):
            yield [i for i in everything if not start <= i < start + size]


def _cut(
    inputs: Inputs,
    found: Sequence[tuple[Path, Any]],
    group: Iterable[Axis],
    kept: list[int],
    ranges: Mapping[Place, Range],
) -> Iterator[Inputs]:
    """Return inputs with some positions of some axes, as they are and with labels that count these positions."""
    arrays = dict(found)
    cut: dict[Path, Any] = {}
    for path, axis in group:
        cut[path] = np.take(cut.get(path, arrays[path]), kept, axis=axis)
    cut = {path: _sum_to_one(array) if _is_distribution(path, ranges) else array for path, array in cut.items()}
    yield put(inputs, cut)
    renamed = {old: new for new, old in enumerate(kept)}
    labels = {
        path: np.vectorize(lambda label: renamed.get(int(label), 0), otypes=[leaf.dtype])(cut.get(path, leaf))
        for path, leaf in found
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iu" and leaf.size
    }
    if labels:
        yield put(inputs, cut | labels)


def _shorter_lists(inputs: Inputs) -> Iterator[Inputs]:
    for name, value in inputs.items():
        if isinstance(value, list) and len(value) > 1:
            yield from ({**inputs, name: [value[i] for i in kept]} for kept in _kept(len(value)))


def _lower(number: int) -> list[int]:
    return list(dict.fromkeys(lower for lower in (0, 1, 2, number // 2, number - 1) if 0 <= lower < number))


def _rounded(leaf: np.ndarray, step: float, top: float, common: Range | None) -> np.ndarray:
    changed = np.where(np.isfinite(leaf), np.clip(np.rint(leaf / step) * step, -top, top), leaf)
    if common is not None and common.positive:
        changed = np.maximum(changed, step)
    return _sum_to_one(changed) if common is not None and common.sums_to_one else changed


def _is_distribution(path: Path, ranges: Mapping[Place, Range]) -> bool:
    return place(path) in ranges and ranges[place(path)].sums_to_one


def _sum_to_one(array: np.ndarray, but: int | None = None) -> np.ndarray:
    """Return an array whose rows sum to 1: the largest number of each, but not the one at position `but`, makes up."""
    rows = np.array(array, np.float64).reshape(-1, array.shape[-1])
    ranked = rows.copy()
    if but is not None and array.shape[-1] > 1:
        ranked.reshape(-1)[but] = -np.inf
    largest = (np.arange(len(rows)), ranked.argmax(axis=1))
    rows[largest] += 1 - rows.sum(axis=1)
    return rows.reshape(array.shape)


def _laid_out(array: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return an array with the dtype of another, and like it in C order, in Fortran order or with gaps."""
    array = array.astype(like.dtype)
    if like.flags.c_contiguous or not array.ndim:
        return np.ascontiguousarray(array) if array.ndim else array
    if like.flags.f_contiguous:
        return np.asfortranarray(array)
    return np.repeat(array, 2, axis=-1)[..., ::2]
