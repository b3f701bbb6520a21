"""The function that the stories attack."""

import numpy as np

from grader import Case, Topic


def affine(x):
    """Return 3 x + 1."""
    return np.asarray(3, x.dtype) * x + np.asarray(1, x.dtype)


def affine_torch(x):
    return 3 * x + 1


TOPIC = Topic(
    forward=affine,
    torch=affine_torch,
    cases=(
        Case("small", lambda rng: {"x": np.array([1.0, 2.0, 4.0])}, visible=True),
        Case("hidden", lambda rng: {"x": rng.standard_normal((3, 4))}),
    ),
    mistakes=(),
)
