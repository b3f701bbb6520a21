"""Batch normalisation at test time, with the running statistics (notes, section 6)."""

import numpy as np

from grader import Case, Mistake, Topic
from grader.shapes import check_shapes


def batch_norm_inference(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """Normalise each feature with its running statistics, then scale and shift it (batch normalisation at test time).

    x: float array (N, D), or (N, H, W, D) for images; N >= 1; features are on the last axis
    gamma: float array (D,), the scale of each feature; same dtype as x
    beta: float array (D,), the shift of each feature; same dtype as x
    running_mean: float array (D,), the mean of each feature over the training; same dtype as x
    running_var: float array (D,), the variance of each feature, likewise (not the standard deviation)
    eps: positive number that keeps the division away from zero
    returns: float array like x (shape and dtype): gamma * (x - running_mean) / sqrt(running_var + eps) + beta

    eps stands inside the root. Nothing is computed from the batch: an example gets the same answer alone as among
    others, and a batch of one is as good as any. The arrays given are left as they are. Shapes that do not fit are a
    ValueError.
    Source: notes, section 6, equations (5) and (6); Ioffe and Szegedy, 2015, algorithm 2.
    """
    _check(x, gamma, beta, running_mean, running_var)
    return gamma * ((x - running_mean) / np.sqrt(running_var + eps)) + beta


def batch_norm_inference_torch(x, gamma, beta, running_mean, running_var, eps=1e-5):
    _check(x, gamma, beta, running_mean, running_var)
    return gamma * ((x - running_mean) / (running_var + eps).sqrt()) + beta


def _check(x, gamma, beta, running_mean, running_var):
    statistics = {"running_mean": (running_mean, "D"), "running_var": (running_var, "D")}
    check_shapes(x=(x, "... D"), gamma=(gamma, "D"), beta=(beta, "D"), **statistics)
    if x.ndim < 2:
        raise ValueError(f"x has shape {tuple(x.shape)}; (N, D) or (N, H, W, D) is expected")


def folded_into_scale_and_shift(x, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma * (running_var + eps) ** -0.5
    return x * scale + (beta - running_mean * scale)


def value_by_value(x, gamma, beta, running_mean, running_var, eps=1e-5):
    out = np.empty_like(x)
    for i in np.ndindex(x.shape):
        d = i[-1]
        out[i] = gamma[d] * (x[i] - running_mean[d]) / np.sqrt(running_var[d] + eps) + beta[d]
    return out


def statistics_of_the_batch(x, gamma, beta, running_mean, running_var, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    return batch_norm_inference(x, gamma, beta, x.mean(axes), x.var(axes), eps)


def scale_and_shift_forgotten(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return batch_norm_inference(x, np.ones_like(gamma), np.zeros_like(beta), running_mean, running_var, eps)


def divides_by_variance(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return gamma * (x - running_mean) / (running_var + eps) + beta


def eps_outside_root(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return gamma * (x - running_mean) / (np.sqrt(running_var) + eps) + beta


def ignores_eps_argument(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return batch_norm_inference(x, gamma, beta, running_mean, running_var)


def shifts_before_scaling(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return gamma * ((x - running_mean) / np.sqrt(running_var + eps) + beta)


def _inputs(rng, shape, dtype="f8", layout=np.ascontiguousarray, eps=1e-5):
    features = shape[-1]
    arrays = {
        "x": 2 * rng.standard_normal(shape) + rng.uniform(-3, 3, features),
        "gamma": rng.uniform(0.5, 2, features),
        "beta": rng.uniform(0.5, 2, features),
        "running_mean": rng.uniform(-3, 3, features),
        "running_var": rng.uniform(0.5, 9, features),
    }
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    return arrays | {"x": layout(arrays["x"]), "eps": eps}


def _sliced(x):
    return x.repeat(2, axis=0).repeat(2, axis=1)[::2, ::2]  # the same values, not contiguous


def _by_hand(rng):
    parameters = {"gamma": np.array([1.0, 0.5]), "beta": rng.integers(1, 5, 2).astype("f8")}
    statistics = {"running_mean": np.array([2.0, 20.0]), "running_var": np.array([4.0, 100.0])}
    return {"x": rng.integers(1, 7, (3, 2)) * [1.0, 10.0]} | parameters | statistics


def _small_images(rng):
    x = rng.integers(1, 7, (2, 1, 2, 2)) * [1.0, 10.0]
    return _by_hand(rng) | {"x": x, "eps": 0.25}


def _variances_of_all_scales(rng):
    inputs, scales = _inputs(rng, (6, 4)), np.array([1e-4, 1e-2, 1.0, 1e3])
    powers = {"x": scales, "running_mean": scales, "running_var": scales**2}
    return inputs | {name: inputs[name] * power for name, power in powers.items()}


def _no_variance(rng):
    inputs = _inputs(rng, (4, 3))
    return inputs | {"running_var": inputs["running_var"] * np.array([1.0, 0.0, 1.0])}


TOPIC = Topic(
    forward=batch_norm_inference,
    torch=batch_norm_inference_torch,
    cases=(
        Case("three rows, two features", _by_hand, visible=True),
        Case("two small images", _small_images, visible=True),
        Case("images", lambda rng: _inputs(rng, (4, 5, 3, 6), eps=0.1)),
        Case("float32", lambda rng: _inputs(rng, (16, 12), "f4")),
        Case("Fortran order", lambda rng: _inputs(rng, (7, 5), layout=np.asfortranarray)),
        Case("a slice with a step", lambda rng: _inputs(rng, (6, 4), layout=_sliced)),
        Case("variances of very different scale", _variances_of_all_scales, aspect="stability"),
        Case("one row", lambda rng: _inputs(rng, (1, 5)), aspect="edge"),
        Case("a running variance of 0", _no_variance, aspect="edge"),
    ),
    mistakes=(
        Mistake(
            statistics_of_the_batch,
            "The statistics are those of this batch. At test time an answer must not depend on which other examples "
            "happen to be there, and a single one would come out as beta.",
        ),
        Mistake(
            scale_and_shift_forgotten,
            "gamma and beta are not applied: they belong to the network at test time too.",
        ),
        Mistake(
            divides_by_variance,
            "The deviations are divided by the running variance. That has the units of x squared: a root is missing.",
        ),
        Mistake(
            eps_outside_root,
            "eps is added to the standard deviation. It belongs to the variance, before the root is taken: "
            "the two differ for features with a small variance.",
        ),
        Mistake(ignores_eps_argument, "eps is a parameter: use the value that the caller gives, not a fixed one."),
        Mistake(
            shifts_before_scaling,
            "beta is scaled by gamma too: the shift comes last, so that beta is the level of the output.",
        ),
    ),
    alternates=(folded_into_scale_and_shift, value_by_value),
)
