"""He initialisation for layers with ReLU (notes, sections 1 and 4.2), judged by its distribution."""

import numpy as np

from grader import Case, Mistake, Properties, Topic
from grader.distribution import judge_gaussian, normal_cdf
from grader.picture import histogram


def he_init(n_in, n_out, rng):
    """Draw the first weights of a layer before a ReLU: independent Gaussians with mean 0 and variance 2 / n_in.

    n_in: int >= 1, the number of inputs of each unit
    n_out: int >= 1, the number of units
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: float64 array (n_in, n_out), in torch a tensor of the default dtype

    A ReLU halves the mean square of its input. The factor 2 makes up for that, so that signals keep their size
    through many layers. Raises ValueError for a size below 1.
    Source: notes, section 4.2; He et al., 2015. The notes write np.random.rand, which is uniform and never negative;
    a Gaussian is meant.
    """
    _check(n_in, n_out)
    return rng.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)


def he_init_torch(n_in, n_out, rng):
    import torch

    _check(n_in, n_out)
    return torch.randn(n_in, n_out, generator=rng, device=rng.device) * (2 / n_in) ** 0.5


def _check(n_in, n_out):
    if n_in < 1 or n_out < 1:
        raise ValueError(f"n_in and n_out must be at least 1, not {n_in} and {n_out}")


def judge(inputs, outputs):
    n_in, n_out = inputs["n_in"], inputs["n_out"]
    return judge_gaussian(outputs, (n_in, n_out), np.sqrt(2 / n_in))


def named_arguments(n_in, n_out, rng):
    return rng.normal(0.0, (n_in / 2) ** -0.5, size=(n_in, n_out))


def unit_by_unit(n_in, n_out, rng):
    return np.stack([rng.standard_normal(n_in) * np.sqrt(2 / n_in) for _ in range(n_out)], axis=1)


def variance_one_over_n(n_in, n_out, rng):
    return rng.standard_normal((n_in, n_out)) * np.sqrt(1 / n_in)


def variance_taken_for_std(n_in, n_out, rng):
    return rng.standard_normal((n_in, n_out)) * 2 / n_in


def counts_units(n_in, n_out, rng):
    return rng.standard_normal((n_in, n_out)) * np.sqrt(2 / n_out)


def uniform_numbers(n_in, n_out, rng):
    return rng.random((n_in, n_out)) * np.sqrt(2 / n_in)


def uniform_of_right_variance(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_in, n_out)) * np.sqrt(6 / n_in)


def units_first(n_in, n_out, rng):
    return he_init(n_in, n_out, rng).T


def _layer(rng, inputs, outputs):
    return {"n_in": int(rng.integers(*inputs)), "n_out": int(rng.integers(*outputs))}


def _histogram(inputs, expected, outputs):
    sd = (2 / inputs["n_in"]) ** 0.5
    return histogram(outputs[1:], lambda x: normal_cdf(x, 0, sd), -4 * sd, 4 * sd, "weights")


TOPIC = Topic(
    forward=he_init,
    torch=he_init_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3)),
    cases=(
        Case("a small layer", lambda rng: _layer(rng, (3, 5), (5, 8)), visible=True),
        Case("fewer units than inputs", lambda rng: _layer(rng, (90, 120), (30, 50)), visible=True),
        Case("more units than inputs", lambda rng: _layer(rng, (20, 40), (120, 160))),
        Case("as many units as inputs", lambda rng: dict.fromkeys(("n_in", "n_out"), int(rng.integers(60, 80)))),
        Case("one input", lambda rng: _layer(rng, (1, 2), (2000, 3000)), aspect="edge"),
        Case("one unit", lambda rng: _layer(rng, (2000, 3000), (1, 2)), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            variance_one_over_n,
            "The variance is 1 / n_in, too small before a ReLU: half of what comes through is set to 0.",
        ),
        Mistake(
            variance_taken_for_std,
            "The variance serves as the factor. A factor multiplies the standard deviation: how are the two related?",
        ),
        Mistake(counts_units, "The spread follows from n_out. What a unit adds up are its inputs: count those."),
        Mistake(
            uniform_numbers,
            "The weights are uniform and none is negative, so their mean is not 0. "
            "Which method of the generator gives a Gaussian?",
        ),
        Mistake(uniform_of_right_variance, "Mean and variance are right, but the weights are uniform, not Gaussian."),
        Mistake(units_first, "The shape is the wrong way round: rows belong to inputs, columns to units."),
    ),
    alternates=(named_arguments, unit_by_unit),
    picture=_histogram,
)
