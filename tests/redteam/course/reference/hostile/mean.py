"""An attacked function whose answer is a number."""

import numpy as np

from grader import Case, Topic


def mean(x):
    """Return the mean of all elements."""
    return np.mean(x)


def mean_torch(x):
    return x.mean()


TOPIC = Topic(
    forward=mean,
    torch=mean_torch,
    cases=(
        Case("small", lambda rng: {"x": np.array([3.0, 1.0, 2.0])}, visible=True),
        Case("hidden", lambda rng: {"x": rng.standard_normal((3, 4))}),
    ),
    mistakes=(),
)
