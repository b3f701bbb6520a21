"""One step of stochastic gradient descent (notes, section 1)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic


def sgd_step(w, dw, lr):
    """Move the parameters one step against the gradient.

    w: float array of any shape, the parameters
    dw: float array like w (shape and dtype), the gradient of the loss at w
    lr: positive number, the learning rate
    returns: float array like w (shape and dtype): w - lr * dw

    What makes the descent stochastic is where dw comes from, a mini-batch; the step does not know. dw is not divided by
    the number of examples, since the loss is a mean already. The arrays given are left as they are.
    Raises ValueError when w and dw differ in shape, or lr is not above 0.
    Source: notes, section 1.
    """
    if w.shape != dw.shape:
        raise ValueError(f"w has shape {w.shape} and dw {dw.shape}; they must have the same shape")
    if not lr > 0:
        raise ValueError(f"lr must be above 0, not {lr}")
    return w - lr * dw


def sgd_step_torch(w, dw, lr):
    if w.shape != dw.shape:
        raise ValueError(f"w has shape {tuple(w.shape)} and dw {tuple(dw.shape)}; they must have the same shape")
    return w - lr * dw


def number_by_number(w, dw, lr):
    out = np.empty_like(w)
    for index in np.ndindex(w.shape):
        out[index] = float(w[index]) - lr * float(dw[index])
    return out


def on_a_copy(w, dw, lr):
    out = w.copy()
    out += dw * w.dtype.type(-lr)
    return out


def climbs(w, dw, lr):
    return w + lr * dw


def learning_rate_left_out(w, dw, lr):
    return w - dw


def parentheses_misplaced(w, dw, lr):
    return lr * (w - dw)


def only_the_step(w, dw, lr):
    return -lr * dw


def clips_gradient(w, dw, lr):
    return w - lr * np.clip(dw, -1, 1)


def _by_hand(rng, shape):
    w, dw = rng.integers(-3, 4, shape).astype("f8"), rng.choice([-8.0, -4.0, -2.0, 2.0, 4.0], shape)
    return {"w": w, "dw": dw, "lr": 0.25}


def _normal(rng, shape, lr, dtype="f8", scale=1.0):
    w, dw = rng.standard_normal(shape), scale * rng.standard_normal(shape)
    return {"w": w.astype(dtype), "dw": dw.astype(dtype), "lr": lr}


def _with(change, inputs):
    return inputs | {"w": change(inputs["w"])}


def _strided(rng):
    inputs = _normal(rng, (6, 8), 0.02)
    return inputs | {"w": inputs["w"][::2, ::2], "dw": inputs["dw"][1::2, 1::2]}


TOPIC = Topic(
    forward=sgd_step,
    torch=sgd_step_torch,
    cases=(
        Case("a matrix by hand", lambda rng: _by_hand(rng, (2, 3)), visible=True, compare=Exact()),
        Case("a vector by hand", lambda rng: _by_hand(rng, (3,)), visible=True, compare=Exact()),
        Case("a stack of filters", lambda rng: _normal(rng, (3, 3, 2, 4), 0.1)),
        Case("large gradients", lambda rng: _normal(rng, (5, 4), 0.003, scale=100.0)),
        Case("Fortran order", lambda rng: _with(np.asfortranarray, _normal(rng, (4, 5), 0.3))),
        Case("every second row and column", _strided),
        Case("float32", lambda rng: _normal(rng, (20, 10), 0.05, "f4")),
        Case("gradient 0", lambda rng: _normal(rng, (2, 4), 0.1, scale=0.0), aspect="edge"),
        Case("one parameter", lambda rng: _normal(rng, (1,), 0.7), aspect="edge"),
    ),
    mistakes=(
        Mistake(climbs, "The step goes uphill. The gradient points to where the loss grows fastest."),
        Mistake(
            learning_rate_left_out,
            "The whole gradient is taken as the step: the learning rate says how much of it to go.",
        ),
        Mistake(
            parentheses_misplaced,
            "The parameters are multiplied by the learning rate too. It belongs to the gradient alone.",
        ),
        Mistake(only_the_step, "What comes back is the step. The parameters after the step are asked for."),
        Mistake(
            clips_gradient,
            "Large gradients are cut off. Plain descent does not clip; only gradients below 1 hide it.",
        ),
    ),
    alternates=(number_by_number, on_a_copy),
)
