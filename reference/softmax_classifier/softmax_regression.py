"""The loss of a linear softmax classifier (notes, section 1, equation (1))."""

import numpy as np

from grader import Case, Mistake, Topic
from grader.shapes import check_shapes

from .softmax import softmax
from .softmax_cross_entropy import (
    log_of_softmax,
    no_max_shift,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_torch,
)


def softmax_regression(X, y, W, b):
    """Measure how badly the classifier with weights W and biases b explains the labels: its mean cross-entropy.

    X: float array (N, D), N >= 1, one example per row
    y: integer array (N,), the right class of each example, 0 to K - 1
    W: float array (D, K), the weights, one column per class; same dtype as X
    b: float array (K,), the biases; same dtype as X
    returns: scalar, -(1/N) * sum_n ln(p[n, y[n]]), where p = softmax(X @ W + b), row by row

    There is no penalty on the weights. The loss is as stable as softmax_cross_entropy: finite and accurate for scores
    of any size between -1e4 and 1e4, even where the probability of the right class underflows to 0.
    Raises ValueError when the shapes do not fit together, or y holds anything but the labels 0 to K - 1.
    Source: notes, section 1, equation (1).
    """
    check_shapes(X=(X, "N D"), y=(y, "N"), W=(W, "D K"), b=(b, "K"))
    return softmax_cross_entropy(X @ W + b, y)


def softmax_regression_backward(dout, X, y, W, b):
    """Differentiate dout * softmax_regression(X, y, W, b) with respect to the weights and the biases.

    dout: number, the gradient arriving from above
    X, y, W, b: arrays (N, D), (N,), (D, K) and (K,), as given to softmax_regression
    returns: (dW, db), float arrays like W and b (shape and dtype)

    There is no gradient for X: the data are not trained.
    """
    dscores = softmax_cross_entropy_backward(dout, X @ W + b, y)
    return X.T @ dscores, dscores.sum(axis=0)


def softmax_regression_torch(X, y, W, b):
    check_shapes(X=(X, "N D"), y=(y, "N"), W=(W, "D K"), b=(b, "K"))
    return softmax_cross_entropy_torch(X @ W + b, y)


def bias_as_a_weight(X, y, W, b):
    ones = np.ones((len(X), 1), X.dtype)
    scores = np.concatenate([X, ones], axis=1) @ np.concatenate([W, b[np.newaxis]])
    return (np.logaddexp.reduce(scores, axis=1) - np.take_along_axis(scores, y[:, np.newaxis], axis=1)[:, 0]).mean()


def example_by_example(X, y, W, b):
    loss = 0.0
    for x, label in zip(X.astype("f8"), y, strict=True):
        scores = [float(x @ W[:, k]) + float(b[k]) for k in range(len(b))]
        loss += np.log(sum(np.exp(score - max(scores)) for score in scores)) + max(scores) - scores[label]
    return loss / len(X)


def bias_left_out(X, y, W, b):
    return softmax_cross_entropy(X @ W, y)


def sum_over_examples(X, y, W, b):
    return softmax_regression(X, y, W, b) * len(X)


def log_of_the_probabilities(X, y, W, b):
    return log_of_softmax(X @ W + b, y)


def large_scores_overflow(X, y, W, b):
    return no_max_shift(X @ W + b, y)


def gradient_not_averaged(dout, X, y, W, b):
    dW, db = softmax_regression_backward(dout, X, y, W, b)
    return dW * len(X), db * len(X)


def averaged_again(dout, X, y, W, b):
    dW, db = softmax_regression_backward(dout, X, y, W, b)
    return dW / len(X), db / len(X)


def right_class_not_subtracted(dout, X, y, W, b):
    dscores = dout / len(X) * softmax(X @ W + b)
    return X.T @ dscores, dscores.sum(axis=0)


def _ordinary(rng, n, d, k, dtype="f8"):
    """Draw weights so small that a guard of 1e-12 inside a logarithm does not show."""
    W, b = 0.5 / d**0.5 * rng.standard_normal((d, k)), 0.5 * rng.standard_normal(k)
    arrays = {"X": rng.standard_normal((n, d)), "W": W, "b": b}
    return {name: array.astype(dtype) for name, array in arrays.items()} | {"y": rng.integers(k, size=n)}


def _by_hand(rng):
    X, W = rng.integers(-1, 2, (2, 2)).astype("f8"), rng.integers(-1, 2, (2, 3)).astype("f8")
    return {"X": X, "y": rng.permutation(3)[:2], "W": W, "b": rng.permutation([-1.0, 0.0, 1.0])}


def _before_training(rng):
    return _ordinary(rng, 4, 3, 5) | {"W": np.zeros((3, 5)), "b": np.zeros(5)}


def _fortran(rng):
    inputs = _ordinary(rng, 7, 4, 5)
    return inputs | {name: np.asfortranarray(inputs[name]) for name in ("X", "W")}


def _strided(rng):
    inputs = _ordinary(rng, 12, 6, 8)
    return {"X": inputs["X"][::2, ::2], "y": inputs["y"][::2] // 2, "W": inputs["W"][::2, ::2], "b": inputs["b"][::2]}


def _common_level(rng, level):
    inputs = _ordinary(rng, 5, 3, 4)
    return inputs | {"b": level + inputs["b"]}


def _surely_wrong(rng, lead, dtype):
    """Let one class lead by about `lead` for every example, and another one be right."""
    inputs, leaders = _ordinary(rng, 6, 5, 4, dtype), rng.integers(4, size=6)
    X, W = 2 * np.eye(5)[leaders] + 0.01 * inputs["X"], lead / 2 * np.eye(5, 4) + inputs["W"]
    y = (leaders + rng.integers(1, 4, 6)) % 4
    return inputs | {"X": X.astype(dtype), "W": W.astype(dtype), "y": y}


TOPIC = Topic(
    forward=softmax_regression,
    backward=softmax_regression_backward,
    torch=softmax_regression_torch,
    wrt=("W", "b"),
    cases=(
        Case("two examples by hand", _by_hand, visible=True),
        Case("all weights 0", _before_training, visible=True),
        Case("more examples than classes", lambda rng: _ordinary(rng, 20, 6, 3)),
        Case("all sizes equal", lambda rng: _ordinary(rng, 4, 4, 4)),
        Case("Fortran order", _fortran),
        Case("every second row and column", _strided),
        Case("float32", lambda rng: _ordinary(rng, 16, 12, 10, "f4")),
        Case("scores around 1000", lambda rng: _common_level(rng, 1000.0)),
        Case("scores around -1000", lambda rng: _common_level(rng, -1000.0)),
        Case("gaps above 745", lambda rng: _surely_wrong(rng, 1000, "f8"), aspect="stability"),
        Case("float32 gaps above 104", lambda rng: _surely_wrong(rng, 140, "f4"), aspect="stability"),
        Case("one example", lambda rng: _ordinary(rng, 1, 3, 5), aspect="edge"),
        Case("one feature", lambda rng: _ordinary(rng, 6, 1, 3), aspect="edge"),
    ),
    mistakes=(
        Mistake(bias_left_out, "The bias plays no part in the loss: the scores need it."),
        Mistake(
            sum_over_examples,
            "The losses of the examples are added up. "
            "Take their mean, so that the same learning rate suits batches of any size.",
        ),
        Mistake(
            log_of_the_probabilities,
            "The probability of the right class underflows to 0 when its score is far below the others, and its "
            "logarithm is infinite. Go from the scores to the loss without that probability.",
        ),
        Mistake(
            large_scores_overflow,
            "exp of a large score overflows, and with all scores far below 0 the sum underflows. "
            "Moving all the scores of an example by the same amount changes nothing: choose that amount well.",
        ),
        Mistake(
            gradient_not_averaged,
            "dW and db are N times too large: the loss is a mean over the examples, and so are its gradients.",
            gradient=True,
        ),
        Mistake(
            averaged_again,
            "dW and db are N times too small. The mean is taken once: "
            "after that an example's contributions are added up.",
            gradient=True,
        ),
        Mistake(
            right_class_not_subtracted,
            "The gradient pushes down the scores of all classes, the right one too. "
            "A check: db sums to 0, since moving all the biases together does not change the loss.",
            gradient=True,
        ),
    ),
    alternates=(bias_as_a_weight, example_by_example),
)
