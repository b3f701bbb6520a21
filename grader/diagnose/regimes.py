"""What wrong answers have in common that right ones have not, as being float32; and where NaN comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grader.diagnose.evidence import Answer, Diagnosis, Pair, pairs
from grader.tree import is_floating, leaves

# The largest x for which exp(x) is finite.
EXP_LIMIT = {np.dtype(np.float64): 709.0, np.dtype(np.float32): 88.0, np.dtype(np.float16): 11.0}
IMPRECISE = 1e-2
OVERFLOW = (
    "Large inputs become infinite on the way, and inf/inf or inf-inf is NaN. Does exp() see a large number? "
    "Subtract the largest one first."
)
ZERO_DIVISION = "NaN or infinity comes from a division by zero: guard what stands below the line."


def regime(answers: Sequence[Answer]) -> Diagnosis | None:
    """Return what exactly the wrong ones among the answers have in common, if it is something that has a name."""
    for word, hint, holds in REGIMES:
        marked = [holds(answer.inputs) for answer in answers]
        right = [not answer.wrong for answer in answers]
        if None in marked or not any(right) or all(right):
            continue
        if all(mark is not good for mark, good in zip(marked, right, strict=True)):
            close = word != "float32-only" or all(map(_is_close, filter(lambda answer: answer.wrong, answers)))
            if close:
                return Diagnosis(word, hint)
    return None


def not_finite(answers: Sequence[Answer]) -> Diagnosis | None:
    """Return where the NaN and infinities come from that all wrong answers hold."""
    wrong = [answer for answer in answers if answer.wrong]
    if not wrong or not all(any(map(_is_spoilt, pairs(answer))) for answer in wrong):
        return None
    if all(_largest(answer) > EXP_LIMIT[answer.expected.dtype] for answer in wrong):
        return Diagnosis("overflow", OVERFLOW)
    return Diagnosis("zero-division", ZERO_DIVISION) if all(map(_has_constant_row, wrong)) else None


def _is_float32(inputs: Mapping[str, Any]) -> bool | None:
    dtypes = {leaf.dtype for _, leaf in leaves(dict(inputs)) if is_floating(leaf)}
    return dtypes == {np.dtype(np.float32)} if dtypes else None


def _is_rectangular(inputs: Mapping[str, Any]) -> bool | None:
    shapes = [leaf.shape for _, leaf in leaves(dict(inputs)) if isinstance(leaf, np.ndarray)]
    sides = [shape[1:3] if len(shape) == 4 else shape for shape in shapes if len(shape) in (2, 4)]
    return any(height != width for height, width in sides) if sides else None


def _has_rows(inputs: Mapping[str, Any]) -> bool | None:
    arrays = [leaf for _, leaf in leaves(dict(inputs)) if isinstance(leaf, np.ndarray) and leaf.ndim >= 2]
    return arrays[0].shape[0] > 1 if arrays else None


def _is_close(answer: Answer) -> bool:
    """Return whether a wrong answer is nearly right, as one of too little precision is."""
    return all(_error(pair) < IMPRECISE for pair in pairs(answer)) and bool(pairs(answer))


def _error(pair: Pair) -> float:
    if pair.want.shape != pair.got.shape or not np.isfinite(pair.got).all():
        return float("inf")
    scale = float(np.abs(pair.want).max(initial=0.0)) or 1.0
    return float(np.abs(pair.want.astype(float) - pair.got).max(initial=0.0)) / scale


def _is_spoilt(pair: Pair) -> bool:
    return bool(np.isfinite(pair.want).all() and not np.isfinite(pair.got.astype(float)).all())


def _largest(answer: Answer) -> float:
    floating = [leaf for _, leaf in leaves(dict(answer.inputs)) if is_floating(leaf)]
    return max((float(np.abs(leaf).max(initial=0.0)) for leaf in floating), default=0.0)


def _has_constant_row(answer: Answer) -> bool:
    """Return whether some floating input has a row or a column without spread, or a zero."""
    for _, leaf in leaves(dict(answer.inputs)):
        if is_floating(leaf) and leaf.size:
            spreads = [np.ptp(leaf, axis=axis) for axis in range(leaf.ndim)]
            if (leaf == 0).any() or any((np.asarray(spread) == 0).any() for spread in spreads):
                return True
    return False


REGIMES: tuple[tuple[str, str, Callable[[Mapping[str, Any]], bool | None]], ...] = (
    (
        "float32-only",
        "Right for float64 inputs, not precise enough for float32 ones: look for sums or differences that lose digits.",
        _is_float32,
    ),
    (
        "square-only",
        "Right for square inputs only: two axes are mixed up somewhere.",
        _is_rectangular,
    ),
    ("one-row-only", "Right for a single row only: the rows get in each other's way.", _has_rows),
)
