"""Batch normalisation with the statistics of the batch (notes, section 6)."""

import numpy as np

from grader import Case, Mistake, Speed, Topic
from grader.shapes import check_shapes


def batch_norm(x, gamma, beta, eps=1e-5):
    """Normalise each feature over the batch, then scale and shift it (batch normalisation at training time).

    x: float array (N, D), or (N, H, W, D) for images; N >= 1; features are on the last axis
    gamma: float array (D,), the scale of each feature; same dtype as x
    beta: float array (D,), the shift of each feature; same dtype as x
    eps: positive number that keeps the division away from zero
    returns: float array like x (shape and dtype): gamma * (x - mu) / sqrt(var + eps) + beta

    mu and var are taken over all axes but the last, so an image feature is averaged over N, H and W together.
    The variance is the biased one (divide by the number of values, not by that number less one), and eps stands
    inside the root. A constant feature, and a single row, give beta. Shapes that do not fit are a ValueError.
    Source: notes, section 6, equations (3) to (6); Ioffe and Szegedy, 2015.
    """
    _check(x, gamma, beta)
    axes = tuple(range(x.ndim - 1))
    mu, var = x.mean(axes), x.var(axes)
    return gamma * ((x - mu) / np.sqrt(var + eps)) + beta


def batch_norm_backward(dout, x, gamma, beta, eps=1e-5):
    """Differentiate sum(dout * batch_norm(x, gamma, beta, eps)) with respect to x, gamma and beta.

    dout: float array like x, the gradient arriving from above; the other parameters are those of batch_norm
    returns: (dx, dgamma, dbeta), each with the shape and dtype of x, gamma and beta

    mu and var depend on x too, and dx contains both of those paths.
    """
    axes = tuple(range(x.ndim - 1))
    inv_std = 1 / np.sqrt(x.var(axes) + eps)
    x_hat = (x - x.mean(axes)) * inv_std
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axes) - x_hat * (dx_hat * x_hat).mean(axes))
    return dx, (dout * x_hat).sum(axes), dout.sum(axes)


def batch_norm_torch(x, gamma, beta, eps=1e-5):
    _check(x, gamma, beta)
    import torch

    # The operation under torch.nn.functional.batch_norm, which refuses a single row; features are its second axis.
    normalised = torch.batch_norm(x.movedim(-1, 1), gamma, beta, None, None, True, 0.0, eps, False)
    return normalised.movedim(1, -1)


def _check(x, gamma, beta):
    check_shapes(x=(x, "... D"), gamma=(gamma, "D"), beta=(beta, "D"))
    if x.ndim < 2:
        raise ValueError(f"x has shape {tuple(x.shape)}; (N, D) or (N, H, W, D) is expected")


def feature_by_feature(x, gamma, beta, eps=1e-5):
    out = np.empty_like(x)
    for d in range(x.shape[-1]):
        column = x[..., d]
        mean = column.sum() / column.size
        variance = np.square(column - mean).sum() / column.size
        out[..., d] = gamma[d] * (column - mean) / np.sqrt(variance + eps) + beta[d]
    return out


def folded_into_scale_and_shift(x, gamma, beta, eps=1e-5):
    rows = x.reshape(-1, x.shape[-1])
    centred = rows - rows.mean(axis=0)
    scale = gamma * (np.mean(centred**2, axis=0) + eps) ** -0.5
    return (scale * centred + beta).reshape(x.shape)


def eps_outside_root(x, gamma, beta, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    return gamma * (x - x.mean(axes)) / (x.std(axes) + eps) + beta


def unbiased_variance(x, gamma, beta, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    return gamma * (x - x.mean(axes)) / np.sqrt(x.var(axes, ddof=1) + eps) + beta


def one_pass_variance(x, gamma, beta, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    variance = (x * x).mean(axes) - x.mean(axes) ** 2
    return gamma * (x - x.mean(axes)) / np.sqrt(variance + eps) + beta


def statistics_per_example(x, gamma, beta, eps=1e-5):
    mu, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return gamma * (x - mu) / np.sqrt(var + eps) + beta


def statistics_per_position(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta


def statistics_held_constant(dout, x, gamma, beta, eps=1e-5):
    _, dgamma, dbeta = batch_norm_backward(dout, x, gamma, beta, eps)
    return dout * gamma / np.sqrt(x.var(tuple(range(x.ndim - 1))) + eps), dgamma, dbeta


def variance_held_constant(dout, x, gamma, beta, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    _, dgamma, dbeta = batch_norm_backward(dout, x, gamma, beta, eps)
    return gamma * (dout - dout.mean(axes)) / np.sqrt(x.var(axes) + eps), dgamma, dbeta


def parameter_gradients_averaged(dout, x, gamma, beta, eps=1e-5):
    dx, dgamma, dbeta = batch_norm_backward(dout, x, gamma, beta, eps)
    count = x.size // x.shape[-1]
    return dx, dgamma / count, dbeta / count


def _inputs(rng, shape, dtype="f8", layout=np.ascontiguousarray, eps=1e-5):
    features = shape[-1]
    arrays = {
        "x": 2 * rng.standard_normal(shape) + rng.uniform(-3, 3, features),
        "gamma": rng.uniform(0.5, 2, features),
        "beta": rng.uniform(0.5, 2, features),
    }
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    return arrays | {"x": layout(arrays["x"]), "eps": eps}


def _sliced(x):
    return x.repeat(2, axis=0).repeat(2, axis=1)[::2, ::2]  # the same values, not contiguous


def _by_hand(rng):
    x = rng.permuted([[1.0, 10.0], [2.0, 30.0], [6.0, 20.0]], axis=0)
    return {"x": x, "gamma": np.array([1.0, 0.5]), "beta": rng.integers(1, 5, 2).astype("f8")}


def _small_images(rng):
    x = rng.integers(-9, 10, (2, 1, 2, 2)).astype("f8")
    return {"x": x, "gamma": np.array([1.0, 3.0]), "beta": np.array([0.5, -1.0]), "eps": 1e-5}


def _features_of_all_scales(rng):
    inputs = _inputs(rng, (40, 4))
    return inputs | {"x": inputs["x"] * np.array([1e-4, 1e-2, 1.0, 1e3])}


def _large_offsets(rng):
    x = rng.standard_normal((64, 4)) + np.array([0.0, 300.0, -1000.0, 3000.0])
    return _inputs(rng, (64, 4), "f4") | {"x": x.astype("f4")}


def _constant_feature(rng):
    inputs = _inputs(rng, (6, 3))
    inputs["x"][:, 1] = rng.integers(-5, 6)
    return inputs


def _many_rows(rng, rows):
    return _inputs(rng, (rows, 16))


def rescaled_rows(rng, x, gamma, beta, eps):
    """Give every row, and every gamma and beta, a factor of its own: a factor per feature would be normalised away."""
    gamma, beta = gamma * rng.uniform(0.5, 2, len(gamma)), beta * rng.uniform(0.5, 2, len(beta))
    return {"x": x * rng.uniform(0.5, 2, (len(x), 1)), "gamma": gamma, "beta": beta, "eps": eps}


TOPIC = Topic(
    forward=batch_norm,
    backward=batch_norm_backward,
    torch=batch_norm_torch,
    cases=(
        Case("three rows, two features", _by_hand, visible=True),
        Case("two small images", _small_images, visible=True),
        Case("images", lambda rng: _inputs(rng, (4, 5, 3, 6), eps=0.5)),
        Case("float32", lambda rng: _inputs(rng, (32, 16), "f4")),
        Case("Fortran order", lambda rng: _inputs(rng, (7, 5), layout=np.asfortranarray)),
        Case("a slice with a step", lambda rng: _inputs(rng, (6, 4), layout=_sliced)),
        Case("features of very different scale", _features_of_all_scales, aspect="stability"),
        Case("large offsets", _large_offsets, aspect="stability"),
        Case("a constant feature", _constant_feature, aspect="edge"),
        Case("one row", lambda rng: _inputs(rng, (1, 5)), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            eps_outside_root,
            "eps is added to the standard deviation. It belongs to the variance, before the root is taken: "
            "the two differ for features with a small spread.",
        ),
        Mistake(
            unbiased_variance,
            "The variance is divided by one less than the number of values. "
            "Batch normalisation uses the biased variance, the plain mean of the squared deviations.",
        ),
        Mistake(
            one_pass_variance,
            "The variance as the mean square less the squared mean loses all its digits when the mean is large: "
            "subtract the mean first, then square.",
        ),
        Mistake(
            statistics_per_example,
            "Each example is normalised by its own statistics, which is layer normalisation. "
            "Here each feature is normalised over the examples.",
        ),
        Mistake(
            statistics_per_position,
            "Every pixel position has its own mean and variance. "
            "For images a feature has one mean and one variance, over the batch and over both spatial axes.",
        ),
        Mistake(
            statistics_held_constant,
            "dx treats the mean and the variance as constants. Both depend on x, so two more paths lead back to it; "
            "a check: dx sums to zero over the batch.",
            gradient=True,
        ),
        Mistake(
            variance_held_constant,
            "dx contains the path through the mean but not the one through the variance.",
            gradient=True,
        ),
        Mistake(
            parameter_gradients_averaged,
            "dgamma and dbeta are averaged. The loss adds up over all values that gamma and beta touch, "
            "and so do their gradients.",
            gradient=True,
        ),
    ),
    alternates=(feature_by_feature, folded_into_scale_and_shift),
    speed=Speed(_many_rows, rescaled_rows, (8_000, 16_000, 32_000), "rows"),
)
