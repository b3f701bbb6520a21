"""Mean cross-entropy of a softmax, straight from the logits (notes, section 1, items 3 to 5)."""

import numpy as np

from grader import Case, Mistake, Speed, Topic
from grader.shapes import check_shapes

from .one_hot import check_labels
from .softmax import softmax


def softmax_cross_entropy(logits, y):
    """Measure the mean cross-entropy between the softmax of each row of logits and the row's label.

    logits: float array (N, K), N >= 1, scores of any size between -1e4 and 1e4 (not probabilities)
    y: integer array (N,), the right class of each row, 0 to K - 1 (not one-hot)
    returns: scalar, -(1/N) * sum_n ln(p[n, y[n]]), where p = softmax(logits)

    ln is the natural logarithm, and the mean runs over the examples. The loss is finite and accurate for all logits: a
    right class whose probability underflows to 0 still costs about its distance from the largest logit of its row.
    Nothing is clipped, and nothing is added to a probability.
    Raises ValueError when the shapes do not fit together, or y holds anything but the labels 0 to K - 1.
    Source: notes, section 1, items 3 to 5 and equation (1).
    """
    check_shapes(logits=(logits, "N K"), y=(y, "N"))
    check_labels(y, logits.shape[1])
    z = logits - logits.max(axis=1, keepdims=True)
    return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean()


def softmax_cross_entropy_backward(dout, logits, y):
    """Differentiate dout * softmax_cross_entropy(logits, y) with respect to the logits.

    dout: number, the gradient arriving from above
    logits, y: arrays (N, K) and (N,), as given to softmax_cross_entropy
    returns: dlogits, float array like logits (shape and dtype)

    Each row sums to 0, since one number added to all the logits of a row changes nothing.
    """
    dlogits = softmax(logits)
    dlogits[np.arange(len(y)), y] -= 1
    return dout / len(y) * dlogits


def softmax_cross_entropy_torch(logits, y):
    check_shapes(logits=(logits, "N K"), y=(y, "N"))
    return -logits.log_softmax(dim=1).gather(1, y[:, None]).mean()


def pairwise_log_sum_exp(logits, y):
    return np.mean(np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(y)), y])


def row_by_row(logits, y):
    loss = 0.0
    for z, label in zip(logits.astype("f8"), y, strict=True):
        loss += np.log(sum(np.exp(value - max(z)) for value in z)) + max(z) - z[label]
    return loss / len(y)


def _log_of(probs, y):
    return -np.log(probs[np.arange(len(y)), y]).mean()


def log_of_softmax(logits, y):
    return _log_of(softmax(logits), y)


def guarded_log(logits, y):
    return _log_of(softmax(logits) + 1e-12, y)


def no_max_shift(logits, y):
    return (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]).mean()


def one_max_for_all_rows(logits, y):
    return no_max_shift(logits - logits.max(), y)


def sum_over_examples(logits, y):
    return softmax_cross_entropy(logits, y) * len(y)


def right_class_not_subtracted(dout, logits, y):
    return dout / len(y) * softmax(logits)


def gradient_not_averaged(dout, logits, y):
    return softmax_cross_entropy_backward(dout, logits, y) * len(y)


def gradient_without_shift(dout, logits, y):
    e = np.exp(logits)
    dlogits = e / e.sum(axis=1, keepdims=True)
    dlogits[np.arange(len(y)), y] -= 1
    return dout / len(y) * dlogits


def _ordinary(rng, n, k, level=0.0, dtype="f8"):
    """Draw logits close enough together that a guard of 1e-12 inside a logarithm does not show."""
    return {"logits": (level + rng.uniform(-2, 2, (n, k))).astype(dtype), "y": rng.integers(k, size=n)}


def _by_hand(rng):
    weights = rng.permuted([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]], axis=1)  # their shares are the probabilities
    return {"logits": np.log(weights).round(2), "y": rng.permutation(3)[:2]}


def _rows_of_different_level(rng):
    levels = rng.permutation([-1000.0, -500.0, 0.0, 500.0, 1000.0])
    return {"logits": levels[:, None] + rng.standard_normal((5, 4)), "y": rng.integers(4, size=5)}


def _right_class_far_below(rng, levels, dtype):
    logits = rng.permuted(np.array(levels) + rng.uniform(0, 0.5, (4, len(levels))), axis=1)
    return {"logits": logits.astype(dtype), "y": logits.argmin(axis=1)}


def _fortran(rng):
    inputs = _ordinary(rng, 8, 5)
    return inputs | {"logits": np.asfortranarray(inputs["logits"])}


def _strided(rng):
    return {"logits": rng.uniform(-2, 2, (12, 8))[::2, ::2], "y": rng.integers(4, size=12)[::2]}


def _many_examples(rng, examples):
    return _ordinary(rng, examples, 10)


def other_labels(rng, logits, y):
    """Give the logits of every class a factor of their own, and the rows the labels of other rows."""
    return {"logits": logits * rng.uniform(0.5, 2, logits.shape[1]), "y": np.roll(y, rng.integers(len(y)))}


TOPIC = Topic(
    forward=softmax_cross_entropy,
    backward=softmax_cross_entropy_backward,
    torch=softmax_cross_entropy_torch,
    cases=(
        Case("two examples", _by_hand, visible=True),
        Case("equal logits", lambda rng: {"logits": np.full((3, 4), 2.5), "y": rng.integers(4, size=3)}, visible=True),
        Case("more classes than examples", lambda rng: _ordinary(rng, 3, 9)),
        Case("as many examples as classes", lambda rng: _ordinary(rng, 5, 5)),
        Case("Fortran order", _fortran),
        Case("every second row and column", _strided),
        Case("float32", lambda rng: _ordinary(rng, 16, 6, dtype="f4")),
        Case("logits around 1000", lambda rng: _ordinary(rng, 4, 6, 1000.0)),
        Case("logits around -1000", lambda rng: _ordinary(rng, 4, 6, -1000.0)),
        Case("rows of very different level", _rows_of_different_level, aspect="stability"),
        Case("gaps above 745", lambda rng: _right_class_far_below(rng, [-450, 0, 450, 452], "f8"), aspect="stability"),
        Case("float32 gaps above 104", lambda rng: _right_class_far_below(rng, [-60, 0, 60], "f4"), aspect="stability"),
        Case("one example", lambda rng: _ordinary(rng, 1, 7), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            log_of_softmax,
            "The probability of a class far below the others underflows to 0, and its logarithm is infinite. "
            "Work out the logarithm of the softmax on paper, and see what becomes of its numerator.",
        ),
        Mistake(
            guarded_log,
            "A guard inside the logarithm keeps the loss finite and makes it wrong: it cannot rise above a bound "
            "however far the right class lies below. Work with the logits instead of the probabilities.",
        ),
        Mistake(
            no_max_shift,
            "exp of a large logit overflows, and with all logits far below 0 the sum underflows. "
            "Moving all the logits of a row by the same amount changes nothing: choose that amount well.",
        ),
        Mistake(
            one_max_for_all_rows,
            "One shift serves the whole array, so the sums of rows far below it underflow. Each row needs its own.",
        ),
        Mistake(
            sum_over_examples,
            "The losses of the examples are added up. "
            "Take their mean, so that the size of the batch does not change the scale of the loss.",
        ),
        Mistake(
            right_class_not_subtracted,
            "The gradient pushes all the logits down, the right one too. "
            "The loss sees the right logit a second time, outside the sum of exponentials.",
            gradient=True,
        ),
        Mistake(
            gradient_not_averaged,
            "The gradient is N times too large: the loss is a mean over the examples, and so is its gradient.",
            gradient=True,
        ),
        Mistake(
            gradient_without_shift,
            "The backward overflows where the forward does not: its softmax needs the same care for large logits.",
            gradient=True,
        ),
    ),
    alternates=(pairwise_log_sum_exp, row_by_row),
    speed=Speed(_many_examples, other_labels, (12_000, 24_000, 48_000), "examples"),
)
