"""The mean and the spread of every feature of the training set (notes, section 1, item 1)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.shapes import check_shapes


def normalize_fit(X):
    """Measure the mean and the standard deviation of every feature of the training set.

    X: float array (N, D), N >= 1, one training example per row
    returns: (mu, sigma), float arrays (D,) of the dtype of X
        mu[d]: the mean of column d
        sigma[d]: the population standard deviation of column d, sqrt(mean of (X[n, d] - mu[d])^2); 1 for a column that
            does not vary at all, so that a division by sigma is always possible

    Population means that the squares are divided by N, not by N - 1. Nothing is added to sigma. The notes divide by the
    variance, which is a slip: unit variance needs the standard deviation.
    Raises ValueError when X does not have two axes.
    Source: notes, section 1, item 1.
    """
    check_shapes(X=(X, "N D"))
    sigma = X.std(axis=0)
    return X.mean(axis=0), np.where(sigma == 0, 1, sigma)


def normalize_fit_torch(X):
    check_shapes(X=(X, "N D"))
    sigma = X.std(dim=0, correction=0)
    return X.mean(dim=0), sigma.where(sigma != 0, sigma.new_ones(()))


def one_example_at_a_time(X):
    mu, squares = np.zeros_like(X[0]), np.zeros_like(X[0])
    for n, x in enumerate(X, start=1):
        deviation = x - mu
        mu = mu + deviation / n
        squares += deviation * (x - mu)
    return mu, np.where(squares > 0, np.sqrt(squares / len(X)), 1)


def feature_by_feature(X):
    mu, sigma = np.empty_like(X[0]), np.ones_like(X[0])
    for d, column in enumerate(X.T):
        mu[d] = sum(column) / len(column)
        length = np.linalg.norm(column - mu[d])
        if length > 0:
            sigma[d] = length / len(column) ** 0.5
    return mu, sigma


def variance_for_deviation(X):
    mu, sigma = normalize_fit(X)
    return mu, sigma**2


def sample_deviation(X):
    sigma = X.std(axis=0, ddof=1)
    return X.mean(axis=0), np.where(sigma == 0, 1, sigma)


def one_pair_for_all_features(X):
    return np.full_like(X[0], X.mean()), np.full_like(X[0], X.std() or 1)


def constant_feature_gets_zero(X):
    return X.mean(axis=0), X.std(axis=0)


def constant_feature_gets_a_guard(X):
    return X.mean(axis=0), X.std(axis=0) + 1e-8


def one_pass_variance(X):
    variance = (X**2).mean(axis=0) - X.mean(axis=0) ** 2
    return X.mean(axis=0), np.where(variance == 0, 1, np.sqrt(variance))


def _by_hand(rng):
    deviations = rng.permuted([[-2.0, -5.0], [-2.0, 1.0], [2.0, 1.0], [2.0, 3.0]], axis=0)  # spreads of 2 and 3
    return {"X": deviations + rng.integers(-3, 9, 2)}


def _features(rng, n, d, dtype="f8"):
    return {"X": (rng.uniform(-3, 3, d) + rng.uniform(0.5, 4, d) * rng.standard_normal((n, d))).astype(dtype)}


def _far_from_zero(rng, level, dtype):
    return {"X": (level * rng.permutation([-3.0, -1.0, 1.0, 2.0]) + rng.standard_normal((50, 4))).astype(dtype)}


def _always_zero(rng):
    X = _features(rng, 6, 4)["X"]
    X[:, rng.integers(4)] = 0  # the one constant that the grader's own jitter leaves constant
    return {"X": X}


TOPIC = Topic(
    forward=normalize_fit,
    torch=normalize_fit_torch,
    cases=(
        Case("four examples by hand", _by_hand, visible=True),
        Case(
            "every feature is constant",
            lambda rng: {"X": np.tile(rng.integers(-5, 6, 3) / 2, (4, 1))},
            visible=True,
            aspect="edge",
            compare=Exact(),
        ),
        Case("more examples than features", lambda rng: _features(rng, 40, 5)),
        Case("features on different scales", lambda rng: {"X": _features(rng, 9, 5)["X"] * [1e-4, 1e-2, 1, 10, 1e3]}),
        Case("Fortran order", lambda rng: {"X": np.asfortranarray(_features(rng, 5, 7)["X"])}),
        Case("every second row and column", lambda rng: {"X": _features(rng, 12, 10)["X"][::2, ::2]}),
        Case("float32", lambda rng: _features(rng, 30, 8, "f4")),
        Case("features far from 0", lambda rng: _far_from_zero(rng, 1e7, "f8"), aspect="stability"),
        Case("float32 features far from 0", lambda rng: _far_from_zero(rng, 3e3, "f4"), aspect="stability"),
        Case("a feature that is always 0", _always_zero, aspect="edge"),
        Case("one example", lambda rng: _features(rng, 1, 4), aspect="edge", compare=Exact()),
    ),
    mistakes=(
        Mistake(
            variance_for_deviation,
            "sigma is the mean of the squared deviations, the variance. Its unit is the square of the unit of X: "
            "one step is missing.",
        ),
        Mistake(
            sample_deviation,
            "sigma is a little too large, most of all for few examples: the squares are divided by N - 1. "
            "The population standard deviation is asked for.",
        ),
        Mistake(
            one_pair_for_all_features,
            "One mean and one spread serve the whole matrix. Each feature has its own: look at the axis.",
        ),
        Mistake(
            constant_feature_gets_zero,
            "A feature that does not vary has the spread 0, and the division by it will give 0/0. "
            "The text names the value that sigma has then.",
        ),
        Mistake(
            constant_feature_gets_a_guard,
            "A small number added to sigma changes every feature, and blows up the rounding errors of a feature that "
            "does not vary. The text asks for a certain sigma in that one case, and for nothing in the others.",
        ),
        Mistake(
            one_pass_variance,
            "The mean of the squares less the square of the mean cancels when a feature is far from 0: "
            "the digits that matter are gone. Subtract the mean first, then square.",
        ),
    ),
    alternates=(one_example_at_a_time, feature_by_feature),
)
