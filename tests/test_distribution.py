"""The statistical tests keep what they promise: bounds above exact tails, false alarms below the level, power."""

import itertools
import math

import numpy as np
import pytest

from grader.distribution import (
    agreement_p_value,
    binomial_p_value,
    correlation_p_value,
    equal_counts_p_value,
    frequencies_p_value,
    independence_p_value,
    judge_gaussian,
    ks_p_value,
    mean_p_value,
    normal_cdf,
    sample_p_value,
    tails_p_value,
    uniform_cdf,
    variance_p_value,
)


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


# --- false alarms of the tests of samples ------------------------------------------------------------------------


def below(x):
    return normal_cdf(x, 1.0, 2.0)


GAUSSIAN_TESTS = {
    "mean": lambda x: mean_p_value(x, 1.0, 2.0),
    "variance": lambda x: variance_p_value(x, 4.0),
    "tails": lambda x: tails_p_value(x, 1.0, 2.0),
    "Kolmogorov-Smirnov": lambda x: ks_p_value(x, below),
    "correlation of rows": lambda x: correlation_p_value(x, 0),
    "correlation of columns": lambda x: correlation_p_value(x, 1),
}


@pytest.mark.parametrize("test", GAUSSIAN_TESTS.values(), ids=GAUSSIAN_TESTS)
@pytest.mark.parametrize("shape", [(3, 2), (5, 8)])
def test_gaussian_samples_alarm_no_more_often_than_stated(test, shape):
    samples = np.random.default_rng(10).normal(1, 2, size=(3000, *shape))
    p_values = np.array([test(x) for x in samples])
    for level in (0.5, 0.05, 0.005):
        assert np.mean(p_values < level) <= level + 4 * math.sqrt(level / 3000)


@pytest.mark.parametrize("test", GAUSSIAN_TESTS.values(), ids=GAUSSIAN_TESTS)
def test_too_few_samples_say_nothing(test):
    assert test(np.zeros((0, 0))) == 1


WRONG_SAMPLES = {
    "mean": lambda rng: 1.2 + 2 * rng.standard_normal((90, 100)),
    "variance": lambda rng: 1 + 2.3 * rng.standard_normal((90, 100)),
    "tails": lambda rng: rng.uniform(1 - 12**0.5, 1 + 12**0.5, (90, 100)),
    "Kolmogorov-Smirnov": lambda rng: 1 + 2 * (rng.exponential(size=(90, 100)) - 1),
    "correlation of rows": lambda rng: 1 + 2 * np.repeat(rng.standard_normal((1, 100)), 90, axis=0),
    "correlation of columns": lambda rng: 1 + 2 * np.repeat(rng.standard_normal((90, 1)), 100, axis=1),
}


@pytest.mark.parametrize("name", WRONG_SAMPLES)
def test_wrong_samples_alarm_at_a_strict_level(name):
    rng = np.random.default_rng(11)
    assert all(GAUSSIAN_TESTS[name](WRONG_SAMPLES[name](rng)) < 1e-8 for _ in range(50))


# --- the bounds against exact tails ------------------------------------------------------------------------------


@pytest.mark.parametrize(("z", "value"), [(0, 0.5), (1.959963984540054, 0.975), (-10, 7.619853024160527e-24)])
def test_normal_cdf_is_accurate_into_its_tails(z, value):
    assert math.isclose(normal_cdf(np.array([3 + 2.0 * z]), 3.0, 2.0)[0], value, rel_tol=1e-12)


def test_uniform_cdf_by_hand():
    assert uniform_cdf(np.array([-9.0, 2.0, 3.0, 6.0, 7.0]), 2.0, 6.0).tolist() == [0, 0, 0.25, 1, 1]


def test_the_mean_test_is_exact():
    samples = np.array([2.0, 4.0, 3.0, 3.0])  # their mean is 3, two standard errors of 1/2 above 2
    assert math.isclose(mean_p_value(samples, 2.0, 1.0), 0.04550026389635842, rel_tol=1e-12)


@pytest.mark.parametrize("x", [0.01, 0.3, 0.8, 1.0, 1.3, 2.0, 5.0])
def test_the_variance_bound_is_above_the_exact_tails(x):
    """For k = 8 degrees of freedom chi-square has the tail exp(-h) * (1 + h + h^2/2 + h^3/6) at 2h."""
    samples = math.sqrt(x) * np.array([1, -1, 1, -1, 1, -1, 1, -1, 0])  # squares add up to 8x, and the mean is 0
    upper = math.exp(-4 * x) * sum((4 * x) ** j / math.factorial(j) for j in range(4))
    assert min(1, 2 * min(upper, 1 - upper)) <= variance_p_value(samples, 1.0)


def test_no_variance_at_all_is_impossible():
    assert variance_p_value(np.ones(5), 1.0) == 0


@pytest.mark.parametrize("c", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_correlation_bound_is_above_the_exact_tail(c):
    """The correlation of six pairs has a density proportional to 1 - r^2."""
    first = np.array([1.0, -1, 1, -1, 0, 0])
    other = np.array([0.0, 0, 0, 0, math.sqrt(2), -math.sqrt(2)])  # as long as the first, and at a right angle to it
    samples = np.stack([first, c * first + math.sqrt(1 - c * c) * other])
    assert 1 - (3 * c - c**3) / 2 <= correlation_p_value(samples, 0) + 1e-12


def test_constant_samples_are_no_independent_ones():
    assert correlation_p_value(np.zeros((2, 5)), 0) == 0


@pytest.mark.parametrize("u", [0.5, 0.6, 0.9, 0.999])
def test_the_kolmogorov_smirnov_bound_is_above_the_exact_tail_of_one_sample(u):
    assert 2 * (1 - u) <= ks_p_value(np.array([u]), lambda x: uniform_cdf(x, 0, 1))


def test_the_kolmogorov_smirnov_distance_is_taken_on_both_sides_of_a_step():
    for samples in ([0.0, 0.0, 0.5], [0.5, 1.0, 1.0]):  # distances 2/3 at 0 and at 1
        p_value = ks_p_value(np.array(samples), lambda x: uniform_cdf(x, 0, 1))
        assert math.isclose(p_value, 2 * math.exp(-2 * 3 * (2 / 3) ** 2))


def test_the_kolmogorov_smirnov_test_sees_a_linear_scale_taken_for_a_logarithmic_one():
    samples = np.log10(np.random.default_rng(12).uniform(1e-4, 1, 200))
    assert ks_p_value(samples, lambda x: uniform_cdf(x, -4, 0)) < 1e-30


# --- counts ------------------------------------------------------------------------------------------------------


def test_frequencies_rarely_alarm_and_loaded_dice_do():
    rng, fair = np.random.default_rng(13), np.full(6, 1 / 6)
    assert np.mean([frequencies_p_value(rng.multinomial(120, fair), fair) < 0.05 for _ in range(2000)]) <= 0.05
    loaded = rng.multinomial(3000, [0.25, 0.15, 0.15, 0.15, 0.15, 0.15])
    assert frequencies_p_value(loaded, fair) < 1e-12
    assert frequencies_p_value(np.array([[0, 5], [0, 5]]), np.array([[0, 0.5], [0, 0.5]])) == 1
    assert frequencies_p_value(np.array([1, 5, 5]), np.array([0, 0.5, 0.5])) == 0


def test_independence_rarely_alarms_whatever_the_margins_and_sees_dependence():
    rng, alarms = np.random.default_rng(14), 0
    for _ in range(2000):
        rows, columns = rng.choice(2, 100, p=[0.2, 0.8]), rng.choice(3, 100, p=[0.5, 0.4, 0.1])
        alarms += independence_p_value(np.histogram2d(rows, columns, bins=(2, 3))[0]) < 0.05
    assert alarms <= 0.05 * 2000
    assert independence_p_value(np.array([[50, 0], [0, 50]])) < 1e-13
    assert independence_p_value(np.zeros((2, 2))) == 1


# --- shuffles and splits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [(6, 3), (7, 3), (9, 4), (10, 2), (5, 5), (5, 0), (1, 1)])
def test_the_exact_false_alarm_rate_over_all_samples_is_below_every_level(n, k):
    p_values = np.sort([sample_p_value(np.isin(np.arange(n), rows)) for rows in itertools.combinations(range(n), k)])
    assert (np.arange(1, len(p_values) + 1) / len(p_values) <= p_values + 1e-12).all()


NO_RANDOM_SAMPLES = {
    "the first items": lambda rng: np.arange(90) < 45,
    "the last items": lambda rng: np.arange(90) >= 45,
    "every other item": lambda rng: np.arange(90) % 2 == 0,
    "blocks of five": lambda rng: np.repeat(rng.permutation(18) < 9, 5),
    "turned": lambda rng: np.roll(np.arange(90) < 45, rng.integers(90)),
}


@pytest.mark.parametrize("chosen", NO_RANDOM_SAMPLES.values(), ids=NO_RANDOM_SAMPLES)
def test_orders_that_are_not_random_are_seen(chosen):
    rng = np.random.default_rng(15)
    assert max(sample_p_value(chosen(rng)) for _ in range(50)) < 1e-5


def test_large_samples_are_no_trouble():
    assert sample_p_value(np.random.default_rng(16).permutation(1000) < 500) > 1e-3


# --- the judge of a Gaussian initialisation ----------------------------------------------------------------------

SHAPE, SD = (60, 40), 0.1


def draws_of(function, seed, shape=SHAPE):
    return [function(np.random.default_rng([seed, state]), shape) for state in (0, 0, 1, 2, 3)]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [SHAPE, (2, 3), (1, 1), (3, 3, 4, 5)])
def test_gaussian_weights_are_never_blamed(shape, dtype):
    for seed in range(100):
        outputs = draws_of(lambda rng, shape: (SD * rng.standard_normal(shape)).astype(dtype), seed, shape)
        assert judge_gaussian(outputs, shape, SD) is None


def copied(axis):
    def weights(rng, shape):
        return np.repeat(SD * rng.standard_normal(shape).take([0], axis), shape[axis], axis)

    return weights


WRONG_WEIGHTS = {
    "floating-point": lambda rng, shape: None,
    "wrong shape": lambda rng, shape: SD * rng.standard_normal(shape).T,
    "moderate size": lambda rng, shape: np.full(shape, np.nan),
    "moderate": lambda rng, shape: np.full(shape, 1e300),
    "same state": lambda rng, shape: SD * np.random.default_rng().standard_normal(shape),
    "All weights are equal": lambda rng, shape: np.zeros(shape),
    "different states": lambda rng, shape: SD * np.random.default_rng(0).standard_normal(shape),
    "independent along axis 0": copied(0),
    "independent along axis 1": copied(1),
    "None is negative": lambda rng, shape: SD * rng.random(shape),
    "too far from 0": lambda rng, shape: SD * (rng.standard_normal(shape) + 0.2),
    "about 0.7": lambda rng, shape: SD / 2**0.5 * rng.standard_normal(shape),
    "not Gaussian": lambda rng, shape: SD * 12**0.5 * (rng.random(shape) - 0.5),
    "they are not": lambda rng, shape: SD * rng.laplace(scale=0.5**0.5, size=shape),
    "but they are not": lambda rng, shape: SD * rng.choice([-1, 1], size=shape),
}


@pytest.mark.parametrize("part", WRONG_WEIGHTS)
def test_wrong_weights_are_named(part):
    for seed in range(30):
        assert part in judge_gaussian(draws_of(WRONG_WEIGHTS[part], seed), SHAPE, SD)


def test_calls_that_resemble_each_other_are_seen():
    def nearly_seeded(rng, shape):
        return SD * (0.9 * np.random.default_rng(1).standard_normal(shape) + 0.19**0.5 * rng.standard_normal(shape))

    assert "resemble" in judge_gaussian(draws_of(nearly_seeded, 0), SHAPE, SD)
