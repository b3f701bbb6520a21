"""The running statistics that batch normalisation keeps for test time (notes, section 6)."""

import numpy as np

from grader import Case, Mistake, Topic
from grader.shapes import check_shapes


def batch_norm_running(running_mean, running_var, x, momentum=0.9):
    """Bring the running mean and variance of every feature up to date with a batch.

    running_mean: float array (D,), the running mean of each feature before this batch
    running_var: float array (D,), the running variance of each feature, likewise; same dtype as running_mean
    x: float array (N, D), or (N, H, W, D) for images, the batch; N >= 1; features are on the last axis; same dtype
    momentum: number in [0, 1], how much of the old statistics is kept (frameworks often call 1 - this the momentum)
    returns: (running_mean, running_var), two float arrays (D,), each momentum * running + (1 - momentum) * batch

    The statistics of the batch are taken over all axes but the last, about the mean of the batch, and the variance is
    the biased one (divide by the number of values), as in batch_norm. The arrays given are left as they are. Shapes
    that do not fit and a momentum outside [0, 1] are a ValueError.
    Source: notes, section 6; Ioffe and Szegedy, 2015, section 3.1.
    """
    _check(running_mean, running_var, x, momentum)
    axes = tuple(range(x.ndim - 1))
    mean = momentum * running_mean + (1 - momentum) * x.mean(axes)
    return mean, momentum * running_var + (1 - momentum) * x.var(axes)


def batch_norm_running_torch(running_mean, running_var, x, momentum=0.9):
    _check(running_mean, running_var, x, momentum)
    axes = tuple(range(x.ndim - 1))
    mean = momentum * running_mean + (1 - momentum) * x.mean(axes)
    return mean, momentum * running_var + (1 - momentum) * x.var(axes, correction=0)


def _check(running_mean, running_var, x, momentum):
    check_shapes(running_mean=(running_mean, "D"), running_var=(running_var, "D"), x=(x, "... D"))
    if x.ndim < 2:
        raise ValueError(f"x has shape {tuple(x.shape)}; (N, D) or (N, H, W, D) is expected")
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum is {momentum}; it must be between 0 and 1")


def feature_by_feature(running_mean, running_var, x, momentum=0.9):
    mean, var = np.empty_like(running_mean), np.empty_like(running_var)
    for d in range(x.shape[-1]):
        values = x[..., d].ravel()
        centre = values.sum() / values.size
        mean[d] = momentum * running_mean[d] + (1 - momentum) * centre
        var[d] = momentum * running_var[d] + (1 - momentum) * ((values - centre) ** 2).sum() / values.size
    return mean, var


def moves_towards_the_batch(running_mean, running_var, x, momentum=0.9):
    rows = x.reshape(-1, x.shape[-1])
    new = (running_mean, rows.mean(axis=0)), (running_var, rows.std(axis=0) ** 2)
    return tuple(old + (1 - momentum) * (batch - old) for old, batch in new)


def momentum_reversed(running_mean, running_var, x, momentum=0.9):
    return batch_norm_running(running_mean, running_var, x, 1 - momentum)


def batch_replaces_running(running_mean, running_var, x, momentum=0.9):
    return batch_norm_running(running_mean, running_var, x, 0)


def batch_not_scaled_down(running_mean, running_var, x, momentum=0.9):
    axes = tuple(range(x.ndim - 1))
    return momentum * running_mean + x.mean(axes), momentum * running_var + x.var(axes)


def unbiased_variance(running_mean, running_var, x, momentum=0.9):
    axes = tuple(range(x.ndim - 1))
    mean, _ = batch_norm_running(running_mean, running_var, x, momentum)
    return mean, momentum * running_var + (1 - momentum) * x.var(axes, ddof=1)


def deviation_for_variance(running_mean, running_var, x, momentum=0.9):
    axes = tuple(range(x.ndim - 1))
    mean, _ = batch_norm_running(running_mean, running_var, x, momentum)
    return mean, momentum * running_var + (1 - momentum) * x.std(axes)


def one_pass_variance(running_mean, running_var, x, momentum=0.9):
    axes = tuple(range(x.ndim - 1))
    mean, _ = batch_norm_running(running_mean, running_var, x, momentum)
    return mean, momentum * running_var + (1 - momentum) * ((x * x).mean(axes) - x.mean(axes) ** 2)


def _inputs(rng, shape, dtype="f8", offset=0.0, layout=np.ascontiguousarray, momentum=0.9):
    features = shape[-1]
    arrays = {
        "running_mean": offset + rng.uniform(-3, 3, features),
        "running_var": rng.uniform(0.5, 3, features),
        "x": offset + 2 * rng.standard_normal(shape) + rng.uniform(-3, 3, features),
    }
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    return arrays | {"x": layout(arrays["x"]), "momentum": momentum}


def _sliced(x):
    return x.repeat(2, axis=0).repeat(2, axis=1)[::2, ::2]  # the same values, not contiguous


def _by_hand(rng):
    x = rng.permuted([[1.0, 10.0], [2.0, 30.0], [6.0, 20.0]], axis=0)
    return {"running_mean": rng.integers(-5, 6, 2) * 10.0, "running_var": rng.integers(1, 4, 2) * 10.0, "x": x}


def _small_images(rng):
    x = rng.integers(-9, 10, (2, 1, 2, 2)).astype("f8")
    return {"running_mean": np.zeros(2), "running_var": np.ones(2), "x": x, "momentum": 0.75}


TOPIC = Topic(
    forward=batch_norm_running,
    torch=batch_norm_running_torch,
    cases=(
        Case("three rows, two features", _by_hand, visible=True),
        Case("two small images", _small_images, visible=True),
        Case("images", lambda rng: _inputs(rng, (4, 5, 3, 6), momentum=0.95)),
        Case("float32", lambda rng: _inputs(rng, (32, 16), "f4", momentum=0.8)),
        Case("Fortran order", lambda rng: _inputs(rng, (7, 5), layout=np.asfortranarray)),
        Case("a slice with a step", lambda rng: _inputs(rng, (6, 4), layout=_sliced)),
        Case("float32 with a large offset", lambda rng: _inputs(rng, (64, 4), "f4", 3000.0), aspect="stability"),
        Case("one row", lambda rng: _inputs(rng, (1, 5)), aspect="edge"),
        Case("momentum 0", lambda rng: _inputs(rng, (6, 3), momentum=0.0), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            momentum_reversed,
            "momentum weighs the batch instead of the old statistics. Both conventions exist: "
            "here a momentum close to 1 means a long memory.",
        ),
        Mistake(
            batch_replaces_running,
            "The result is the statistics of the last batch: the old ones must not be forgotten.",
        ),
        Mistake(
            batch_not_scaled_down,
            "The two weights do not add up to 1, so the statistics grow from batch to batch though the data do not.",
        ),
        Mistake(
            unbiased_variance,
            "The variance of the batch is divided by one less than the number of values. "
            "Some frameworks do that for the running variance; here it is the variance that batch_norm divides by.",
        ),
        Mistake(deviation_for_variance, "The standard deviation is mixed into a running variance."),
        Mistake(
            one_pass_variance,
            "The variance as the mean square less the squared mean loses all its digits when the mean is large: "
            "subtract the mean first, then square.",
        ),
    ),
    alternates=(feature_by_feature, moves_towards_the_batch),
)
