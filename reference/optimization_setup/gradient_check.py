"""Gradient checking: how far a gradient is from the numerical one (notes, section 4.3)."""

import numpy as np

from grader import Case, Close, Mistake, Topic

from .numerical_gradient import (
    coupled_neighbours,
    cubes,
    flat,
    gram,
    numerical_gradient,
    numerical_gradient_torch,
    one_sided,
)


def gradient_check(f, theta, grad, eps=1e-5):
    """Return the relative error between a gradient and the central differences of f.

    f: function of one array of theta's shape (a tensor in the torch version) that returns a number; it is smooth
    theta: float64 array of any shape, the point
    grad: float array like theta, what is claimed to be the gradient of f at theta
    eps: positive number, the step of the central differences
    returns: number in [0, 1], ||approx - grad|| / (||approx|| + ||grad||), where approx = numerical_gradient(f, theta,
        eps) and ||.|| is the root of the sum of all squared elements, whatever the shape

    Where both gradients are 0 the result is 0. theta and grad are the same after the call as before. A grad of another
    shape than theta's and an eps that is not positive are a ValueError.
    Source: notes, section 4.3.
    """
    _check(theta, grad)
    approx = numerical_gradient(f, theta, eps)
    total = np.linalg.norm(approx) + np.linalg.norm(grad)
    return np.linalg.norm(approx - grad) / total if total else 0.0


def gradient_check_torch(f, theta, grad, eps=1e-5):
    _check(theta, grad)
    approx = numerical_gradient_torch(f, theta, eps)
    total = approx.norm() + grad.norm()
    return (approx - grad).norm() / total.where(total > 0, 1)


def _check(theta, grad):
    if theta.shape != grad.shape:
        raise ValueError(f"grad has shape {tuple(grad.shape)} and theta {tuple(theta.shape)}; they must be equal")


def flat_vectors(f, theta, grad, eps=1e-5):
    approx, grad = numerical_gradient(f, theta, eps).ravel(), grad.ravel()
    if not approx.any() and not grad.any():
        return 0
    gap = approx - grad
    return np.sqrt(gap @ gap) / (np.sqrt(approx @ approx) + np.sqrt(grad @ grad))


def guarded_sums(f, theta, grad, eps=1e-5):
    approx = numerical_gradient(f, theta, eps)
    gap, one, other = (sum(x * x for x in vector.flat) ** 0.5 for vector in (approx - grad, approx, grad))
    return gap / (one + other + 1e-12)


def absolute_error(f, theta, grad, eps=1e-5):
    return np.linalg.norm(numerical_gradient(f, theta, eps) - grad)


def norms_squared(f, theta, grad, eps=1e-5):
    approx = numerical_gradient(f, theta, eps)
    total = (approx**2).sum() + (grad**2).sum()
    return ((approx - grad) ** 2).sum() / total if total > 0 else 0.0


def gap_of_the_norms(f, theta, grad, eps=1e-5):
    one, other = np.linalg.norm(numerical_gradient(f, theta, eps)), np.linalg.norm(grad)
    return abs(one - other) / (one + other) if one + other > 0 else 0.0


def over_the_larger_norm(f, theta, grad, eps=1e-5):
    approx = numerical_gradient(f, theta, eps)
    larger = max(np.linalg.norm(approx), np.linalg.norm(grad))
    return np.linalg.norm(approx - grad) / larger if larger > 0 else 0.0


def worst_element(f, theta, grad, eps=1e-5):
    approx = numerical_gradient(f, theta, eps)
    return (np.abs(approx - grad) / np.maximum(np.abs(approx) + np.abs(grad), 1e-12)).max()


def spectral_norm(f, theta, grad, eps=1e-5):
    approx = numerical_gradient(f, theta, eps)
    gap, one, other = (np.linalg.norm(np.atleast_2d(a), 2, axis=(-2, -1)).max() for a in (approx - grad, approx, grad))
    return gap / (one + other) if one + other > 0 else 0.0


def one_sided_differences(f, theta, grad, eps=1e-5):
    approx = one_sided(f, theta, eps)
    total = np.linalg.norm(approx) + np.linalg.norm(grad)
    return np.linalg.norm(approx - grad) / total if total > 0 else 0.0


def eps_fixed(f, theta, grad, eps=1e-5):
    return gradient_check(f, theta, grad)


def nan_for_two_zeros(f, theta, grad, eps=1e-5):
    approx = numerical_gradient(f, theta, eps)
    return np.linalg.norm(approx - grad) / (np.linalg.norm(approx) + np.linalg.norm(grad))


def squares(theta):
    return (theta**2).sum()


def _three_four_five(rng):
    theta = rng.permutation([3.0, 4.0]) * rng.choice([-1, 1], 2)
    return {"theta": theta, "f": squares, "grad": theta * rng.choice([-2.0, 1.0, 3.0, 6.0]), "eps": 0.5}


def _cubes(theta, **rest):
    return {"theta": theta, "f": cubes, "grad": 3 * theta**2} | rest


def _gram(rng, shape, scale=1.0, **rest):
    """Give the gradient of gram, which is W @ W.T @ W, scaled; it is so long that a small guard does no harm."""
    theta = 2 * rng.standard_normal(shape)
    return {"theta": theta, "f": gram, "grad": scale * (theta @ theta.T @ theta)} | rest


def _one_wrong_element(rng):
    inputs = _gram(rng, (4, 3), eps=1e-2)
    inputs["grad"][tuple(rng.integers(0, 3, 2))] += 2.0
    return inputs


def _other_layouts(rng):
    inputs = _gram(rng, (6, 8), 1.2, eps=1e-3)
    return inputs | {"theta": np.asfortranarray(inputs["theta"]), "grad": np.repeat(inputs["grad"], 2, 1)[:, ::2]}


def _without_coupling(rng):
    theta = 2 * rng.standard_normal((3, 2, 2))
    return {"theta": theta, "f": coupled_neighbours, "grad": 3 * theta**2}


TOPIC = Topic(
    forward=gradient_check,
    torch=gradient_check_torch,
    cases=(
        Case("a triangle of sides 3, 4 and 5", _three_four_five, visible=True),
        Case(
            "a right gradient, a wide step",
            lambda rng: _cubes(rng.permutation([1.0, -2.0, 3.0]), eps=0.1),
            visible=True,
        ),
        # Rounding alone decides how small the result is: anything below about 1e-8 will do.
        Case("a right gradient", lambda rng: _cubes(rng.uniform(1, 2, (2, 3))), compare=Close(1e4)),
        Case("one element is wrong", _one_wrong_element),
        Case("the sign is wrong", lambda rng: _gram(rng, (3, 5), -1.0)),
        Case("a term is missing", _without_coupling),
        Case("other memory layouts", _other_layouts),
        Case(
            "both gradients are 0",
            lambda rng: {"theta": rng.standard_normal((2, 3)), "f": flat, "grad": np.zeros((2, 3))},
            aspect="edge",
        ),
        Case("the gradient is 0", lambda rng: _gram(rng, (2, 4), 0.0), aspect="edge"),
        Case("one parameter", lambda rng: _cubes(rng.uniform(2, 4, 1), eps=0.1), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            absolute_error,
            "This is the length of the difference itself. Whether it is small depends on how large the gradients are.",
        ),
        Mistake(norms_squared, "The squares of the norms are compared. A norm is the root of the sum of the squares."),
        Mistake(
            gap_of_the_norms,
            "Only the lengths of the gradients are compared, so a wrong direction goes unnoticed. "
            "The length of a difference is not the difference of the lengths.",
        ),
        Mistake(over_the_larger_norm, "The difference is divided by one of the norms. Both are in the denominator."),
        Mistake(
            worst_element,
            "This is the largest relative error of a single element. One number for the whole vector is asked for.",
        ),
        Mistake(
            spectral_norm,
            "np.linalg.norm(A, 2) of a matrix is its largest singular value. The gradient counts as one long vector.",
        ),
        Mistake(
            one_sided_differences,
            "The numerical gradient steps to one side only. Its error then hides small mistakes in the other gradient.",
        ),
        Mistake(eps_fixed, "eps is a parameter: use the value that the caller gives, not a fixed one."),
        Mistake(nan_for_two_zeros, "Where both gradients are 0 this is 0/0. They agree, so the error is 0."),
    ),
    alternates=(flat_vectors, guarded_sums),
)
