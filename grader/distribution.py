"""Statistical tests for random functions, with p-values that are proven bounds and no approximations.

A p-value here is never smaller than the true one: a correct function falls below `level` with a probability of at
most `level`, at every sample size. A judge that makes k tests at level 1e-6 / k raises a false alarm in at most one
case in a million. Samples are finite numbers: a judge looks for NaN and infinity first.

Which test for what:

- a coin of known probability: `binomial_p_value`; several values: `frequencies_p_value`
- a continuous distribution: `ks_p_value` with `uniform_cdf` or `normal_cdf`
- a Gaussian: `mean_p_value`, `variance_p_value`, `tails_p_value` and `correlation_p_value`
- independence: `agreement_p_value` (bits), `correlation_p_value` (Gaussians), `independence_p_value` (a table)
- shuffles and splits: `sample_p_value`
- the whole judge of a Gaussian initialisation: `judge_gaussian`
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"

LEVEL = 1e-7


def binomial_p_value(successes: int, trials: int, probability: float) -> float:
    """Bound the two-sided p-value of `successes` out of `trials` independent trials of the given probability.

    The bound is 2 * exp(-trials * KL(q || p)) with q = successes / trials, where KL is the relative entropy of two
    coins: each tail of the binomial is at most exp(-trials * KL) (Chernoff 1952; Hoeffding 1963, theorem 1). It
    holds for draws without replacement too (Hoeffding 1963, theorem 4).
    """
    if trials == 0:
        return 1.0
    q, p = successes / trials, probability
    return min(1.0, 2 * math.exp(-trials * (_relative_entropy(q, p) + _relative_entropy(1 - q, 1 - p))))


def frequencies_p_value(counts: Array, probabilities: Array) -> float:
    """Bound the p-value of the counts of k values in independent draws with the given probabilities (same shape).

    Each count is binomial, so k times the smallest of their p-values is a bound (Bonferroni).
    """
    trials = int(np.sum(counts))
    pairs = zip(np.ravel(counts).tolist(), np.ravel(probabilities).tolist(), strict=True)
    p_values = [binomial_p_value(count, trials, probability) for count, probability in pairs]
    return min(1.0, len(p_values) * min(p_values)) if p_values else 1.0


def independence_p_value(table: Array) -> float:
    """Bound the p-value of the two variables of a table of counts (R, C) being independent, whatever each one is.

    Given the sums of the rows and columns, each count of independent variables is hypergeometric: it is drawn
    without replacement, as in Fisher's exact test. R * C times the smallest bound of the counts is a bound.
    """
    total = int(table.sum())
    chances = [
        binomial_p_value(int(count), int(row), int(column) / total)
        for counts, row in zip(table, table.sum(axis=1), strict=True)
        for count, column in zip(counts, table.sum(axis=0), strict=True)
        if total
    ]
    return min(1.0, len(chances) * min(chances)) if chances else 1.0


def agreement_p_value(bits: Array, axis: int, probability: float) -> float:
    """Bound the p-value of the bits being independent along an axis, each set with the given probability.

    Neighbours are paired up, (0, 1), (2, 3), ...: no bit is in two pairs, so the pairs are independent trials, and
    two independent bits are equal with probability p^2 + (1 - p)^2. Copies along the axis agree far more often.
    """
    first, second = _neighbours(bits, axis)
    equal = probability**2 + (1 - probability) ** 2
    return binomial_p_value(int((first == second).sum()), first.size, equal)


def equal_counts_p_value(counts: Array, trials: int, probability: float) -> float:
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


def ks_p_value(samples: Array, cdf: Callable[[Array], Array]) -> float:
    """Bound the p-value of independent samples having the continuous distribution function `cdf` (Kolmogorov-Smirnov).

    `cdf` takes and returns an array, for example `lambda x: uniform_cdf(x, 0, 1)`. With D the largest distance
    between it and the fraction of samples up to x, P(D >= d) <= 2 * exp(-2 * n * d^2) for every n and every
    distribution: the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990).
    """
    n = samples.size
    if n == 0:
        return 1.0
    expected = cdf(np.sort(samples, axis=None).astype(np.float64))
    steps = np.arange(n + 1) / n
    distance = max(np.max(steps[1:] - expected), np.max(expected - steps[:-1]))
    return min(1.0, 2 * math.exp(-2 * n * float(distance) ** 2))


def uniform_cdf(x: Array, low: float, high: float) -> Array:
    """Return the distribution function of the uniform distribution on [low, high], low < high."""
    return np.clip((np.asarray(x, dtype=np.float64) - low) / (high - low), 0.0, 1.0)


def normal_cdf(x: Array, mean: float, sd: float) -> Array:
    """Return the distribution function of the Gaussian: erfc(-z / sqrt(2)) / 2 with z = (x - mean) / sd."""
    z = (np.asarray(x, dtype=np.float64) - mean) / (sd * math.sqrt(2))
    return np.array([math.erfc(-value) / 2 for value in z.flat]).reshape(z.shape)


def mean_p_value(samples: Array, mean: float, sd: float) -> float:
    """Return the exact two-sided p-value of the mean of independent Gaussian samples of known mean and sd."""
    if samples.size == 0:
        return 1.0
    z = abs(float(samples.mean(dtype=np.float64)) - mean) * math.sqrt(samples.size) / sd
    return math.erfc(z / math.sqrt(2))


def variance_p_value(samples: Array, variance: float) -> float:
    """Bound the two-sided p-value of independent Gaussian samples having the variance; their mean may be anything.

    The squared distances from the sample mean add up to variance * chi-square with k = n - 1 degrees of freedom, and
    each tail of chi-square / k at x is at most exp(-k / 2 * (x - 1 - ln x)) (Chernoff; Dasgupta and Gupta 2003).
    """
    k = samples.size - 1
    if k < 1:
        return 1.0
    x = float(samples.var(dtype=np.float64)) * (k + 1) / (k * variance)
    return min(1.0, 2 * math.exp(-k / 2 * (x - 1 - math.log(x)))) if x > 0 else 0.0


def tails_p_value(samples: Array, mean: float, sd: float) -> float:
    """Bound the p-value of the number of independent Gaussian samples that lie more than 2 sd from the mean.

    About 4.6 % do. None of a uniform distribution of the same variance do, and none of a Gaussian cut off at 2 sd.
    """
    outside = np.abs(samples.astype(np.float64) - mean) > 2 * sd
    return binomial_p_value(int(outside.sum()), outside.size, math.erfc(math.sqrt(2)))


def correlation_p_value(samples: Array, axis: int) -> float:
    """Bound the p-value of Gaussian samples of one mean and sd being independent along an axis.

    Neighbours are paired up as in `agreement_p_value`. The correlation r of n independent pairs is a coordinate of a
    random direction in n - 1 dimensions, with a density proportional to (1 - r^2)^((n - 4) / 2), and
    P(|r| >= c) <= (1 - c^2)^((n - 2) / 2): both sides agree at c = 0 and 1, and their difference first grows, then
    falls. Copies have r = 1.
    """
    first, second = (part.astype(np.float64).ravel() for part in _neighbours(samples, axis))
    if first.size < 3:
        return 1.0
    first, second = first - first.mean(), second - second.mean()
    norms = math.sqrt(float(first @ first) * float(second @ second))
    if norms == 0:
        return 0.0  # constant: no Gaussian
    r = float(first @ second) / norms
    return math.pow(max(0.0, 1 - r * r), (first.size - 2) / 2)


def sample_p_value(chosen: Array) -> float:
    """Return a p-value of `chosen`, bool (n,): which of n items in order belong to a random sample of that size.

    Two exact tests, their p-values doubled for there being two. How many of the first half of the items are chosen
    is hypergeometric; it shows an order that was kept. How many of the pairs (0, 1), (2, 3), ... are chosen whole
    shows blocks that stay together: of m pairs with k chosen items, b are whole, t = k - 2b are chosen in part and
    m - b - t not at all in m! / (b! t! (m - b - t)!) * 2^t ways.
    """
    n, half = chosen.size, chosen.size // 2
    if half == 0:
        return 1.0
    k, early = int(chosen.sum()), int(chosen[:half].sum())
    ways = {j: math.comb(half, j) * math.comb(n - half, k - j) for j in range(k + 1)}
    order = _two_sided(ways, early)
    first, second = _neighbours(chosen, 0)
    k, whole = int(first.sum() + second.sum()), int((first & second).sum())
    ways = {b: math.comb(half, b) * math.comb(half - b, k - 2 * b) << (k - 2 * b) for b in range(min(half, k // 2) + 1)}
    return min(1.0, 2 * order, 2 * _two_sided(ways, whole))


def judge_gaussian(outputs: Sequence[Any], shape: tuple[int, ...], sd: float) -> str | None:
    """Judge a function that returns independent zero-mean Gaussians of the given shape and sd, for its Properties.

    The draws are (0, 0, 1, 2, ...): two from the same state of the generator, the others from independent ones.
    It makes 5 + len(shape) statistical tests at level 1e-7: the chance of a false alarm is below 1e-6 for up to four
    axes. Returns a sentence for the student, which holds no input values, or None.
    """
    for output in outputs:
        if not isinstance(output, np.ndarray) or output.dtype.kind != "f":
            return "Return one array of floating-point numbers."
        if output.shape != shape:
            return "The array of weights has the wrong shape: (n_in, n_out) is asked for."
        if not (np.abs(output.astype(np.float64)) < 1e30).all():
            return "Weights must be finite numbers of moderate size."
    if (outputs[0] != outputs[1]).any():
        return "Two calls with the generator in the same state gave different weights: all chance must come from rng."
    draws = np.stack(outputs[1:]).astype(np.float64)
    if draws[0].size > 1 and (draws[0] == draws[0].flat[0]).all():
        return "All weights are equal, so all units would learn the same: draw each weight at random."
    if (draws[0] == draws[1]).all():
        return "Two generators in different states gave the same weights: every call must draw its own from rng."
    chances = [correlation_p_value(draws, axis) for axis in range(draws.ndim)]
    axis = int(np.argmin(chances))
    if chances[axis] < LEVEL:
        if axis == 0:
            return "The weights of independent calls resemble each other: every call must draw its own from rng."
        return f"The weights are not independent along axis {axis - 1}: each one needs a draw of its own."
    if mean_p_value(draws, 0.0, max(sd, float(draws.std()))) < LEVEL:  # too large a spread is no wrong mean
        sign = " None is negative." if (draws >= 0).all() else ""
        return f"The mean of the weights is too far from 0 for chance.{sign}"
    if variance_p_value(draws, sd**2) < LEVEL:
        return f"The standard deviation of the weights is about {draws.std() / sd:.2g} times the one that is asked for."
    if min(tails_p_value(draws, 0.0, sd), ks_p_value(draws, lambda x: normal_cdf(x, 0.0, sd))) < LEVEL:
        return "The weights have the right mean and spread, but they are not Gaussian."
    return None


def _two_sided(ways: dict[int, int], observed: int) -> float:
    """Return the exact two-sided p-value of an observed count, given in how many ways each count comes about."""
    total = sum(ways.values())
    lower = sum(ways[count] for count in ways if count <= observed)
    upper = sum(ways[count] for count in ways if count >= observed)
    return min(1.0, 2 * min(lower, upper) / total)


def _neighbours(array: Array, axis: int) -> tuple[Array, Array]:
    """Return the even and the odd entries along an axis, without a last one that has no partner."""
    pairs = array.shape[axis] // 2
    return np.take(array, range(0, 2 * pairs, 2), axis), np.take(array, range(1, 2 * pairs, 2), axis)


def _relative_entropy(q: float, p: float) -> float:
    """Return one term of KL: q ln(q / p), with 0 ln 0 = 0."""
    if q == 0:
        return 0.0
    return q * math.log(q / p) if p > 0 else math.inf
