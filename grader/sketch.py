"""What all right answers of a random function have in common, as far as it can be told without the course.

A sketch is a tree of plain values: {"items": [...]} for a tuple or list, {"keys": {...}} for a dictionary,
{"array": shape, "dtype": name} for an array, where None leaves the shape or dtype open, "number", and "any".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grader.tree import is_floating


def sketched(answers: Sequence[Any]) -> Any:
    """Return what the answers have in common."""
    first = answers[0]
    if all(isinstance(answer, tuple | list) for answer in answers) and len({len(a) for a in answers}) == 1:
        return {"items": [sketched(children) for children in zip(*answers, strict=True)]}
    if all(isinstance(answer, dict) and answer.keys() == first.keys() for answer in answers):
        return {"keys": {key: sketched([answer[key] for answer in answers]) for key in first}}
    if all(isinstance(answer, np.ndarray) and answer.ndim for answer in answers):
        shape = list(first.shape) if all(answer.shape == first.shape for answer in answers) else None
        same = all(is_floating(answer) and answer.dtype == first.dtype for answer in answers)
        return {"array": shape, "dtype": first.dtype.name if same else None}
    return "number" if all(map(_is_number, answers)) else "any"


def without_dtypes(sketch: Any) -> Any:
    """Return the sketch with every dtype left open."""
    if isinstance(sketch, dict) and "items" in sketch:
        return {"items": [without_dtypes(child) for child in sketch["items"]]}
    if isinstance(sketch, dict) and "keys" in sketch:
        return {"keys": {key: without_dtypes(child) for key, child in sketch["keys"].items()}}
    return sketch | {"dtype": None} if isinstance(sketch, dict) else sketch


def broken(sketch: Any, seeds: Sequence[int], inputs: Mapping[str, Any], outputs: Sequence[Any]) -> str | None:
    """Return the first demand that the outputs break, one output per seed, as a sentence for the student; else None."""
    for output in outputs:
        if problem := _differs(sketch, output, "The result"):
            return problem
    for i, output in enumerate(outputs):
        if not _equal(output, outputs[seeds.index(seeds[i])]):
            return (
                "Two calls with the generator in the same state gave different answers: all chance must come from rng."
            )
    return None


def _differs(sketch: Any, got: Any, name: str) -> str | None:
    match sketch:
        case {"items": [*items]}:
            if not isinstance(got, tuple | list) or len(got) != len(items):
                return f"{name} must be {len(items)} values, as a tuple or list."
            parts = (
                (item, child, f"{name}, part {i},") for i, (item, child) in enumerate(zip(items, got, strict=True), 1)
            )
            return next(filter(None, (_differs(*part) for part in parts)), None)
        case {"keys": dict() as keys}:
            if not isinstance(got, dict) or set(got) != set(keys):
                return f"{name} must be a dictionary with the keys {', '.join(keys)}."
            return next(filter(None, (_differs(keys[key], got[key], f"{name}, {key},") for key in keys)), None)
        case {"array": shape, "dtype": dtype}:
            if not isinstance(got, np.ndarray):
                return f"{name} must be an array."
            if shape is not None and list(got.shape) != list(shape):
                return f"{name} has shape {got.shape}; {tuple(shape)} is expected."
            if dtype is not None and got.dtype.name != dtype:
                return f"{name} has dtype {got.dtype}; {dtype} is expected."
        case "number" if not _is_number(got):
            return f"{name} must be a number."
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, np.ndarray | np.generic) and value.ndim == 0)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, tuple | list):
        return isinstance(right, tuple | list) and len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(_equal(left[k], right[k]) for k in left)
    if isinstance(left, np.ndarray | np.generic | float) and isinstance(right, np.ndarray | np.generic | float):
        a, b = np.asarray(left), np.asarray(right)
        floating = a.dtype.kind in "fc" and b.dtype.kind in "fc"
        return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=floating)
    return type(left) is type(right) and bool(left == right)
