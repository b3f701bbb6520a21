"""Statistical tests for random functions, with p-values that are proven bounds and no approximations.

A p-value here is never smaller than the true one: a correct function falls below `level` with a probability of at
most `level`, at every sample size. A judge that makes k tests at level 1e-6 / k raises a false alarm in at most one
case in a million.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def binomial_p_value(successes: int, trials: int, probability: float) -> float:
    """Bound the two-sided p-value of `successes` out of `trials` independent trials of the given probability.

    The bound is 2 * exp(-trials * KL(q || p)) with q = successes / trials, where KL is the relative entropy of two
    coins: each tail of the binomial is at most exp(-trials * KL) (Chernoff 1952; Hoeffding 1963, theorem 1).
    """
    if trials == 0:
        return 1.0
    q, p = successes / trials, probability
    return min(1.0, 2 * math.exp(-trials * (_relative_entropy(q, p) + _relative_entropy(1 - q, 1 - p))))


def agreement_p_value(bits: np.ndarray[Any, Any], axis: int, probability: float) -> float:
    """Bound the p-value of the bits being independent along an axis, each set with the given probability.

    Neighbours are paired up, (0, 1), (2, 3), ...: no bit is in two pairs, so the pairs are independent trials, and
    two independent bits are equal with probability p^2 + (1 - p)^2. Copies along the axis agree far more often.
    """
    pairs = bits.shape[axis] // 2
    first = np.take(bits, range(0, 2 * pairs, 2), axis)
    second = np.take(bits, range(1, 2 * pairs, 2), axis)
    equal = probability**2 + (1 - probability) ** 2
    return binomial_p_value(int((first == second).sum()), first.size, equal)


def equal_counts_p_value(counts: np.ndarray[Any, Any], trials: int, probability: float) -> float:
    """Return the p-value of all counts being equal, each a sum of `trials` independent bits; 1 when they are not.

    Independent counts vary; those of a function that always sets the same number of bits do not. The probability
    that n independent binomial counts coincide is the sum over k of P(count = k)^n.
    """
    if counts.size < 2 or (counts != counts.flat[0]).any():
        return 1.0
    if not 0 < probability < 1:
        return 1.0
    k = np.arange(trials + 1)
    log_factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, trials + 1)))))
    log_chance = log_factorials[-1] - log_factorials - log_factorials[::-1]
    log_chance += k * math.log(probability) + (trials - k) * math.log1p(-probability)
    return float(np.exp(counts.size * log_chance).sum())


def _relative_entropy(q: float, p: float) -> float:
    """Return one term of KL: q ln(q / p), with 0 ln 0 = 0."""
    if q == 0:
        return 0.0
    return q * math.log(q / p) if p > 0 else math.inf
