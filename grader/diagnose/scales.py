"""Answers that are the expected ones times a constant: which constant, and what in the inputs it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from grader.diagnose.evidence import Diagnosis, Pair

TOLERANCE = 1e-5
CONSTANTS = {
    2.0: "twice what is expected",
    0.5: "half of what is expected",
    math.sqrt(2): "sqrt(2) times what is expected",
    math.sqrt(0.5): "what is expected divided by sqrt(2)",
    math.log(2): "ln 2 times what is expected: which base does the logarithm have?",
    1 / math.log(2): "what is expected divided by ln 2: which base does the logarithm have?",
    1 / math.log(10): "what is expected divided by ln 10: which base does the logarithm have?",
}
FORMS = (
    ("{} times what is expected: is a division missing?", lambda size: size),
    ("what is expected divided by {}: is it divided once too often?", lambda size: 1 / size),
    ("the root of {} times what is expected", math.sqrt),
    ("what is expected divided by the root of {}", lambda size: 1 / math.sqrt(size)),
    ("{} squared times what is expected", lambda size: size * size),
    ("what is expected divided by the square of {}", lambda size: 1 / (size * size)),
    ("what is expected times n/(n-1), where n is {}: divide by n, not by n-1", lambda size: size / (size - 1)),
    ("what is expected times (n-1)/n, where n is {}: divide by n-1, not by n", lambda size: (size - 1) / size),
    ("what is expected times 1 minus {}", lambda size: 1 - size),
    ("what is expected divided by 1 minus {}", lambda size: 1 / (1 - size)),
)


def scale(seen: Sequence[Pair]) -> Diagnosis | None:
    """Return how the student's results are the expected ones times a constant for each call, if they all are."""
    factors = [_factor(pair) for pair in seen]
    known = [factor for factor in factors if factor is not None]
    if len(known) < len(factors) or all(abs(factor - 1) < TOLERANCE for factor in known):
        return None
    told = _constant(known) or _of_inputs(seen, known)
    if told is None and _alike(known):
        told = f"{known[0]:.4g} times what is expected"
    if told is None:
        told = (
            "what is expected times a factor that depends on the input: something is summed, averaged or scaled wrongly"
        )
    return Diagnosis("scaled", "{name} is " + told.replace("{", "{{").replace("}", "}}") + _end(told))


def _factor(pair: Pair) -> float | None:
    """Return the constant between the student's result and the expected one, if there is one."""
    want, got = pair.want.astype(float), pair.got.astype(float)
    if want.shape != got.shape or not np.isfinite(got).all() or not np.isfinite(want).all() or not want.any():
        return None
    with np.errstate(all="ignore"):
        factor = float(np.vdot(want, got) / np.vdot(want, want))
    scaled = Pair(pair.name, pair.want, pair.got, pair.error * abs(factor), pair.answer)
    return factor if factor and math.isfinite(factor) and scaled.agrees(want * factor) else None


def _constant(factors: Sequence[float]) -> str | None:
    if not _alike(factors):
        return None
    for constant, told in CONSTANTS.items():
        for sign, prefix in ((1, ""), (-1, "minus ")):
            if math.isclose(factors[0], sign * constant, rel_tol=TOLERANCE):
                return prefix + told
    return None


def _of_inputs(seen: Sequence[Pair], factors: Sequence[float]) -> str | None:
    """Return what of the inputs the factor is in every call: a size or a number that was given."""
    sizes = [dict(_quantities(pair.answer.inputs)) for pair in seen]
    for name in sizes[0]:
        if not all(size.get(name, 0) > 0 for size in sizes):
            continue
        for told, form in FORMS:
            if all(_is(form, size[name], factor) for size, factor in zip(sizes, factors, strict=True)):
                return told.format(name)
    return None


def _is(form: Any, size: float, factor: float) -> bool:
    try:
        return math.isclose(form(size), factor, rel_tol=TOLERANCE)
    except (ValueError, ZeroDivisionError):
        return False


def _quantities(inputs: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in inputs.items():
        if isinstance(value, bool) or name == "dout":
            continue
        if isinstance(value, int | float):
            yield name, float(value)
        elif isinstance(value, np.ndarray):
            for axis, size in enumerate(value.shape):
                yield f"the size of axis {axis} of {name}", float(size)
            if value.ndim > 1:
                yield f"the number of elements of {name}", float(value.size)


def _alike(factors: Sequence[float]) -> bool:
    return all(math.isclose(factor, factors[0], rel_tol=TOLERANCE) for factor in factors)


def _end(told: str) -> str:
    return "" if told.endswith("?") else "."
