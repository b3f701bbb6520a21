"""The squared Frobenius norm, the penalty of L2 regularization (notes, section 3.1)."""

import numpy as np

from grader import Case, Mistake, Topic
from grader.shapes import check_shapes


def frobenius_norm_squared(W):
    """Add up the squares of all elements of a matrix.

    W: float array (D, K), the weights of a layer
    returns: number (a scalar of W's dtype): the sum over i and j of W_ij^2

    This is the square of the Frobenius norm: no root is taken, and nothing is averaged or halved. It is the sum of
    the squares of all singular values; the spectral norm is the largest of these alone. An array that is no matrix
    is a ValueError.
    Source: notes, section 3.1.
    """
    check_shapes(W=(W, "D K"))
    return (W * W).sum()


def frobenius_norm_squared_torch(W):
    check_shapes(W=(W, "D K"))
    return (W * W).sum()


def norm_then_squared(W):
    return np.linalg.norm(W) ** 2


def trace_of_gram_matrix(W):
    return np.trace(W.T @ W)


def element_by_element(W):
    return sum(float(value) ** 2 for row in W for value in row)


def root_taken(W):
    return np.linalg.norm(W)


def spectral_norm_squared(W):
    return np.linalg.norm(W, 2) ** 2


def square_of_the_sum(W):
    return W.sum() ** 2


def mean_of_the_squares(W):
    return (W**2).mean()


def halved(W):
    return 0.5 * (W**2).sum()


def _whole_numbers(rng):
    return {"W": rng.integers(1, 6, (2, 3)) * rng.choice([-1.0, 1.0], (2, 3))}


def _rows_of_different_scale(rng):
    return {"W": rng.standard_normal((5, 4)) * 10.0 ** rng.permutation([-6, -3, 0, 2, 4])[:, None]}


TOPIC = Topic(
    forward=frobenius_norm_squared,
    torch=frobenius_norm_squared_torch,
    cases=(
        Case("two rows, three columns", _whole_numbers, visible=True),
        Case("one decimal", lambda rng: {"W": rng.uniform(-2, 2, (3, 2)).round(1)}, visible=True),
        Case("a layer", lambda rng: {"W": rng.standard_normal((30, 20))}),
        Case("float32", lambda rng: {"W": rng.standard_normal((25, 40), dtype="f4")}),
        Case("Fortran order", lambda rng: {"W": np.asfortranarray(rng.standard_normal((4, 7)))}),
        Case("a slice with a step", lambda rng: {"W": rng.standard_normal((6, 8))[::2, ::2]}),
        Case("rows of very different scale", _rows_of_different_scale, aspect="stability"),
        Case("one row", lambda rng: {"W": rng.standard_normal((1, 6))}, aspect="edge"),
        Case("all zeros", lambda rng: {"W": np.zeros((2, 3))}, aspect="edge"),
    ),
    mistakes=(
        Mistake(root_taken, "This is the norm itself: the penalty is its square, so no root is taken."),
        Mistake(
            spectral_norm_squared,
            "This is the largest singular value, squared: the spectral norm. "
            "Library norms mean different things for matrices and vectors, so look up what an argument of 2 asks for.",
        ),
        Mistake(square_of_the_sum, "The elements are added up first and then squared, so signs cancel. Square first."),
        Mistake(mean_of_the_squares, "The squares are averaged: a norm adds them up, however many there are."),
        Mistake(
            halved, "The norm comes out halved. The factor 1/2 belongs to the cost of L2 regularization, not to it."
        ),
    ),
    alternates=(norm_then_squared, trace_of_gram_matrix, element_by_element),
)
