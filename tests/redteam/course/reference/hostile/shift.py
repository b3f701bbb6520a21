"""An honest function, graded before the attacked one."""

import numpy as np

from grader import Case, Topic


def shift(x):
    """Return x - 1."""
    return x - np.asarray(1, x.dtype)


def shift_torch(x):
    return x - 1


TOPIC = Topic(
    forward=shift,
    torch=shift_torch,
    cases=(Case("hidden", lambda rng: {"x": rng.standard_normal(5)}),),
    mistakes=(),
)
