"""Calibrated tolerances: how far a correct answer may be from the reference's, measured on the reference itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grader.tree import is_floating, leaves, map_leaves

# Few results need many runs: the errors of a single number can cancel by accident in all of a few.
JITTERED_RUNS, SMALL, RUNS_WHEN_SMALL = 3, 64, 12

# Relative to the largest expected magnitude: forgives harmless variants such as a 1e-12 inside a logarithm.
FLOOR = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 2e-6, np.dtype(np.float16): 1e-3}

Function = Callable[[Mapping[str, Any]], Any]


def working_dtype(inputs: Mapping[str, Any]) -> np.dtype[Any]:
    """Return the dtype of the floating arrays in the inputs, float64 without any."""
    floating = [leaf.dtype for _, leaf in leaves(dict(inputs)) if is_floating(leaf)]
    return min(floating, key=lambda dtype: dtype.itemsize, default=np.dtype(np.float64))


def reference_errors(function: Function, inputs: Mapping[str, Any], value: Any) -> tuple[float, ...]:
    """Return, for each leaf of `value`, the reference's own error E, absolute.

    E is the largest whole-array difference between runs in the inputs' dtype, with every floating input moved by at
    most one unit in the last place, and the run in float64. For float64 inputs there is no better run, so E is the
    effect of the jitter alone. Whole-array, since single elements have accidentally tiny errors (docs/numerics.md).
    """
    dtype = working_dtype(inputs)
    low = dtype.itemsize < 8
    exact = function(_cast(inputs, np.float64)) if low else value
    size = sum(np.size(leaf) for _, leaf in leaves(value))
    count = RUNS_WHEN_SMALL if size < SMALL else JITTERED_RUNS
    runs = [_jittered(inputs, np.random.default_rng(run)) for run in range(count)]
    values = [value, *(function(run) for run in runs)] if low else [function(run) for run in runs]
    return tuple(
        max(_distance(leaf, other) for other in others)
        for leaf, *others in zip(*([leaf for _, leaf in leaves(v)] for v in (exact, *values)), strict=True)
    )


def allowed(expected: np.ndarray, error: float, dtype: np.dtype[Any], factor: float) -> np.ndarray:
    """Return the allowed absolute error per element: factor * E + 2u * |expected| + floor.

    expected: float array; error: E; dtype: the case's working dtype, whose unit roundoff is u.
    """
    magnitude = np.abs(np.where(np.isfinite(expected), expected, 0.0))
    scale = float(magnitude.max(initial=0.0))
    unit = float(np.finfo(dtype).eps) / 2
    floor = FLOOR[dtype] * (scale if scale > 0 else 1.0)
    return factor * error + 2 * unit * magnitude + floor


def _distance(left: Any, right: Any) -> float:
    """Return the largest absolute difference over the elements that are finite in both; 0 for what is no number."""
    if isinstance(left, str | None) or isinstance(right, str | None):
        return 0.0
    a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if a.shape != b.shape:
        return 0.0
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.abs(a[both] - b[both]).max(initial=0.0))


def _cast(inputs: Mapping[str, Any], dtype: Any) -> dict[str, Any]:
    return {
        name: map_leaves(lambda leaf: leaf.astype(dtype) if is_floating(leaf) else leaf, value)
        for name, value in inputs.items()
    }


def _jittered(inputs: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    def jitter(leaf: Any) -> Any:
        if not is_floating(leaf):
            return leaf
        towards = np.where(rng.random(leaf.shape) < 0.5, -np.inf, np.inf).astype(leaf.dtype)
        moved = np.nextafter(leaf, towards)
        return np.where((leaf == 0) | ~np.isfinite(leaf), leaf, moved)  # zeros carry structure: one-hot, padding

    return {name: map_leaves(jitter, value) for name, value in inputs.items()}
