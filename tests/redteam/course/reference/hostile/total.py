"""An honest function, graded after the attacked one."""

import numpy as np

from grader import Case, Topic


def total(x):
    """Return the sum of all elements."""
    return np.sum(x)


def total_torch(x):
    return x.sum()


TOPIC = Topic(
    forward=total,
    torch=total_torch,
    cases=(
        Case("small", lambda rng: {"x": np.array([[1.0, 2.0], [3.0, 4.0]])}, visible=True),
        Case("hidden", lambda rng: {"x": rng.standard_normal((4, 6))}),
    ),
    mistakes=(),
)
