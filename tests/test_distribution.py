"""The statistical tests keep what they promise: bounds above exact tails, false alarms below the level, power."""

import math

import numpy as np
import pytest

from grader.distribution import agreement_p_value, binomial_p_value, equal_counts_p_value


def probability_of(count, trials, p):
    return math.comb(trials, count) * p**count * (1 - p) ** (trials - count)


@pytest.mark.parametrize("trials", [1, 2, 7, 30, 100])
@pytest.mark.parametrize("p", [0.05, 0.3, 0.5, 0.8])
def test_the_binomial_bound_is_above_both_exact_tails(trials, p):
    for count in range(trials + 1):
        lower = sum(probability_of(k, trials, p) for k in range(count + 1))
        upper = sum(probability_of(k, trials, p) for k in range(count, trials + 1))
        assert min(1, 2 * min(lower, upper)) <= binomial_p_value(count, trials, p) * (1 + 1e-12)


@pytest.mark.parametrize("level", [1e-6, 1e-3, 0.05])
@pytest.mark.parametrize(("trials", "p"), [(10, 0.8), (60, 0.3), (200, 0.95)])
def test_the_exact_false_alarm_rate_of_the_binomial_test_is_below_the_level(trials, p, level):
    alarms = (k for k in range(trials + 1) if binomial_p_value(k, trials, p) < level)
    assert sum(probability_of(k, trials, p) for k in alarms) <= level


@pytest.mark.parametrize(
    ("successes", "trials", "p", "value"),
    [(0, 0, 0.5, 1), (3, 3, 1.0, 1), (2, 3, 1.0, 0), (0, 3, 0.0, 1), (1, 3, 0.0, 0), (80, 100, 0.8, 1)],
)
def test_binomial_corner_cases(successes, trials, p, value):
    assert binomial_p_value(successes, trials, p) == value


def test_the_binomial_test_sees_normal_numbers_taken_for_uniform_ones():
    """The chance of keeping is then Phi(0.6) = 0.726 instead of 0.6."""
    draws = np.random.default_rng(5).binomial(2400, 0.7257, size=2000)
    assert np.mean([binomial_p_value(int(k), 2400, 0.6) < 1e-7 for k in draws]) > 0.999


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_independent_bits_rarely_alarm_and_copies_always_do(axis):
    rng, level, alarms = np.random.default_rng(6), 0.05, 0
    for _ in range(2000):
        bits = rng.random((5, 8, 6)) < 0.7
        alarms += agreement_p_value(bits, axis, 0.7) < level
        copies = np.repeat(np.take(bits, [0], axis), 6, axis)
        assert agreement_p_value(copies, axis, 0.7) < level
    assert alarms <= level * 2000


def test_copies_are_seen_at_a_strict_level():
    shared = np.repeat(np.random.default_rng(7).random((5, 1, 40)) < 0.8, 60, axis=1)
    assert agreement_p_value(shared, 1, 0.8) < 1e-100
    assert agreement_p_value(shared[:, :, :1], 2, 0.8) == 1


def test_opposites_are_no_independent_bits_either():
    bits = np.random.default_rng(8).random((1, 400)) < 0.6
    assert agreement_p_value(np.concatenate([bits, ~bits]), 0, 0.6) < 1e-7


@pytest.mark.parametrize(("trials", "p", "groups"), [(1, 0.3, 2), (4, 0.5, 3), (40, 0.8, 2)])
def test_the_chance_of_equal_counts_is_exact(trials, p, groups):
    exact = sum(probability_of(k, trials, p) ** groups for k in range(trials + 1))
    counts = np.full(groups, round(trials * p))
    assert math.isclose(equal_counts_p_value(counts, trials, p), exact, rel_tol=1e-12)


def test_equal_counts_are_as_rare_as_stated():
    counts = np.random.default_rng(9).binomial(4, 0.5, size=(20_000, 3))
    seen = np.mean([equal_counts_p_value(row, 4, 0.5) < 1 for row in counts])
    assert abs(seen - equal_counts_p_value(np.array([2, 2, 2]), 4, 0.5)) < 0.01


def test_equal_counts_need_two_groups_and_chance():
    assert equal_counts_p_value(np.array([3]), 5, 0.5) == 1
    assert equal_counts_p_value(np.array([3, 4]), 5, 0.5) == 1
    assert equal_counts_p_value(np.full(9, 5), 5, 1.0) == 1
    assert equal_counts_p_value(np.full(9, 0), 5, 0.0) == 1
    assert equal_counts_p_value(np.full(5, 1920), 2400, 0.8) < 1e-6
