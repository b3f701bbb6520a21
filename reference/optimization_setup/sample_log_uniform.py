"""Random numbers on a logarithmic scale (notes, section 5), judged by their distribution."""

import numpy as np

from grader import Case, Mistake, Properties, Topic
from grader.distribution import agreement_p_value, ks_p_value, uniform_cdf
from grader.picture import histogram

# Three tests per case (see judge): a correct function fails a case with a chance below 1e-6.
LEVEL = 3e-7


def sample_log_uniform(low, high, size, rng):
    """Draw numbers whose logarithms are uniform between those of low and high.

    low: number > 0, the lower end
    high: number > low, the upper end
    size: int >= 1, how many numbers to draw, independently of each other
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: float64 array (size,), in torch a tensor of the default dtype, between low and high

    Every factor is equally likely: between 1e-4 and 1 each decade gets a quarter of the numbers. The base of the
    logarithm plays no part. Raises ValueError unless 0 < low < high and size >= 1.
    Source: notes, section 5 (choose hyper-parameters on an appropriate scale).
    """
    _check(low, high, size)
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def sample_log_uniform_torch(low, high, size, rng):
    import torch

    _check(low, high, size)
    return low * (high / low) ** torch.rand(size, generator=rng, device=rng.device)


def _check(low, high, size):
    if not 0 < low < high:
        raise ValueError(f"low and high must satisfy 0 < low < high, and are {low} and {high}")
    if size < 1:
        raise ValueError(f"size must be at least 1, not {size}")


def judge(inputs, outputs):
    """Check the range exactly, then the distribution and the independence of independent draws by three tests."""
    low, high, size = inputs["low"], inputs["high"], inputs["size"]
    for output in outputs:
        if not isinstance(output, np.ndarray) or output.dtype.kind != "f":
            return "Return one array of floating-point numbers."
        if output.shape != (size,):
            return "The array has the wrong shape: (size,) is asked for."
        if not ((output >= low * (1 - 1e-5)) & (output <= high * (1 + 1e-5))).all():
            return "Every number must lie between low and high."
    if (outputs[0] != outputs[1]).any():
        return "Two calls with the generator in the same state gave different numbers: all chance must come from rng."
    draws = np.log(np.stack(outputs[1:]).astype(np.float64))
    if all((np.sort(draw) == np.sort(draws[0])).all() for draw in draws):
        return "Generators in different states gave the same numbers: they must be drawn at random, from rng."
    upper = draws > (np.log(low) + np.log(high)) / 2
    # A wrong distribution changes the agreement too: a dependence must show against the observed share as well.
    chances = [max(agreement_p_value(upper, axis, p) for p in (0.5, upper.mean())) for axis in (0, 1)]
    if min(chances) < LEVEL:
        return "The numbers are not independent: each one needs a draw of its own."
    if ks_p_value(draws, lambda x: uniform_cdf(x, np.log(low), np.log(high))) < LEVEL:
        return "The logarithms of the numbers are not spread evenly between those of low and high."
    return None


def powers_of_ten(low, high, size, rng):
    return 10 ** rng.uniform(np.log10(low), np.log10(high), size)


def one_by_one(low, high, size, rng):
    return np.array([low * (high / low) ** rng.random() for _ in range(size)])


def uniform_on_linear_scale(low, high, size, rng):
    return rng.uniform(low, high, size)


def whole_exponents(low, high, size, rng):
    return low * (high / low) ** (rng.integers(0, 5, size) / 4)


def even_grid(low, high, size, rng):
    return rng.permutation(np.geomspace(low, high, size))


def bases_mixed(low, high, size, rng):
    return 10 ** rng.uniform(np.log(low), np.log(high), size)


def normal_exponents(low, high, size, rng):
    middle, width = (np.log(low) + np.log(high)) / 2, np.log(high / low)
    return np.exp(np.clip(middle + width / 6 * rng.standard_normal(size), np.log(low), np.log(high)))


def one_draw_for_all(low, high, size, rng):
    return np.full(size, sample_log_uniform(low, high, 1, rng)[0])


def exponents_returned(low, high, size, rng):
    return rng.uniform(np.log10(low), np.log10(high), size)


def _range(rng, low, high, size):
    """Draw low and high within a factor of two above the given numbers."""
    return {"low": low * rng.uniform(1, 2), "high": high * rng.uniform(1, 2), "size": size}


def _histogram(inputs, expected, outputs):
    low, high = np.log10(inputs["low"]), np.log10(inputs["high"])
    return histogram(np.log10(outputs[1:]), lambda x: uniform_cdf(x, low, high), low, high, "exponents of 10")


TOPIC = Topic(
    forward=sample_log_uniform,
    torch=sample_log_uniform_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3)),
    cases=(
        Case("five learning rates", lambda rng: {"low": 1e-4, "high": 1, "size": 5}, visible=True),
        Case("many learning rates", lambda rng: _range(rng, 1e-5, 0.1, 500), visible=True),
        Case("hidden units", lambda rng: _range(rng, 10, 2000, 1000)),
        Case("a narrow range", lambda rng: _range(rng, 0.5, 4, 1200)),
        Case("many decades", lambda rng: _range(rng, 1e-12, 1e8, 400)),
        Case("a single number", lambda rng: _range(rng, 0.01, 1, 1), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            uniform_on_linear_scale,
            "The numbers are uniform, not their logarithms: nine in ten fall into the top decade.",
        ),
        Mistake(whole_exponents, "Only a few fixed values can come out. The exponent must be any real number."),
        Mistake(even_grid, "This is a grid, the same in every call. Random search needs independent numbers."),
        Mistake(bases_mixed, "The logarithm and the power have different bases, so the numbers leave the range."),
        Mistake(
            normal_exponents,
            "The exponents crowd in the middle of the range. Which distribution treats all of them alike?",
        ),
        Mistake(one_draw_for_all, "All numbers are copies of one draw. Each needs its own."),
        Mistake(exponents_returned, "These are the exponents. The numbers themselves are asked for."),
    ),
    alternates=(powers_of_ten, one_by_one),
    picture=_histogram,
)
