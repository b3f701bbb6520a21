"""What does not change the words of a source, and what does."""

import pytest

from grader.similar.words import words
from tests.similar.disguise import disguise

SOURCE = '''
def step(w, dw, m, v, t, lr, beta1=0.9, eps=1e-8):
    """Take one step."""
    # the averages
    m = beta1 * m + (1 - beta1) * dw
    scale = np.sqrt(v.mean(axis=0, keepdims=True)) + eps
    return w - lr * m / scale, m
'''


def texts(source):
    return [word.text for word in words(source)]


def test_the_words_of_a_source():
    assert " ".join(texts("def f(x: int, y=3) -> int:\n    '''d'''\n    return np.exp(x.T) @ (y[0] + 1.5), 'a'\n")) == (
        "return name .exp ( name .T ) @ name [ number ] + number , string"
    )


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace("scale", "denominator").replace("beta1", "decay"),
        SOURCE.replace("# the averages", "# something else\n\n\n    # entirely"),
        SOURCE.replace('"""Take one step."""', "'A longer text.'\n    'In two strings.'\n    pass"),
        SOURCE.replace("(1 - beta1) * dw", "((1 - beta1) * (\n        dw  # the gradient\n    ))"),
        SOURCE.replace("axis=0, keepdims=True", "axis=1, keepdims=True,"),
        SOURCE.replace("scale = ", "scale: np.ndarray = "),
        SOURCE.replace("def step(w, dw,", "def step(w: np.ndarray, dw: 'array' = None, *,"),
        SOURCE.replace("    m = beta1", "    import numpy as np\n    m = beta1"),
        SOURCE.replace("dw\n    scale", "dw; scale"),
        SOURCE.replace("return w - lr * m / scale, m", "return (w - lr * m / scale, m)"),
        SOURCE.replace("\n    ", "\n\t"),
        SOURCE + "    raise NotImplementedError('step')\n",
    ],
)
def test_what_does_not_change_the_words(other):
    assert other != SOURCE
    assert texts(other) == texts(SOURCE)


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace(".mean", ".sum"),
        SOURCE.replace("axis=0, ", ""),
        SOURCE.replace("lr * m", "lr / m"),
        SOURCE.replace("np.sqrt(v", "sum(v"),
        SOURCE.replace("(1 - beta1) * dw", "dw - beta1 * dw"),
    ],
)
def test_what_changes_the_words(other):
    assert texts(other) != texts(SOURCE)


def test_a_stub_has_no_words():
    assert texts('def f(x):\n    """Say."""\n    raise NotImplementedError("f")\n') == []
    assert texts('def f(x):\n    """Say."""\n    pass\n') == []
    assert texts('async def f(x): "Say."') == []


def test_a_function_of_one_line_has_a_body():
    assert texts("def f(x): return x[0:2]") == ["return", "name", "[", "number", ":", "number", "]"]


def test_a_formatted_string_is_one_word_whatever_is_in_it():
    assert texts("f'{x!r:>{width}} and {f(1)}' + y") == texts("'text' + y") == ["string", "+", "name"]


def test_places_are_those_of_the_source():
    first, *_, last = words("# a\n\nx = (1 +\n     yy)\n")
    assert (first.line, first.start, first.stop) == (3, 0, 1)
    assert (last.line, last.start, last.stop) == (4, 5, 7)


@pytest.mark.parametrize("end", ["'''", "(", "\\", "  x", "é\0", "$ ? !", "0777", "'", "f'{", "\tx\n  y"])
def test_what_is_no_python_gives_what_came_before(end):
    assert texts(f"x = np.sqrt(y)\n{end}")[:6] == ["name", "=", "name", ".sqrt", "(", "name"]


def test_deep_nesting_costs_no_stack():
    assert texts("x = " + "(" * 150 + "1" + ")" * 150) == ["name", "=", "number"]
    assert len(texts("x = " + "[" * 50_000)) <= 50_000


def test_a_huge_source_is_cut():
    assert len(words("x = 1\n" * 100_000)) == 50_000


def test_a_disguise_changes_the_order_of_the_words_alone():
    hidden = texts(disguise(SOURCE, "step"))
    assert hidden != texts(SOURCE)
    assert sorted(hidden) == sorted([*texts(SOURCE), "name", "=", "True"])
