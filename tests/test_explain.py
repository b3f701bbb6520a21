"""Exceptions in plain words, tried on what the installed NumPy, torch and Python really raise."""

import re
import string
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.explain import OUTLINES, explain
from grader.explanations import RULES


def returns_nothing(x):
    x + 1


def scaled(x, factor):
    return x * factor


def endless(x):
    return endless(x)


def raised(statement):
    """Return the name and the message of what a statement raises, as the box tells them."""
    names = {"np": np, "x": np.zeros((3, 4)), "y": np.zeros((4, 3)), "i": np.arange(3), **globals()}
    if "torch" in statement:
        names["torch"] = pytest.importorskip("torch")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any, and which one is what is tested
        exec(statement, names)
    return type(caught.value).__name__, str(caught.value)


NUMPY = [
    ("x + y", "broadcast", "(3, 4) and (4, 3) cannot be combined element by element"),
    ("x + y", "broadcast", "the last axis has 4 and 3"),
    ("np.zeros((2, 3, 4)) - np.zeros((2, 4))", "broadcast", "axis -2 has 3 and 2"),
    ("x += y", "broadcast", "(3, 4) and (4, 3)"),
    ("a = np.zeros(4); a += x", "broadcast", "the result has shape (3, 4) and the array (4,)"),
    ("x[:, 0] = np.zeros(5)", "broadcast", "shape (5,), and the place for it (3,)"),
    ("np.einsum('ij,jk', x, x)", "broadcast", "element by element"),
    ("x @ x", "matmul", "last axis (4 here) must be as long as the second's first (3)"),
    ("np.dot(x, x)", "matmul", "(3, 4) times (3, 4) is no matrix product: the inner sizes, 4 and 3"),
    ("np.dot(np.zeros(3), np.zeros(4))", "matmul", "(3,) times (4,)"),
    ("x @ np.float64(2)", "matmul", "matrix product"),
    ("float(x)", None, "index it"),
    ("x.item()", "scalar", "single number"),
    ("i += 1.5", "in-place-cast", "The result of add in place is float64 and does not fit into an array of int64"),
    ("i /= 2", "in-place-cast", "divide"),
    ("bool(x > 0)", "truth", ".any() or .all()"),
    ("x[5]", "index", "Index 5 is beyond axis 0, whose 3 elements have the indices 0 to 2"),
    ("np.zeros(0)[0]", "index", "which is empty"),
    ("[1][3]", "index", "beyond the end"),
    ("x[0, 0, 0]", "too-many-indices", "more indices than axes"),
    ("{'learning_rate': 1}['lr']", "key", "no key 'lr'"),
    ("{1: 1}[2]", "key", "no such key"),
    ("del np; np.zeros(3)", "numpy-import", "import numpy as np"),
    ("sofmax(x)", "name", "sofmax is not defined"),
    ("returns_nothing(x).shape", "none", "without a `return`"),
    ("returns_nothing(x)[0]", "none", "None"),
    ("returns_nothing(x) + 1", "none", "None"),
    ("a, b = returns_nothing(x)", "none", "None"),
    ("scaled(x)", "arguments", "scaled() is called with other arguments"),
    ("scaled(x, 1, 2)", "arguments", "scaled() is called with other arguments"),
    ("scaled(x, 1, x=2)", "arguments", "scaled() is called with other arguments"),
    ("scaled(x, scale=2)", "arguments", "scaled() has no parameter scale"),
    ("1 / 0", "division", "divided by zero"),
    ("endless(x)", "recursion", "calls itself"),
    ("assert x.shape == (1,)", "assert", "your own code"),
    ("x.reshape(5, 5)", "reshape", "12 elements cannot be reshaped to (5, 5)"),
    ("x.sum(axis=2)", "axis", "Axis 2 is asked for, and the array has 2 axes"),
    ("import no_such_module", "module", "not there"),
    ("def f():\n    a += 1\nf()", "unset", "before it has a value"),
]
TORCH = [
    ("torch.zeros(3, 4) + torch.zeros(4, 3)", "broadcast", "dimension 1 of the result has 4 and 3"),
    ("torch.zeros(3, 4) @ torch.zeros(3, 4)", "matmul", "(3, 4) times (3, 4) is no matrix product"),
    ("torch.zeros(3, 4) @ torch.zeros(3)", "matmul", "inner sizes"),
    ("torch.zeros(3) @ torch.zeros(4)", "matmul", "inner sizes"),
    ("torch.zeros(2, 3, 4) @ torch.zeros(2, 3, 4)", "matmul", "inner sizes"),
    ("float(torch.zeros(2))", "scalar", "single number"),
    ("torch.zeros(2).item()", "scalar", "single number"),
    ("bool(torch.zeros(2))", "truth", ".any()"),
    ("a = torch.arange(3); a += 1.5", "in-place-cast", "is Float and does not fit into a tensor of Long"),
    ("torch.zeros(3)[5]", "index", "Index 5 is beyond dimension 0, whose 3 elements"),
    ("torch.zeros(3)[0, 0]", "too-many-indices", "axes"),
    ("torch.zeros(3).sum(dim=2)", "axis", "axis"),
    ("torch.zeros(3).reshape(5)", "reshape", "another number"),
    ("torch.zeros(2, 2) @ torch.zeros(2, 2).double()", "torch-dtype", "One tensor is float and the other double"),
    (
        "torch.nn.functional.conv2d(torch.zeros(1, 1, 4, 4).double(), torch.zeros(1, 1, 2, 2))",
        "torch-dtype",
        "One tensor is Double and the other Float",
    ),
    ("a = torch.zeros(3, requires_grad=True); a += 1", "in-place-leaf", "in place"),
    ("a = torch.zeros(3, requires_grad=True); a[0] = 1", "in-place-leaf", "in place"),
    ("a = torch.zeros(3, requires_grad=True).exp(); a += 1; a.sum().backward()", "in-place-graph", "still needs"),
    ("torch.zeros(()).backward()", "no-gradient", "detach"),
    ("torch.zeros(3, requires_grad=True).numpy()", "tensor-to-numpy", "stay in torch"),
    ("np.exp(torch.zeros(3, requires_grad=True))", "tensor-to-numpy", "stay in torch"),
    ("torch.exp(np.zeros(3))", "not-a-tensor", "not a tensor"),
    ("torch.zeros(3).astype('f4')", "tensor-method", "NumPy's"),
]


@pytest.mark.parametrize(
    ("statement", "diagnosis", "words"),
    NUMPY + [pytest.param(*case, marks=pytest.mark.torch) for case in TORCH],
)
def test_what_is_really_raised_is_explained(statement, diagnosis, words):
    error, message = raised(statement)
    told = explain(error, message)
    assert told is not None, f"{error}: {message}"
    assert diagnosis in (None, told.diagnosis)
    assert words in told.sentence
    assert told.outline == OUTLINES[told.diagnosis]


def test_an_array_of_one_element_is_no_number_since_numpy_2_4():
    told = explain("TypeError", "only 0-dimensional arrays can be converted to Python scalars")
    assert ".item()" in told.sentence
    assert "2.4" in told.sentence
    if tuple(map(int, np.__version__.split(".")[:2])) >= (2, 4):
        assert raised("float(np.zeros(1))") == (
            "TypeError",
            "only 0-dimensional arrays can be converted to Python scalars",
        )


@pytest.mark.parametrize("size", ["length", "size"])
def test_older_versions_of_numpy_say_it_otherwise(size):
    told = explain("TypeError", f"only {size}-1 arrays can be converted to Python scalars")
    assert told.diagnosis == "scalar"


def test_what_is_not_known_has_no_explanation():
    assert explain("ValueError", "the input was 3") is None
    assert explain("TheInputWas3", "operands could not be broadcast together with shapes (1,) (2,)") is None
    assert explain("", "") is None


def test_every_outline_is_a_sentence_that_some_rule_tells():
    assert set(OUTLINES) == {rule.diagnosis for rule in RULES}
    for outline in OUTLINES.values():
        assert outline.endswith((".", "?"))


ERRORS = sorted({error for rule in RULES for error in rule.errors.split()})
STARTS = ["operands could not be broadcast together with shapes (", "name '", "'", "index ", "Cannot cast ufunc '", ""]
HOSTILE = st.text() | st.text(alphabet=string.digits + "(), '\x1b\u202e<`").map(lambda text: text * 40)


@given(st.sampled_from(ERRORS), st.sampled_from(STARTS), HOSTILE)
def test_hostile_messages_are_echoed_in_short_plain_parts_only(error, start, text):
    told = explain(error, start + text)
    if told is not None:
        assert len(told.sentence) < 400
        assert re.fullmatch(r"[\w .,:;?()'`=+*|&<>!/-]*", told.sentence)
        assert told.outline == OUTLINES[told.diagnosis]


@pytest.mark.parametrize("text", ["0", "0,", "0, ", "(0, ", " ", ")", "(0,)"])
def test_no_message_takes_long_to_read(text):
    begin = time.process_time()
    for start in STARTS:
        for error in ERRORS:
            explain(error, start + text * 1200)
    assert time.process_time() - begin < 2.0  # a pattern that goes back and forth took minutes


@pytest.mark.parametrize("text", ["(", "1, ", "a", "shapes (1", "'", "index 1"])
def test_a_long_message_is_cut_before_it_is_looked_at(text):
    for error in ERRORS:
        assert explain(error, text * 10**6) == explain(error, text * 10**3)
