"""The rectified linear unit (notes, section 8: the activation of a convolution layer)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic


def relu(x):
    """Keep what is positive and put 0 in the place of everything else.

    x: float array of any shape
    returns: float array like x (shape and dtype): max(x, 0), element by element

    Source: notes, section 8 (the activation of a convolution layer); Nair and Hinton, 2010.
    """
    return np.maximum(x, 0)


def relu_backward(dout, x):
    """Differentiate sum(dout * relu(x)) with respect to x.

    dout: float array like x, the gradient arriving from above
    x: float array of any shape, the input of relu
    returns: dx, float array like x (shape and dtype)

    At x = 0 the slope jumps from 0 to 1. The course, like every framework, takes 0 there.
    """
    return dout * (x > 0)


def relu_torch(x):
    return x.relu()


def select(x):
    return np.where(x > 0, x, np.zeros_like(x))


def half_of_x_and_its_size(x):
    return (x + np.abs(x)) / 2


def element_by_element(x):
    return np.array([max(value, 0) for value in x.flat], dtype=x.dtype).reshape(x.shape)


def absolute_value(x):
    return np.abs(x)


def keeps_the_negative_part(x):
    return np.minimum(x, 0)


def leaks(x):
    return np.where(x > 0, x, x.dtype.type(0.01) * x)


def step_function(x):
    return (x > 0).astype(x.dtype)


def maximum_along_an_axis(x):
    return np.max(x, 0)


def capped_at_one(x):
    return np.clip(x, 0, 1)


def slope_one_at_zero(dout, x):
    return dout * (x >= 0)


def slope_without_dout(dout, x):
    return (x > 0).astype(x.dtype)


def passes_everything(dout, x):
    return dout.copy()


def mask_from_dout(dout, x):
    return np.maximum(dout, 0)


def multiplies_by_output(dout, x):
    return dout * relu(x)


def _normal(rng, shape, dtype="f8"):
    return {"x": rng.standard_normal(shape).astype(dtype)}


def _zero_and_all_sizes(rng):
    """Beside 1e10 a central difference cannot resolve the kink at 0, so the slope there is ours to choose."""
    return {"x": rng.permutation([-1e10, -2.0, -1e-12, 0.0, 0.0, 1e-12, 2.0, 1e10]).reshape(2, 4)}


TOPIC = Topic(
    forward=relu,
    backward=relu_backward,
    torch=relu_torch,
    compare=Exact(),
    cases=(
        Case("six numbers", lambda rng: {"x": rng.permutation([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])}, visible=True),
        Case("zero and numbers of all sizes", _zero_and_all_sizes, visible=True),
        Case("images", lambda rng: _normal(rng, (2, 5, 4, 3))),
        Case("float32", lambda rng: _normal(rng, (6, 7), "f4")),
        Case("columns first in memory", lambda rng: {"x": np.asfortranarray(rng.standard_normal((5, 4)))}),
        Case("a slice with a step", lambda rng: {"x": rng.standard_normal((6, 8))[::2, ::2]}),
        Case("all negative", lambda rng: {"x": -1 - rng.random((3, 4))}, aspect="edge"),
        Case("one number", lambda rng: {"x": rng.uniform(1.5, 2, 1)}, aspect="edge"),
    ),
    mistakes=(
        Mistake(absolute_value, "Negative values come out positive: they become 0, not their size."),
        Mistake(keeps_the_negative_part, "The wrong half survives: what is kept is the positive part."),
        Mistake(leaks, "Negative values leave a trace, as in a leaky ReLU. Here they become exactly 0."),
        Mistake(step_function, "This says only whether a value is positive; positive values pass as they are."),
        Mistake(
            maximum_along_an_axis,
            "np.max finds the largest value along an axis; its second argument is the axis. "
            "Each element is to be compared with 0 on its own.",
        ),
        Mistake(capped_at_one, "Values above 1 are cut off. A ReLU has no upper end."),
        Mistake(slope_one_at_zero, "At exactly 0 the gradient passes. The convention is a slope of 0 there.", True),
        Mistake(
            slope_without_dout, "This is the slope of the ReLU alone; the chain rule still multiplies by dout.", True
        ),
        Mistake(passes_everything, "The gradient passes everywhere, also where the output does not move with x.", True),
        Mistake(mask_from_dout, "The sign of dout decides what passes. It is x that was cut off at 0.", True),
        Mistake(multiplies_by_output, "dout is scaled by the output; on the positive side the slope is 1.", True),
    ),
    alternates=(select, half_of_x_and_its_size, element_by_element),
)
