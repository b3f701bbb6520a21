"""Xavier initialisation (notes, section 4.2), judged by its distribution."""

import numpy as np

from grader import Mistake, Properties, Topic
from grader.distribution import judge_gaussian, normal_cdf
from grader.picture import histogram

from .he_init import TOPIC as HE_INIT


def xavier_init(n_in, n_out, rng):
    """Draw the first weights of a layer: independent Gaussians with mean 0 and variance 1 / n_in.

    n_in: int >= 1, the number of inputs of each unit
    n_out: int >= 1, the number of units
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: float64 array (n_in, n_out), in torch a tensor of the default dtype

    The sum of n_in such weights times independent inputs of variance 1 has variance 1 again, so a linear layer keeps
    the size of its signal. This is the form of the notes; others divide 2 by n_in + n_out.
    Raises ValueError for a size below 1.
    Source: notes, section 4.2; after Glorot and Bengio, 2010.
    """
    _check(n_in, n_out)
    return rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)


def xavier_init_torch(n_in, n_out, rng):
    import torch

    _check(n_in, n_out)
    return torch.randn(n_in, n_out, generator=rng, device=rng.device) / n_in**0.5


def _check(n_in, n_out):
    if n_in < 1 or n_out < 1:
        raise ValueError(f"n_in and n_out must be at least 1, not {n_in} and {n_out}")


def judge(inputs, outputs):
    n_in, n_out = inputs["n_in"], inputs["n_out"]
    return judge_gaussian(outputs, (n_in, n_out), np.sqrt(1 / n_in))


def named_arguments(n_in, n_out, rng):
    return rng.normal(scale=n_in**-0.5, size=(n_in, n_out))


def unit_by_unit(n_in, n_out, rng):
    return np.stack([rng.standard_normal(n_in) * np.sqrt(1 / n_in) for _ in range(n_out)], axis=1)


def variance_two_over_n(n_in, n_out, rng):
    return rng.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)


def variance_taken_for_std(n_in, n_out, rng):
    return rng.standard_normal((n_in, n_out)) / n_in


def counts_units(n_in, n_out, rng):
    return rng.standard_normal((n_in, n_out)) / np.sqrt(n_out)


def counts_inputs_and_units(n_in, n_out, rng):
    return rng.standard_normal((n_in, n_out)) * np.sqrt(2 / (n_in + n_out))


def uniform_numbers(n_in, n_out, rng):
    return rng.random((n_in, n_out)) / np.sqrt(n_in)


def uniform_of_right_variance(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_in, n_out)) * np.sqrt(3 / n_in)


def _histogram(inputs, expected, outputs):
    sd = inputs["n_in"] ** -0.5
    return histogram(outputs[1:], lambda x: normal_cdf(x, 0, sd), -4 * sd, 4 * sd, "weights")


TOPIC = Topic(
    forward=xavier_init,
    torch=xavier_init_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3)),
    cases=HE_INIT.cases,  # layers of the same sizes
    mistakes=(
        Mistake(
            variance_two_over_n,
            "The variance is 2 / n_in. That is He's, for layers before a ReLU, which loses half of the signal.",
        ),
        Mistake(
            variance_taken_for_std,
            "The variance serves as the factor. A factor multiplies the standard deviation: how are the two related?",
        ),
        Mistake(counts_units, "The spread follows from n_out. What a unit adds up are its inputs: count those."),
        Mistake(
            counts_inputs_and_units,
            "This is the other convention, which takes the mean of n_in and n_out. Here the inputs alone count.",
        ),
        Mistake(
            uniform_numbers,
            "The weights are uniform and none is negative, so their mean is not 0. "
            "Which method of the generator gives a Gaussian?",
        ),
        Mistake(uniform_of_right_variance, "Mean and variance are right, but the weights are uniform, not Gaussian."),
    ),
    alternates=(named_arguments, unit_by_unit),
    picture=_histogram,
)
