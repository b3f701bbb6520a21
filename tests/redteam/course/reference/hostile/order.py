"""An attacked function whose answer is a sequence of indices."""

import numpy as np

from grader import Case, Topic
from grader.topic import Indices


def order(x):
    """Return the indices that sort x."""
    return np.argsort(x)


def order_torch(x):
    return x.argsort()


TOPIC = Topic(
    forward=order,
    torch=order_torch,
    cases=(
        Case("small", lambda rng: {"x": np.array([3.0, 1.0, 2.0])}, visible=True),
        Case("hidden", lambda rng: {"x": rng.permutation(6).astype(float)}),
    ),
    mistakes=(),
    compare=Indices(),
)
