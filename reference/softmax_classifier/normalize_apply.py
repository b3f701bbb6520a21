"""Normalise examples by the statistics of the training set (notes, section 1, item 1)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.shapes import check_shapes


def normalize_apply(X, mu, sigma):
    """Shift and scale every feature by the mean and the standard deviation that it had in the training set.

    X: float array (N, D), N >= 1, one example per row, from the training set or from any other
    mu: float array (D,), the means that normalize_fit found in the training set; same dtype as X
    sigma: float array (D,), the standard deviations that it found, all above 0; same dtype as X
    returns: float array (N, D), dtype of X: (X[n, d] - mu[d]) / sigma[d]

    Nothing is measured on X itself: a test set, or a single example, is treated exactly as the training set was. The
    notes divide by the variance, which is a slip. sigma is never 0, so nothing is added to it.
    Raises ValueError when the shapes do not fit together, or when some sigma is not above 0.
    Source: notes, section 1, item 1.
    """
    check_shapes(X=(X, "N D"), mu=(mu, "D"), sigma=(sigma, "D"))
    if not (sigma > 0).all():
        raise ValueError(f"sigma holds {sigma[~(sigma > 0)][0]}; standard deviations must be above 0")
    return (X - mu) / sigma


def normalize_apply_torch(X, mu, sigma):
    check_shapes(X=(X, "N D"), mu=(mu, "D"), sigma=(sigma, "D"))
    return (X - mu) / sigma


def times_the_inverse(X, mu, sigma):
    inverse = 1 / sigma
    return X * inverse - mu * inverse


def number_by_number(X, mu, sigma):
    out = np.empty(X.shape, X.dtype)
    for n, d in np.ndindex(X.shape):
        out[n, d] = (float(X[n, d]) - float(mu[d])) / float(sigma[d])
    return out


def refits(X, mu, sigma):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def divides_by_variance(X, mu, sigma):
    return (X - mu) / sigma**2


def scales_before_shifting(X, mu, sigma):
    return X / sigma - mu


def mean_left_out(X, mu, sigma):
    return X / sigma


def per_example(X, mu, sigma):
    return (X - mu[:, np.newaxis]) / sigma[:, np.newaxis]


def guards_sigma(X, mu, sigma):
    return (X - mu) / (sigma + 1e-8)


def _shifted(rng, n, d, dtype="f8", scale=1.0):
    """Draw examples of a test set, whose mean and spread differ from those of the training set."""
    mu, sigma = scale * rng.uniform(-3, 3, d), scale * rng.uniform(0.5, 4, d)
    X = mu + sigma * (rng.uniform(0.5, 1.5, d) + 1.5 * rng.standard_normal((n, d)))
    return {"X": X.astype(dtype), "mu": mu.astype(dtype), "sigma": sigma.astype(dtype)}


def _by_hand(rng, n=3):
    X, mu = rng.integers(-4, 9, (n, 2)).astype("f8"), rng.integers(1, 4, 2).astype("f8")
    return {"X": X, "mu": mu, "sigma": rng.permutation([0.5, 4.0])}


def _with(change, inputs):
    return inputs | {"X": change(inputs["X"])}


def _strided(rng):
    inputs = _shifted(rng, 12, 10)
    return {"X": inputs["X"][::2, ::2], "mu": inputs["mu"][::2], "sigma": inputs["sigma"][::2]}


def _constant_feature(rng):
    inputs = _shifted(rng, 5, 3)
    inputs["X"][:, 1] = inputs["mu"][1] = rng.integers(1, 9)
    inputs["sigma"][1] = 1
    return inputs


TOPIC = Topic(
    forward=normalize_apply,
    torch=normalize_apply_torch,
    cases=(
        Case("three examples by hand", _by_hand, visible=True, compare=Exact()),
        Case("one example", lambda rng: _by_hand(rng, 1), visible=True, aspect="edge", compare=Exact()),
        Case("another set than the training set", lambda rng: _shifted(rng, 40, 5)),
        Case("as many examples as features", lambda rng: _shifted(rng, 5, 5)),
        Case("Fortran order", lambda rng: _with(np.asfortranarray, _shifted(rng, 4, 7))),
        Case("every second row and column", _strided),
        Case("features on different scales", lambda rng: _shifted(rng, 6, 4, scale=np.array([1e-4, 1e-2, 1, 1e3]))),
        Case("float32", lambda rng: _shifted(rng, 16, 6, "f4")),
        Case("a constant feature", _constant_feature, aspect="edge"),
    ),
    mistakes=(
        Mistake(
            refits,
            "The mean and the spread are measured anew on the given examples. Use those of the training set, or train "
            "and test set end up on different scales, and a single example has no spread at all.",
        ),
        Mistake(
            divides_by_variance,
            "The deviations are divided by the variance, as the notes have it. Unit variance takes another divisor.",
        ),
        Mistake(
            scales_before_shifting,
            "X is divided before the mean is taken off, so the mean is in the wrong unit: mind the parentheses.",
        ),
        Mistake(mean_left_out, "The features are scaled, but they are not centred: mu is not used."),
        Mistake(
            per_example,
            "mu and sigma run down the rows, one per example; they belong to the columns, one per feature. "
            "With as many examples as features nothing warns of it.",
        ),
        Mistake(
            guards_sigma,
            "A small number is added to sigma. It changes every result and is not needed: sigma is never 0 here.",
        ),
    ),
    alternates=(times_the_inverse, number_by_number),
)
