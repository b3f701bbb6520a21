"""The scores of a linear classifier, X @ W + b (notes, section 1, item 2)."""

import numpy as np

from grader import Case, Exact, Mistake, Speed, Topic
from grader.shapes import check_shapes


def affine_forward(X, W, b):
    """Compute the score of every class for every example.

    X: float array (N, D), N >= 1, one example per row
    W: float array (D, K), the weights, one column per class; same dtype as X
    b: float array (K,), the biases, one per class; same dtype as X
    returns: float array (N, K), dtype of X: scores[n, k] = sum_d X[n, d] * W[d, k] + b[k]

    Examples are rows, so the notes' y = wX + b has its factors in the other order here. There is no activation.
    Raises ValueError when the shapes do not fit together.
    Source: notes, section 1, item 2.
    """
    check_shapes(X=(X, "N D"), W=(W, "D K"), b=(b, "K"))
    return X @ W + b


def affine_backward(dout, X, W, b):
    """Differentiate sum(dout * affine_forward(X, W, b)) with respect to X, W and b.

    dout: float array (N, K), the gradient arriving from above; the other parameters are those of affine_forward
    returns: (dX, dW, db), each with the shape and dtype of X, W and b

    A weight and a bias get the sum over all examples; averaging is the business of the loss.
    """
    return dout @ W.T, X.T @ dout, dout.sum(axis=0)


def affine_forward_torch(X, W, b):
    check_shapes(X=(X, "N D"), W=(W, "D K"), b=(b, "K"))
    return X @ W + b


def with_einsum(X, W, b):
    return np.einsum("nd,dk->nk", X, W) + b


def example_by_example(X, W, b):
    out = np.empty((len(X), len(b)), X.dtype)
    for n, x in enumerate(X):
        out[n] = b
        for d, value in enumerate(x):
            out[n] += value * W[d]
    return out


def no_bias(X, W, b):
    return X @ W


def bias_per_example(X, W, b):
    return X @ W + b[:, np.newaxis]


def weights_transposed(X, W, b):
    return X @ W.T + b


def element_wise_product(X, W, b):
    return X * W + b


def dx_weights_not_transposed(dout, X, W, b):
    _, dW, db = affine_backward(dout, X, W, b)
    return dout @ W, dW, db


def db_summed_over_classes(dout, X, W, b):
    dX, dW, _ = affine_backward(dout, X, W, b)
    return dX, dW, dout.sum(axis=1)


def db_one_number(dout, X, W, b):
    dX, dW, _ = affine_backward(dout, X, W, b)
    return dX, dW, dout.sum()


def averaged_again(dout, X, W, b):
    dX, dW, db = affine_backward(dout, X, W, b)
    return dX, dW / len(X), db / len(X)


def _integers(rng, n, d, k, largest=3, dtype="f8"):
    shapes = {"X": (n, d), "W": (d, k), "b": (k,)}
    return {name: rng.integers(-largest, largest + 1, shape).astype(dtype) for name, shape in shapes.items()}


def _by_hand(rng):
    return _integers(rng, 2, 3, 2) | {"b": rng.permutation([1.0, 2.0])}


def _normal(rng, n, d, k, dtype="f8"):
    shapes = {"X": (n, d), "W": (d, k), "b": (k,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def _with(change, inputs):
    return {name: change(array) for name, array in inputs.items()}


def _many_examples(rng, examples):
    return _normal(rng, examples, 128, 128)


def rescaled_weights(rng, X, W, b):
    """Give the weights of every feature, and every bias, a factor of its own."""
    return {"X": X, "W": W * rng.uniform(0.5, 2, (len(W), 1)), "b": b * rng.uniform(0.5, 2, len(b))}


TOPIC = Topic(
    forward=affine_forward,
    backward=affine_backward,
    torch=affine_forward_torch,
    cases=(
        Case("two examples by hand", _by_hand, visible=True, compare=Exact()),
        Case("one example", lambda rng: _integers(rng, 1, 4, 3), visible=True, aspect="edge", compare=Exact()),
        Case("more examples than classes", lambda rng: _normal(rng, 8, 5, 3)),
        Case("more classes than features", lambda rng: _normal(rng, 3, 4, 9)),
        Case("Fortran order", lambda rng: _with(np.asfortranarray, _normal(rng, 7, 4, 6))),
        Case("every second entry", lambda rng: _with(lambda a: a[(np.s_[::2],) * a.ndim], _normal(rng, 10, 8, 6))),
        Case("all sizes equal", lambda rng: _normal(rng, 4, 4, 4)),
        Case("small integers", lambda rng: _integers(rng, 12, 7, 5, 50), compare=Exact()),
        Case("float32", lambda rng: _normal(rng, 16, 32, 10, "f4")),
        Case("float32 integers", lambda rng: _integers(rng, 6, 40, 8, 100, "f4"), compare=Exact()),
        Case("one feature, one class", lambda rng: _normal(rng, 5, 1, 1), aspect="edge"),
    ),
    mistakes=(
        Mistake(no_bias, "The bias is missing: without it every score of an all-zero example is 0."),
        Mistake(
            bias_per_example,
            "The bias runs down the rows, one per example; it belongs to the columns, one per class. "
            "With as many examples as classes nothing warns of it.",
        ),
        Mistake(
            weights_transposed,
            "W is transposed although it already is (D, K). It only shows when D and K are equal.",
        ),
        Mistake(element_wise_product, "X and W are multiplied element by element; a matrix product is meant."),
        Mistake(
            dx_weights_not_transposed,
            "dX goes through W the wrong way round: scores lead back from K classes to D features.",
            gradient=True,
        ),
        Mistake(
            db_summed_over_classes,
            "db is summed over the classes. A bias touches all examples, so the sum runs over those.",
            gradient=True,
        ),
        Mistake(
            db_one_number, "db is a single number. Each class has a bias, and a gradient, of its own.", gradient=True
        ),
        Mistake(
            averaged_again,
            "dW and db are divided by the number of examples. "
            "That factor is already in dout when the loss is a mean: it comes twice.",
            gradient=True,
        ),
    ),
    alternates=(with_einsum, example_by_example),
    speed=Speed(_many_examples, rescaled_weights, (1000, 2000, 4000), "examples"),
)
