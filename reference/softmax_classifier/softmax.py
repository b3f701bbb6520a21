"""Softmax over the last axis (notes, section 1, item 3)."""

import numpy as np

from grader import Case, Mistake, Speed, Topic
from grader.shapes import check_shapes


def softmax(z):
    """Turn logits into probabilities along the last axis.

    z: float array (..., K), any number of leading axes or none; logits of any size between -1e4 and 1e4
    returns: float array like z (shape and dtype): exp(z_k) / sum_j exp(z_j), where j runs over the last axis

    All entries lie between 0 and 1, and those along the last axis sum to 1. The answer is finite for every z,
    whatever the level of the logits in a row, and whatever the other rows hold.
    Raises ValueError when z has no axis.
    Source: notes, section 1, item 3.
    """
    check_shapes(z=(z, "... K"))
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dout, z):
    """Differentiate sum(dout * softmax(z)) with respect to z.

    dout: float array like z, the gradient arriving from above
    z: float array (..., K), the logits given to softmax
    returns: dz, float array like z (shape and dtype)

    Each probability depends on all the logits of its row.
    """
    p = softmax(z)
    return p * (dout - (dout * p).sum(axis=-1, keepdims=True))


def softmax_torch(z):
    check_shapes(z=(z, "... K"))
    return z.softmax(dim=-1)


def through_log_sum_exp(z):
    top = z.max(axis=-1, keepdims=True)
    return np.exp(z - top - np.log(np.exp(z - top).sum(axis=-1, keepdims=True)))


def row_by_row(z):
    out = np.empty_like(z)
    for index in np.ndindex(z.shape[:-1]):
        weights = [np.exp(value - max(z[index])) for value in z[index]]
        out[index] = [weight / sum(weights) for weight in weights]
    return out


def no_max_shift(z):
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def adds_max(z):
    e = np.exp(z + z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def shifted_by_the_mean(z):
    e = np.exp(z - z.mean(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def one_max_for_all_rows(z):
    e = np.exp(z - z.max())
    return e / e.sum(axis=-1, keepdims=True)


def normalises_whole_array(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def normalises_columns(z):
    e = np.exp(z - z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def loses_row_axis(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1)


def diagonal_only(dout, z):
    p = softmax(z)
    return dout * p * (1 - p)


def couples_all_rows(dout, z):
    p = softmax(z)
    return p * (dout - (dout * p).sum())


def _normal(rng, shape, level=0.0, dtype="f8"):
    return {"z": (level + 2 * rng.standard_normal(shape)).astype(dtype)}


def _rows_of_different_level(rng):
    levels = rng.permutation([-1000.0, -500.0, 0.0, 500.0, 1000.0])
    return {"z": levels[:, None] + rng.standard_normal((5, 4))}


def _one_far_above(rng):
    z = rng.standard_normal((4, 6))
    z[np.arange(4), rng.integers(6, size=4)] += 3000.0  # the mean of a row is 500: as a shift it overflows
    return {"z": z}


def _wide_gaps(rng):
    rows = np.array([-750.0, 50.0, 850.0, 851.0, 852.0]) + rng.uniform(0, 0.5, (4, 5))
    return {"z": rng.permuted(rows, axis=1)}


def _many_rows(rng, rows):
    return _normal(rng, (rows, 10))


def rescaled_columns(rng, z):
    """Give the logits of every class a factor of their own."""
    return {"z": z * rng.uniform(0.5, 2, z.shape[-1])}


TOPIC = Topic(
    forward=softmax,
    backward=softmax_backward,
    torch=softmax_torch,
    cases=(
        Case("two rows", lambda rng: {"z": rng.integers(-2, 4, (2, 3)).astype("f8")}, visible=True),
        Case("one vector", lambda rng: {"z": rng.standard_normal(4).round(1)}, visible=True, aspect="edge"),
        Case("more rows than classes", lambda rng: _normal(rng, (8, 5))),
        Case("Fortran order", lambda rng: {"z": np.asfortranarray(_normal(rng, (4, 7))["z"])}),
        Case("every second row and column", lambda rng: {"z": _normal(rng, (6, 10))["z"][::2, ::2]}),
        Case("as many rows as classes", lambda rng: _normal(rng, (5, 5))),
        Case("float32", lambda rng: _normal(rng, (6, 9), dtype="f4")),
        Case("logits around 1000", lambda rng: _normal(rng, (3, 6), 1000.0)),
        Case("logits around -1000", lambda rng: _normal(rng, (3, 6), -1000.0)),
        Case("rows of very different level", _rows_of_different_level, aspect="stability"),
        Case("gaps above 745", _wide_gaps, aspect="stability"),
        Case("one class far above the rest", _one_far_above, aspect="stability"),
        Case("a stack of matrices", lambda rng: _normal(rng, (2, 3, 4)), aspect="edge"),
        Case("one row", lambda rng: _normal(rng, (1, 7)), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            no_max_shift,
            "exp of a large logit overflows, and with all logits far below zero the sum underflows to 0. "
            "Moving all the logits of a row by the same amount does not change the answer: choose that amount well.",
        ),
        Mistake(adds_max, "The logits are moved the wrong way: after the shift the largest one of a row should be 0."),
        Mistake(
            shifted_by_the_mean,
            "Moving a row by its mean is not enough: a logit far above the mean still overflows. "
            "After the move none of them should be above 0.",
        ),
        Mistake(
            one_max_for_all_rows,
            "One shift serves the whole array, so rows far below the largest logit underflow to 0/0. "
            "Each row needs its own shift.",
        ),
        Mistake(normalises_whole_array, "All entries together sum to 1. Each row should sum to 1 on its own."),
        Mistake(normalises_columns, "The columns sum to 1 instead of the rows: look at the axis."),
        Mistake(
            loses_row_axis,
            "The sums of the rows are divided along the wrong axis: reducing drops an axis, and broadcasting then "
            "lines the sums up with the columns. It only shows when there are as many rows as columns.",
        ),
        Mistake(
            diagonal_only,
            "This is only the effect of a logit on its own probability. "
            "Through the common denominator it moves all the others of its row too.",
            gradient=True,
        ),
        Mistake(
            couples_all_rows,
            "The sum in the gradient runs over the whole array: the logits of one row do not move another row.",
            gradient=True,
        ),
    ),
    alternates=(through_log_sum_exp, row_by_row),
    speed=Speed(_many_rows, rescaled_columns, (12_000, 24_000, 48_000), "rows"),
)
