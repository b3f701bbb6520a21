"""How the cost grows with the size: the exponent of a power law through three sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from grader.model import Growth

FEWEST_ROUNDS = 3
# A smaller difference of exponents is no other algorithm.
WORSE = 0.3
# Exponents this near to a whole number are printed as one.
NEARLY_WHOLE = 0.15


def fit(
    unit: str, sizes: Sequence[int], rounds: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]
) -> Growth | None:
    """Fit exponents to seconds per call: one row per round with a column per size, rows of both measured together.

    Each exponent is the slope of ln seconds against ln size by least squares with equal weights, taken round by round
    and averaged, which is the fit to all rounds at once. `error` adds four parts in quadrature, two for each side:
    two standard errors of that average, from how the rounds differ, and the standard error of the slope from what the
    power law leaves unexplained, since no number of rounds shows a bend away. `seconds` are geometric means.

    A constant overhead flattens the smallest sizes. The cost of an empty call is subtracted before; what then bends
    the line widens `error`, and `told` takes it out of the reference's exponent. A round with a time that is not
    finite and above 0 is left out on both sides. Returns None below three rounds; raises ValueError unless there are
    three sizes in rising order.
    """
    if len(sizes) != 3 or sizes[0] <= 0 or any(a >= b for a, b in pairwise(sizes)):
        raise ValueError(f"Growth needs three sizes above 0 in rising order, not {list(sizes)}.")
    pairs = [
        (mine, theirs)
        for mine, theirs in zip(rounds, reference, strict=True)
        if all(0 < seconds < math.inf for seconds in (*mine, *theirs))
    ]
    if len(pairs) < FEWEST_ROUNDS:
        return None
    mine, theirs = zip(*pairs, strict=True)
    exponent, error = _exponent(sizes, mine)
    expected, expected_error = _exponent(sizes, theirs)
    return Growth(
        unit, tuple(sizes), _means(mine), _means(theirs), exponent, math.hypot(error, expected_error), expected
    )


def told(function: str, growth: Growth) -> str:
    """Return "your nms grows like n^2.9 in the number of boxes; n^2 is expected", or "" when it is not clearly worse.

    Worse means by more than the error and by at least 0.3 than the reference's exponent, with or without a constant
    overhead, whichever is steeper: a vectorised reference is mostly overhead at small sizes and looks too good.
    """
    expected = max(growth.expected, _without_overhead(growth.sizes, growth.reference_seconds))
    if growth.exponent - expected < max(WORSE, growth.error):
        return ""
    mine = f"n^{growth.exponent:.1f}"
    return f"your {function} grows like {mine} in the number of {growth.unit}; {power(expected)} is expected"


def power(exponent: float) -> str:
    """Return a power of n as "n^2", "n" or "n^1.5": near a whole number it is one, else it has one decimal."""
    whole = round(exponent)
    if abs(exponent - whole) > NEARLY_WHOLE:
        return f"n^{exponent:.1f}"
    return {0: "a constant cost", 1: "n"}.get(whole, f"n^{whole}")


def _exponent(sizes: Sequence[int], rows: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the average slope and its error."""
    logs = [math.log(size) for size in sizes]
    x = [log - _mean(logs) for log in logs]
    spread = math.fsum(v * v for v in x)
    slopes = [math.fsum(v * math.log(s) for v, s in zip(x, row, strict=True)) / spread for row in rows]
    slope, rounds = _mean(slopes), len(slopes)
    variance = math.fsum((one - slope) ** 2 for one in slopes) / (rounds - 1)
    y = [math.log(seconds) for seconds in _means(rows)]
    residuals = [value - _mean(y) - slope * v for v, value in zip(x, y, strict=True)]
    unexplained = math.fsum(r * r for r in residuals) / (len(sizes) - 2) / spread
    return slope, math.sqrt(4 * variance / rounds + unexplained)


def _without_overhead(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the exponent p of overhead + c n^p through three sizes, exact for sizes in equal ratios."""
    first, second = seconds[1] - seconds[0], seconds[2] - seconds[1]
    if first <= 0 or second <= 0:
        return math.inf if second > 0 else 0.0
    return 2 * math.log(second / first) / math.log(sizes[2] / sizes[0])


def _means(rows: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(math.exp(_mean([math.log(seconds) for seconds in column])) for column in zip(*rows, strict=True))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
