"""The gradient by central differences (notes, section 4.3)."""

import numpy as np

from grader import Case, Mistake, Topic


def numerical_gradient(f, theta, eps=1e-5):
    """Estimate the gradient of f at theta by moving one element at a time up and down.

    f: function of one array of theta's shape (a tensor in the torch version) that returns a number; it is smooth
    theta: float64 array of any shape, the point
    eps: positive number, how far an element is moved to either side
    returns: float array like theta (shape and dtype), with (f(theta + eps e_i) - f(theta - eps e_i)) / (2 eps) as its
        element i, where e_i is 1 at i and 0 elsewhere

    This is the central difference, not the one-sided (f(theta + eps e_i) - f(theta)) / eps. All other elements have
    their own values while one is moved. theta is the same after the call as before; moving it in place is allowed if
    every element is put back exactly. An eps that is not positive and a theta of another dtype than float are a
    ValueError.
    Source: notes, section 4.3.
    """
    _check(theta.dtype.kind == "f", theta, eps)
    gradient = np.empty_like(theta)
    for i in np.ndindex(theta.shape):
        high, low = theta.copy(), theta.copy()
        high[i] += eps
        low[i] -= eps
        gradient[i] = (f(high) - f(low)) / (2 * eps)
    return gradient


def numerical_gradient_torch(f, theta, eps=1e-5):
    import torch

    _check(theta.is_floating_point(), theta, eps)
    steps = eps * torch.eye(theta.numel(), dtype=theta.dtype, device=theta.device).reshape(-1, *theta.shape)
    slopes = [(f(theta + step) - f(theta - step)) / (2 * eps) for step in steps]
    return torch.stack(slopes).reshape(theta.shape)


def _check(is_floating, theta, eps):
    if not is_floating:
        raise ValueError(f"theta has dtype {theta.dtype}; steps as small as eps need a floating one")
    if not eps > 0:
        raise ValueError(f"eps is {eps}; it must be positive")


def along_a_basis(f, theta, eps=1e-5):
    basis = np.eye(theta.size).reshape(theta.size, *theta.shape)
    return np.array([f(theta + eps * e) / (2 * eps) - f(theta - eps * e) / (2 * eps) for e in basis]).reshape(
        theta.shape
    )


def in_place_and_back(f, theta, eps=1e-5):
    point, gradient = theta.copy(), np.zeros(theta.shape)
    for i, kept in np.ndenumerate(theta):
        point[i] = kept + eps
        rise = f(point)
        point[i] -= 2 * eps
        rise -= f(point)
        point[i] = kept
        gradient[i] = 0.5 * rise / eps
    return gradient


def one_sided(f, theta, eps=1e-5):
    gradient = np.empty_like(theta)
    for i in np.ndindex(theta.shape):
        high = theta.copy()
        high[i] += eps
        gradient[i] = (f(high) - f(theta)) / eps
    return gradient


def multiplies_by_eps(f, theta, eps=1e-5):
    return numerical_gradient(f, theta, eps) * eps**2


def forgets_the_two(f, theta, eps=1e-5):
    return numerical_gradient(f, theta, eps) * 2


def two_names_for_one_array(f, theta, eps=1e-5):
    gradient = np.empty_like(theta)
    for i in np.ndindex(theta.shape):
        high = low = theta.copy()
        high[i] += eps
        low[i] -= eps
        gradient[i] = (f(high) - f(low)) / (2 * eps)
    return gradient


def never_moves_back(f, theta, eps=1e-5):
    gradient, high, low = np.empty_like(theta), theta.copy(), theta.copy()
    for i in np.ndindex(theta.shape):
        high[i] += eps
        low[i] -= eps
        gradient[i] = (f(high) - f(low)) / (2 * eps)
    return gradient


def moves_all_at_once(f, theta, eps=1e-5):
    return np.full_like(theta, (f(theta + eps) - f(theta - eps)) / (2 * eps))


def eps_fixed(f, theta, eps=1e-5):
    return numerical_gradient(f, theta)


def comes_back_flat(f, theta, eps=1e-5):
    return numerical_gradient(f, theta, eps).ravel()


def cubes(theta):
    return (theta**3).sum()


def product_of_rows(theta):
    return (theta[0] * theta[1]).sum()


def coupled_neighbours(theta):
    return (theta**3).sum() + (theta[:-1] * theta[1:] ** 2).sum()


def gram(theta):
    return ((theta @ theta.T) ** 2).sum() / 4


def neuron(theta):
    return (1 / (1 + 2.718281828459045 ** -(theta[0] - 2 * theta[1] + theta[2])) - 0.25) ** 2


def flat(theta):
    return 0 * theta.sum()


def _normal(rng, f, shape, **rest):
    return {"f": f, "theta": np.asarray(rng.standard_normal(shape))} | rest


TOPIC = Topic(
    forward=numerical_gradient,
    torch=numerical_gradient_torch,
    cases=(
        Case(
            "cubes, a wide step",
            lambda rng: {"f": cubes, "theta": rng.integers(-3, 4, 3).astype("f8"), "eps": 0.5},
            visible=True,
        ),
        Case(
            "the product of two rows",
            lambda rng: {"f": product_of_rows, "theta": rng.permutation(np.arange(1.0, 7.0)).reshape(2, 3)},
            visible=True,
        ),
        Case("neighbours that interact", lambda rng: _normal(rng, coupled_neighbours, 6, eps=1e-2)),
        Case("a matrix", lambda rng: _normal(rng, gram, (3, 4))),
        Case("a neuron", lambda rng: _normal(rng, neuron, 3, eps=1e-3)),
        Case("three axes", lambda rng: _normal(rng, coupled_neighbours, (3, 2, 2), eps=1e-4)),
        Case(
            "columns first in memory",
            lambda rng: {"f": gram, "theta": np.asfortranarray(rng.standard_normal((4, 2))), "eps": 1e-3},
        ),
        Case(
            "every second row and column",
            lambda rng: {"f": coupled_neighbours, "theta": rng.standard_normal((6, 8))[::2, ::2], "eps": 1e-3},
        ),
        Case("one parameter", lambda rng: _normal(rng, cubes, 1, eps=0.1), aspect="edge"),
        Case("no axis", lambda rng: _normal(rng, cubes, (), eps=1e-2), aspect="edge"),
        Case("no slope", lambda rng: _normal(rng, flat, (2, 2)), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            one_sided,
            "The step goes to one side only. Its error is about eps, that of a step to both sides about eps squared.",
        ),
        Mistake(multiplies_by_eps, "x / 2 * eps is (x / 2) * eps: Python divides and multiplies from left to right."),
        Mistake(forgets_the_two, "The two points lie further apart than eps: how far?"),
        Mistake(
            two_names_for_one_array,
            "Both points are the same array under two names, so the difference is always 0. Each needs its own copy.",
        ),
        Mistake(
            never_moves_back,
            "Elements that have had their turn stay where they were moved. Only one element at a time may differ.",
        ),
        Mistake(
            moves_all_at_once,
            "All elements move together, which gives the sum of all slopes. Move them one by one.",
        ),
        Mistake(eps_fixed, "eps is a parameter: use the value that the caller gives, not a fixed one."),
        Mistake(comes_back_flat, "The gradient comes back flat. It must have the shape of theta."),
    ),
    alternates=(along_a_basis, in_place_and_back),
)
