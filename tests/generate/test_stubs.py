"""Stubs: what the author wrote for students stays, and nothing of a body."""

import pytest

from grader.generate.stubs import GenerateError, docstring, needed_imports, read_source, stub

FILE = '''
"""A topic."""
import math
from collections.abc import Callable, Sequence

import numpy as np


def scale(
    x: np.ndarray,
    factors: Sequence[float] = (1.0, math.pi),  # one per row
) -> np.ndarray:
    """Scale.

    x: array
    """
    # given: rows come first
    secret = "# given: not a comment"
    # not given
    def inner():
        return secret  # given: the end
    return x * np.asarray(factors)[:, None]


def short(x): return x + 1


def bare(x):
    # given: think
    return x - 1


def odd(x, limit=LIMIT):
    """Odd."""
    return x
'''


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "topic.py"
    path.write_text(FILE)
    return read_source(path)


def test_a_stub_keeps_signature_hints_docstring_and_given_comments(source):
    text = stub(source, "scale", "scale", docstring(source, "scale"))
    assert (
        text
        == '''def scale(
    x: np.ndarray,
    factors: Sequence[float] = (1.0, math.pi),  # one per row
) -> np.ndarray:
    """Scale.

    x: array
    """
    # rows come first
    # the end
    raise NotImplementedError("scale")
'''
    )


def test_a_stub_bears_the_name_of_the_handout(source):
    text = stub(source, "short", "plus_one", '"""Add."""')
    assert text == 'def plus_one(x):\n    """Add."""\n    raise NotImplementedError("plus_one")\n'


def test_what_a_signature_needs_is_imported_and_nothing_else(source):
    assert sorted(needed_imports(source, "scale")) == [
        "from collections.abc import Sequence",
        "import math",
        "import numpy as np",
    ]
    assert needed_imports(source, "short") == []


def test_a_signature_that_needs_more_than_imports_is_refused(source):
    with pytest.raises(GenerateError, match="odd needs LIMIT"):
        needed_imports(source, "odd")


@pytest.mark.parametrize(("name", "says"), [("bare", "no docstring"), ("missing", "no def missing")])
def test_a_reference_without_what_students_read_is_refused(source, name, says):
    with pytest.raises(GenerateError, match=says):
        docstring(source, name)
