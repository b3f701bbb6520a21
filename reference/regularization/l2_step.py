"""A step of gradient descent with L2 regularization: weight decay (notes, section 3.1)."""

import numpy as np

from grader import Case, Mistake, Topic


def l2_step(w, dw, lr, lam, m):
    """Take one step of gradient descent on the cost with an L2 penalty.

    w: float array of any shape, the weights of a layer
    dw: float array like w, the gradient of the loss on the data alone, without the penalty
    lr: positive number, the learning rate
    lam: number >= 0, the strength of the regularization
    m: integer >= 1, the number of examples
    returns: float array like w (shape and dtype): w - lr * (dw + lam / m * w)

    The penalty lam / (2 * m) * w^2 adds lam / m * w to the gradient, and the learning rate multiplies the whole of
    it. The notes lose the parentheses at one place; what they derive next has them. The arrays given are left as they
    are. Arrays of different shapes, a negative lam and an m below 1 are a ValueError.
    Source: notes, section 3.1, "weight decay".
    """
    _check(w, dw, lam, m)
    return w - lr * (dw + lam / m * w)


def l2_step_torch(w, dw, lr, lam, m):
    _check(w, dw, lam, m)
    return w - lr * (dw + lam / m * w)


def _check(w, dw, lam, m):
    if w.shape != dw.shape:
        raise ValueError(f"w {tuple(w.shape)} and dw {tuple(dw.shape)} must have one shape")
    if lam < 0:
        raise ValueError(f"lam is {lam}; it must not be negative")
    if m < 1:
        raise ValueError(f"m is {m}; there is at least one example")


def weight_decay(w, dw, lr, lam, m):
    return (1 - lr * lam / m) * w - lr * dw


def element_by_element(w, dw, lr, lam, m):
    out = np.empty_like(w)
    for i in np.ndindex(w.shape):
        out[i] = float(w[i]) - lr * float(dw[i]) - lr * lam * float(w[i]) / m
    return out


def parentheses_lost(w, dw, lr, lam, m):
    return w - lr * dw + lam / m * w


def decay_without_learning_rate(w, dw, lr, lam, m):
    return w - lr * dw - lam / m * w


def half_of_the_decay(w, dw, lr, lam, m):
    return w - lr * (dw + lam / (2 * m) * w)


def m_forgotten(w, dw, lr, lam, m):
    return w - lr * (dw + lam * w)


def decays_after_the_step(w, dw, lr, lam, m):
    return (1 - lr * lam / m) * (w - lr * dw)


def plain_step(w, dw, lr, lam, m):
    return w - lr * dw


def _inputs(rng, shape, dtype="f8", lr=0.3, lam=2.0, m=5):
    w, dw = rng.standard_normal((2, *shape)).astype(dtype)
    return {"w": w, "dw": dw, "lr": lr, "lam": lam, "m": m}


def _by_hand(rng):
    w, dw = rng.choice([-4.0, -2.0, 2.0, 4.0], (2, 3)), rng.choice([-3.0, -1.0, 1.0, 2.0], (2, 3))
    return {"w": w, "dw": dw, "lr": 0.5, "lam": 1.0, "m": 4}


def _no_gradient(rng):
    return {"w": rng.integers(1, 9, 3) * 10.0, "dw": np.zeros(3), "lr": 0.1, "lam": 2.0, "m": 4}


def _other_layouts(rng):
    inputs = _inputs(rng, (6, 8))
    return inputs | {"w": np.asfortranarray(inputs["w"][::2, ::2]), "dw": inputs["dw"][::2, ::2]}


TOPIC = Topic(
    forward=l2_step,
    torch=l2_step_torch,
    cases=(
        Case("two rows, three columns", _by_hand, visible=True),
        Case("decay alone", _no_gradient, visible=True),
        Case("a layer", lambda rng: _inputs(rng, (12, 7), lr=0.05, lam=30.0, m=64)),
        Case("float32", lambda rng: _inputs(rng, (10, 8), "f4")),
        Case("filters", lambda rng: _inputs(rng, (3, 3, 2, 4))),
        Case("other memory layouts", _other_layouts),
        Case("without regularization", lambda rng: _inputs(rng, (4, 3), lam=0.0), aspect="edge"),
        Case("one weight, one example", lambda rng: _inputs(rng, (1,), m=1), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            parentheses_lost,
            "The weights grow by the penalty. The whole gradient is subtracted: "
            "the learning rate and the minus belong to both of its parts.",
        ),
        Mistake(
            decay_without_learning_rate,
            "The gradient of the penalty is not multiplied with the learning rate. It is a part of the gradient.",
        ),
        Mistake(half_of_the_decay, "The decay is half of what it should be: the derivative of a square brings a 2."),
        Mistake(m_forgotten, "The decay does not depend on the number of examples; the penalty is divided by it."),
        Mistake(
            decays_after_the_step,
            "The decay acts on the weights after the step: the gradient of the penalty is taken where the step starts.",
        ),
        Mistake(plain_step, "dw is the gradient of the loss on the data alone. The penalty has a gradient as well."),
    ),
    alternates=(weight_decay, element_by_element),
)
