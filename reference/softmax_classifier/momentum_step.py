"""One step of gradient descent with momentum (notes, section 1, tricks for SGD, item 3)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic


def momentum_step(w, dw, velocity, lr, beta=0.9):
    """Add the gradient to a decaying sum of the gradients before it, and move the parameters against that sum.

    w: float array of any shape, the parameters
    dw: float array like w (shape and dtype), the gradient of the loss at w
    velocity: float array like w, as the last step returned it; zeros before the first step
    lr: positive number, the learning rate
    beta: number in [0, 1), how much of the old velocity is kept
    returns: (w, velocity), both float arrays like w (shape and dtype), with
        velocity = beta * velocity + dw
        w = w - lr * velocity

    The step uses the new velocity. This is the form of the notes: dw enters whole, not with the weight 1 - beta as in a
    running average, and the velocity is a sum of gradients, without the learning rate and pointing uphill. The arrays
    given are left as they are.
    Raises ValueError when the shapes differ, lr is not above 0, or beta is not in [0, 1).
    Source: notes, section 1, tricks for SGD, item 3; Polyak, 1964.
    """
    if not w.shape == dw.shape == velocity.shape:
        raise ValueError(f"w, dw and velocity must have the same shape, not {w.shape}, {dw.shape}, {velocity.shape}")
    if not (lr > 0 and 0 <= beta < 1):
        raise ValueError(f"lr must be above 0 and beta in [0, 1), not {lr} and {beta}")
    velocity = beta * velocity + dw
    return w - lr * velocity, velocity


def momentum_step_torch(w, dw, velocity, lr, beta=0.9):
    if not w.shape == dw.shape == velocity.shape:
        shapes = ", ".join(str(tuple(array.shape)) for array in (w, dw, velocity))
        raise ValueError(f"w, dw and velocity must have the same shape, not {shapes}")
    velocity = beta * velocity + dw
    return w - lr * velocity, velocity


def gradient_and_memory_apart(w, dw, velocity, lr, beta=0.9):
    return w - lr * dw - (lr * beta) * velocity, velocity - (1 - beta) * velocity + dw


def number_by_number(w, dw, velocity, lr, beta=0.9):
    out = np.empty_like(w), np.empty_like(w)
    for i in np.ndindex(w.shape):
        v = float(dw[i]) + beta * float(velocity[i])
        out[0][i], out[1][i] = float(w[i]) - lr * v, v
    return out


def gradient_weighted(w, dw, velocity, lr, beta=0.9):
    velocity = beta * velocity + (1 - beta) * dw
    return w - lr * velocity, velocity


def velocity_of_steps(w, dw, velocity, lr, beta=0.9):
    velocity = beta * velocity - lr * dw
    return w + velocity, velocity


def steps_with_old_velocity(w, dw, velocity, lr, beta=0.9):
    return w - lr * velocity, beta * velocity + dw


def velocity_not_kept(w, dw, velocity, lr, beta=0.9):
    return w - lr * (beta * velocity + dw), velocity


def looks_ahead(w, dw, velocity, lr, beta=0.9):
    velocity = beta * velocity + dw
    return w - lr * (beta * velocity + dw), velocity


def beta_fixed(w, dw, velocity, lr, beta=0.9):
    return momentum_step(w, dw, velocity, lr)


def _by_hand(rng, shape, **rest):
    w, dw, velocity = (rng.permutation([-4.0, -3.0, -2.0, 2.0, 4.0, 6.0])[: np.prod(shape)] for _ in range(3))
    return {"w": w.reshape(shape), "dw": dw.reshape(shape), "velocity": velocity.reshape(shape)} | rest


def _first_step(rng):
    return _by_hand(rng, (2, 3), lr=0.25) | {"velocity": np.zeros((2, 3))}


def _running(rng, shape, dtype="f8", lr=0.1, **rest):
    """Draw a velocity as large as after many steps."""
    arrays = {name: scale * rng.standard_normal(shape) for name, scale in (("w", 1), ("dw", 1), ("velocity", 4))}
    return {name: array.astype(dtype) for name, array in arrays.items()} | {"lr": lr} | rest


def _with(change, inputs):
    return {name: change(value) if isinstance(value, np.ndarray) else value for name, value in inputs.items()}


TOPIC = Topic(
    forward=momentum_step,
    torch=momentum_step_torch,
    cases=(
        Case("first step", _first_step, visible=True, compare=Exact()),
        Case("a later step by hand", lambda rng: _by_hand(rng, (3,), lr=0.5, beta=0.5), visible=True, compare=Exact()),
        Case("a later step", lambda rng: _running(rng, (4, 3))),
        Case("another beta", lambda rng: _running(rng, (3, 5), beta=0.99, lr=0.01)),
        Case("Fortran order", lambda rng: _with(np.asfortranarray, _running(rng, (4, 5)))),
        Case("every second row and column", lambda rng: _with(lambda a: a[::2, ::2], _running(rng, (6, 8), beta=0.8))),
        Case("float32", lambda rng: _running(rng, (16, 8), "f4", lr=0.003)),
        Case("no momentum", lambda rng: _running(rng, (2, 4), beta=0.0), aspect="edge"),
        Case("gradient 0", lambda rng: _running(rng, (3, 2)) | {"dw": np.zeros((3, 2))}, aspect="edge"),
        Case("one parameter", lambda rng: _running(rng, (1,)), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            gradient_weighted,
            "The velocity is a weighted mean of old velocity and gradient. "
            "Other books define it so; in the form of the notes the gradient enters whole.",
        ),
        Mistake(
            velocity_of_steps,
            "The velocity holds the learning rate and points downhill. "
            "Here it is a decaying sum of plain gradients, and the learning rate enters when the parameters move.",
        ),
        Mistake(
            steps_with_old_velocity,
            "The parameters move before the velocity has seen the new gradient: update the velocity first.",
        ),
        Mistake(
            velocity_not_kept,
            "The velocity that comes back is the old one, so every step forgets the gradient of the one before.",
        ),
        Mistake(
            looks_ahead,
            "The memory is applied twice in the step, which is Nesterov's variant. Plain momentum is asked for.",
        ),
        Mistake(beta_fixed, "beta is a parameter: use the value that the caller gives, not a fixed one."),
    ),
    alternates=(gradient_and_memory_apart, number_by_number),
)
