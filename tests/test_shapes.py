"""Shape checks name the arguments and their shapes."""

import numpy as np
import pytest

from grader.shapes import check_shapes


def test_shapes_that_fit():
    X, W, b = np.ones((2, 3)), np.ones((3, 4)), np.ones(4)
    check_shapes(X=(X, "N D"), W=(W, "D K"), b=(b, "K"))
    check_shapes(boxes=(np.ones((0, 4)), "N 4"), z=(np.ones((2, 3, 4)), "... K"), v=(b, "... K"), lr=(0.1, ""))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": (np.ones((2, 3)), "N D"), "W": (np.ones((5, 4)), "D K")}, r"W \(5, 4\) and X \(2, 3\).*D is 5.*be 3"),
        ({"boxes": (np.ones((2, 5)), "N 4")}, r"boxes \(2, 5\).*4 is 5 and must be 4"),
        ({"x": (np.ones(3), "N D")}, r"x has shape \(3,\); \(N, D\) is expected"),
        ({"z": (1.0, "... K")}, r"z has shape \(\)"),
    ],
)
def test_shapes_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_shapes(**arguments)
