"""Small Gaussian weights to start from (notes, section 1), judged by their distribution."""

import numpy as np

from grader import Case, Mistake, Properties, Topic
from grader.distribution import judge_gaussian, normal_cdf
from grader.picture import histogram


def init_gaussian(n_in, n_out, std, rng):
    """Draw the first weights of a layer: independent Gaussians with mean 0 and the given standard deviation.

    n_in: int >= 1, the number of features that go in
    n_out: int >= 1, the number of units or classes that come out
    std: number > 0, the standard deviation (not the variance)
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: float64 array (n_in, n_out), in torch a tensor of the default dtype

    Raises ValueError for a size below 1 or a std that is not above 0. A small std makes all classes about equally
    likely at the start, so that training begins without a firm opinion.
    Source: notes, section 1. They write np.random.rand there, which is uniform and never negative; a Gaussian is meant.
    """
    _check(n_in, n_out, std)
    return std * rng.standard_normal((n_in, n_out))


def init_gaussian_torch(n_in, n_out, std, rng):
    import torch

    _check(n_in, n_out, std)
    return std * torch.randn(n_in, n_out, generator=rng, device=rng.device)


def _check(n_in, n_out, std):
    if n_in < 1 or n_out < 1:
        raise ValueError(f"n_in and n_out must be at least 1, not {n_in} and {n_out}")
    if not std > 0:
        raise ValueError(f"std must be above 0, not {std}")


def judge(inputs, outputs):
    return judge_gaussian(outputs, (inputs["n_in"], inputs["n_out"]), inputs["std"])


def named_arguments(n_in, n_out, std, rng):
    return rng.normal(loc=0.0, scale=std, size=(n_in, n_out))


def box_muller(n_in, n_out, std, rng):
    radius = std * np.sqrt(-2 * np.log1p(-rng.random((n_in, n_out))))
    return radius * np.cos(2 * np.pi * rng.random((n_in, n_out)))


def uniform_numbers(n_in, n_out, std, rng):
    return std * rng.random((n_in, n_out))


def all_zeros(n_in, n_out, std, rng):
    return np.zeros((n_in, n_out))


def std_taken_for_variance(n_in, n_out, std, rng):
    return np.sqrt(std) * rng.standard_normal((n_in, n_out))


def fixed_scale(n_in, n_out, std, rng):
    return 0.01 * rng.standard_normal((n_in, n_out))


def outputs_first(n_in, n_out, std, rng):
    return std * rng.standard_normal((n_out, n_in))


def seeds_itself(n_in, n_out, std, rng):
    return std * np.random.default_rng(0).standard_normal((n_in, n_out))


def same_weights_for_all_units(n_in, n_out, std, rng):
    return np.repeat(std * rng.standard_normal((n_in, 1)), n_out, axis=1)


def _layer(rng, inputs, outputs, low, high):
    """Draw a size from each of two ranges, and a std between low and high."""
    return {
        "n_in": int(rng.integers(*inputs)),
        "n_out": int(rng.integers(*outputs)),
        "std": round(rng.uniform(low, high), 4),
    }


def _histogram(inputs, expected, outputs):
    sd = inputs["std"]
    return histogram(outputs[1:], lambda x: normal_cdf(x, 0, sd), -4 * sd, 4 * sd, "weights")


TOPIC = Topic(
    forward=init_gaussian,
    torch=init_gaussian_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3)),
    cases=(
        Case("a small layer", lambda rng: _layer(rng, (2, 4), (4, 6), 0.1, 0.2), visible=True),
        Case("a classifier", lambda rng: _layer(rng, (200, 300), (10, 20), 0.02, 0.05), visible=True),
        Case("more units than features", lambda rng: _layer(rng, (20, 30), (100, 150), 0.1, 0.3)),
        Case("a very small std", lambda rng: _layer(rng, (60, 80), (30, 50), 1e-4, 1e-3)),
        Case("a std above 1", lambda rng: _layer(rng, (40, 50), (60, 80), 2, 4)),
        Case("one feature", lambda rng: _layer(rng, (1, 2), (2000, 3000), 0.1, 0.5), aspect="edge"),
        Case("one unit", lambda rng: _layer(rng, (2000, 3000), (1, 2), 0.1, 0.5), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            uniform_numbers,
            "The weights are uniform on [0, std): none is negative, so their mean is not 0. "
            "Which method of the generator gives a Gaussian?",
        ),
        Mistake(all_zeros, "All weights are 0. Units that start equal get equal gradients and stay equal for ever."),
        Mistake(
            std_taken_for_variance,
            "std is used as the variance. A standard normal number times a factor has that factor as its std.",
        ),
        Mistake(fixed_scale, "The scale is a fixed number; it must be the parameter std."),
        Mistake(outputs_first, "The shape is the wrong way round: rows belong to features, columns to units."),
        Mistake(
            seeds_itself,
            "Every call gives the same weights: a generator seeded inside the function forgets what came before. "
            "Use rng.",
        ),
        Mistake(same_weights_for_all_units, "All units share one column of weights. Each weight needs its own draw."),
    ),
    alternates=(named_arguments, box_muller),
    picture=_histogram,
)
