"""Patterns that need no list of mistakes: named when every wrong answer shows them, and never otherwise."""

import numpy as np
import pytest

from grader.diagnose.evidence import Answer
from grader.diagnose.patterns import recognise
from grader.diagnose.regimes import not_finite, regime
from grader.model import Verdict
from grader.oracle import Expected
from grader.topic import Close, Exact, Indices

RNG = np.random.default_rng(5)
SHAPES = ((4, 3), (2, 5), (6, 6))


def answers(change, shapes=SHAPES, inputs=None, dtype="f8", policy=None, wrong=None):
    """Return wrong answers made from random expected ones by `change(expected, inputs)`."""
    found = []
    for shape in shapes:
        want = RNG.standard_normal(shape).astype(dtype)
        given = {"x": RNG.standard_normal(shape).astype(dtype)} if inputs is None else inputs(shape)
        expected = Expected(want, (1e-12,), np.dtype(dtype), policy or Close())
        failed = wrong is None or wrong(given)
        actual = change(want, given) if failed else want
        found.append(Answer(given, expected, actual, Verdict.FAIL if failed else Verdict.PASS))
    return found


def word(found):
    diagnosis = recognise(found)
    return diagnosis and diagnosis.word


@pytest.mark.parametrize(
    ("expected", "change"),
    [
        ("transposed", lambda want, given: want.T),
        ("negated", lambda want, given: -want),
        ("off-by-one", lambda want, given: want + 1),
        ("off-by-one", lambda want, given: want - 1),
        ("complement", lambda want, given: 1 - want),
        ("squared", lambda want, given: want**2),
        ("absolute", lambda want, given: np.abs(want)),
        ("reciprocal", lambda want, given: 1 / want),
        ("shape", lambda want, given: want.ravel()),
        ("shape", lambda want, given: want[:, None]),
        ("shifted", lambda want, given: np.roll(want, 1, axis=1)),
        ("order", lambda want, given: RNG.permutation(want.ravel()).reshape(want.shape)),
        ("too-few", lambda want, given: want[:-1]),
        ("scaled", lambda want, given: want * 2),
    ],
)
def test_a_pattern_is_named_when_every_wrong_answer_shows_it(expected, change):
    assert word(answers(change)) == expected


@pytest.mark.parametrize(
    ("expected", "change"),
    [("reversed", lambda want, given: want[::-1]), ("sorted", lambda want, given: np.sort(want))],
)
def test_the_order_of_a_vector(expected, change):
    assert word(answers(change, shapes=((5,), (8,)))) == expected


def test_indices_in_another_order():
    want = np.array([4, 1, 3])
    found = [Answer({}, Expected(want, (), np.dtype("f8"), Indices()), [3, 1, 4], Verdict.FAIL)]
    assert word(found) == "reversed"


def test_another_error_is_no_pattern():
    assert word(answers(lambda want, given: want + RNG.standard_normal(want.shape))) is None


def test_a_pattern_in_some_answers_only_is_none():
    half = answers(lambda want, given: -want) + answers(lambda want, given: want + RNG.standard_normal(want.shape))
    assert word(half) is None


def test_right_answers_are_no_contradiction():
    mixed = answers(lambda want, given: want.T, shapes=((4, 3), (2, 5)))
    right = answers(lambda want, given: want, wrong=lambda given: False)
    assert word([*right, *mixed]) == "transposed"


def test_one_number_shows_nothing():
    assert word(answers(lambda want, given: -want, shapes=((1,), (1,)))) is None


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (lambda x: 2.0, "twice what is expected"),
        (lambda x: -0.5, "minus half of what is expected"),
        (lambda x: np.sqrt(0.5), "divided by sqrt(2)"),
        (lambda x: 1 / np.log(2), "ln 2"),
        (lambda x: len(x), "the size of axis 0 of x times what is expected"),
        (lambda x: 1 / x.shape[1], "divided by the size of axis 1 of x"),
        (lambda x: x.size, "the number of elements of x times"),
        (lambda x: len(x) / (len(x) - 1), "n/(n-1), where n is the size of axis 0 of x"),
        (lambda x: 0.37, "0.37 times what is expected"),
    ],
)
def test_a_scale_says_which_constant_it_is(factor, told):
    found = recognise(answers(lambda want, given: want * factor(given["x"]), shapes=((4, 3), (7, 5), (3, 2))))
    assert found.word == "scaled"
    assert told in found.hint


def test_a_scale_by_a_given_number():
    def inputs(shape):
        return {"x": RNG.standard_normal(shape), "keep_prob": 0.2 * len(shape) + 0.05 * shape[0]}

    found = recognise(answers(lambda want, given: want / given["keep_prob"], inputs=inputs))
    assert "divided by keep_prob" in found.hint


def test_a_scale_of_float32_answers():
    found = recognise(answers(lambda want, given: want * np.float32(len(want)), dtype="f4"))
    assert "the size of axis 0 of x times" in found.hint


def test_exact_answers_have_patterns_too():
    found = answers(lambda want, given: -want, policy=Exact())
    assert word(found) == "negated"


def test_one_of_several_results_is_told_by_its_name():
    want = (RNG.standard_normal((3, 2)), RNG.standard_normal((2, 4)))
    expected = Expected(want, (1e-12, 1e-12), np.dtype("f8"), Close(), ("dx", "dw"))
    found = recognise([Answer({"x": np.ones((3, 2))}, expected, (want[0], -want[1]), Verdict.FAIL)])
    assert found.hint == "dw has the wrong sign everywhere."


def test_border():
    def spoilt(want, given):
        wrong = want + 0.0
        wrong[:, 0] = 7.0
        return wrong

    assert word(answers(spoilt, shapes=((2, 5, 6, 3), (1, 4, 4, 2)))) == "border"


@pytest.mark.parametrize("actual", ["text", None, [1, [2, 3]], {"a": np.ones(3)}, np.array(["a", "b"]), (), 1 + 2j])
def test_whatever_a_student_returns_is_survived(actual):
    found = answers(lambda want, given: actual)
    assert recognise(found) is None
    assert not_finite(found) is None


@pytest.mark.filterwarnings("error")
def test_nan_and_zeros_raise_no_warnings():
    assert word(answers(lambda want, given: want * np.nan)) is None
    assert word(answers(lambda want, given: want * 0)) is None


def test_square_only():
    def rectangular(given):
        return given["x"].shape[0] != given["x"].shape[1]

    found = answers(lambda want, given: want + RNG.standard_normal(want.shape), wrong=rectangular)
    assert regime(found).word == "square-only"


def test_one_row_only():
    noise = answers(
        lambda want, given: want + RNG.standard_normal(want.shape),
        shapes=((1, 3), (4, 4), (1, 2), (6, 3)),
        wrong=lambda given: len(given["x"]) > 1,
    )
    assert regime(noise).word == "one-row-only"


def test_float32_only_when_the_answers_are_nearly_right():
    def mixed(size):
        noise = answers(lambda want, given: want + size * RNG.standard_normal(want.shape).astype("f4"), dtype="f4")
        return [*answers(lambda want, given: want, wrong=lambda given: False), *noise]

    assert regime(mixed(1e-4)).word == "float32-only"
    assert regime(mixed(1.0)) is None


def test_all_wrong_is_no_regime():
    assert regime(answers(lambda want, given: want + RNG.standard_normal(want.shape))) is None


def test_where_nan_comes_from():
    def inputs(level):
        return lambda shape: {"x": level * (1 + RNG.random(shape))}

    def constant(shape):
        return {"x": np.ones(shape)}

    nan = {"change": lambda want, given: want * np.nan}
    assert not_finite(answers(**nan, inputs=inputs(1e4))).word == "overflow"
    assert not_finite(answers(**nan, inputs=constant)).word == "zero-division"
    assert not_finite(answers(**nan, inputs=inputs(1.0))) is None
