"""Comparison: type, shape and finiteness before values, and NaN never passes."""

from dataclasses import replace

import numpy as np
import pytest

from grader.compare import compare, compare_dtypes
from grader.oracle import expect
from grader.topic import Close, Exact, Indices, Properties
from sandbox.base import Tensor


def expected(value, policy=None):
    policy = policy or Close()
    return expect(lambda x: value, {"x": np.ones(2, getattr(value, "dtype", "f8"))}, policy)


MATRIX = np.arange(6.0).reshape(2, 3)


def category(value, actual, policy=None, framework="numpy"):
    mismatch = compare(expected(value, policy), actual, framework)
    return mismatch and mismatch.category


@pytest.mark.parametrize(
    ("value", "actual", "wanted"),
    [
        (MATRIX, MATRIX.copy(), None),
        (MATRIX, np.asfortranarray(MATRIX), None),
        (MATRIX, MATRIX + 1e-12, None),
        (MATRIX, MATRIX + 1e-3, "values"),
        (MATRIX, MATRIX.T, "shape"),
        (MATRIX, MATRIX.tolist(), "structure"),
        (MATRIX, None, "type"),
        (MATRIX, "0 1 2", "type"),
        (MATRIX, 3.0, "framework"),
        (MATRIX, MATRIX + 0j, "type"),
        (MATRIX, np.full((2, 3), np.nan), "finiteness"),
        (MATRIX, np.where(MATRIX == 5, np.inf, MATRIX), "finiteness"),
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), None),
        (np.array([1.0, np.inf]), np.array([1.0, -np.inf]), "finiteness"),
        (np.float64(2.5), 2.5, None),
        (np.float64(2.5), np.float32(2.5), None),
        (np.float64(2.5), np.array(2.5), None),
        (np.float64(2.5), np.array([[2.5]]), "shape"),
        (np.float64(2.5), 2.6, "values"),
        (np.float64(2.5), float("nan"), "finiteness"),
        ((MATRIX, 1.0), [MATRIX, 1.0], None),
        ((MATRIX, 1.0), (MATRIX,), "structure"),
        ((MATRIX, 1.0), MATRIX, "structure"),
        (MATRIX, (MATRIX,), "structure"),
        ({"a": MATRIX}, {"a": MATRIX}, None),
        ({"a": MATRIX}, {"b": MATRIX}, "structure"),
        ([1.0, 2.0], np.array([1.0, 2.0]), None),
        ([1.0, 2.0], [1.0, 2.0], None),
        ([1.0, 2.0], np.array([1.0, 2.5]), "values"),
        ([1.0, 2.0], np.array([1.0, 2.0, 3.0]), "structure"),
        ([1.0, 2.0], np.array([[1.0], [2.0]]), "structure"),
        ("bias", "bias", None),
        ("bias", "variance", "values"),
        ("bias", 3, "values"),
        (np.array([]), np.array([]), None),
    ],
)
def test_category(value, actual, wanted):
    assert category(value, actual) == wanted


def test_exact_takes_no_rounding():
    assert category(np.arange(3.0), np.arange(3.0) + 1e-15, Exact()) == "values"
    assert category(np.arange(3.0), np.arange(3), Exact()) is None


def test_torch_answers_must_be_tensors_and_numpy_answers_arrays():
    tensor = Tensor(MATRIX, "float64")
    assert category(MATRIX, tensor, framework="torch") is None
    assert category(MATRIX, MATRIX, framework="torch") == "framework"
    assert category(MATRIX, tensor, framework="numpy") == "framework"
    assert category(np.float64(2.5), Tensor(np.array(2.5), "float64"), framework="torch") is None


@pytest.mark.parametrize(
    ("actual", "wanted"),
    [
        (np.array([2, 0]), None),
        (np.array([2, 0], "u1"), None),
        ([2, 0], None),
        ((np.int64(2), 0), None),
        ([2.0, 0.0], "type"),
        ([True, False], "type"),
        (np.array([2.0, 0.0]), "type"),
        ([0, 2], "values"),
        ([2], "values"),
        ([2, 0, 1], "values"),
        ([[2, 0]], "type"),
        ([[2, [0]]], "type"),
        ([{"a": 2}, 0], "type"),
        (np.array([[2, 0]]), "shape"),
        (None, "type"),
    ],
)
def test_indices(actual, wanted):
    assert category(np.array([2, 0]), actual, Indices()) == wanted


def test_no_indices_may_be_any_empty_sequence():
    for empty in ([], (), np.array([]), np.array([], int)):
        assert category(np.array([], int), empty, Indices()) is None


def test_wrong_order_is_said():
    assert "order" in compare(expected(np.array([2, 0]), Indices()), [0, 2]).summary


def test_the_first_difference_is_named():
    got = MATRIX.copy()
    got[1, 0] = 7
    mismatch = compare(expected(MATRIX), got)
    assert mismatch.difference.index == (1, 0)
    assert (mismatch.difference.expected, mismatch.difference.actual) == ("3.0", "7.0")
    assert mismatch.max_abs_error == 4
    assert "1 of 6" in mismatch.summary


def test_dtypes_are_judged_apart():
    single = expected(MATRIX.astype("f4"))
    assert compare(single, MATRIX) is None
    assert compare_dtypes(single, MATRIX).actual_dtype == "float64"
    assert compare_dtypes(single, MATRIX.astype("f4")) is None
    assert compare_dtypes(expected(np.float32(1)), 1.0) is None
    assert compare_dtypes(expected(np.arange(3)), np.arange(3, dtype="i4")) is None
    assert compare_dtypes(expected(np.arange(3)), np.arange(3.0)).category == "dtype"


def test_properties_are_not_compared():
    with pytest.raises(TypeError, match="judged by the topic"):
        compare(expected(MATRIX, Properties(lambda inputs, outputs: None)), MATRIX)


def test_several_results_are_named_or_counted():
    pair = expected((MATRIX, np.ones(2)))
    wrong = compare(pair, (MATRIX, np.zeros(2)))
    assert (wrong.result, wrong.summary) == (1, "result 2 has wrong values in 2 of 2 elements")
    named = compare(replace(pair, names=("dW", "db")), (MATRIX, np.zeros(2)))
    assert named.summary.startswith("db has wrong values")
    nested = compare(expected(([MATRIX, MATRIX], 1.0)), ([MATRIX, -MATRIX], 1.0))
    assert (nested.result, nested.summary[:16]) == (0, "result 1, part 2")
    assert compare(expected(MATRIX), -MATRIX).result is None
