"""Calibration: the allowed error follows the reference's own error."""

import numpy as np
import pytest

from grader.tolerance import allowed, reference_errors, working_dtype


def errors(function, **inputs):
    return reference_errors(lambda given: function(**given), inputs, function(**inputs))


def test_cancellation_in_float32_widens_the_error():
    def variance(x):
        return ((x - x.mean()) ** 2).mean(keepdims=True)

    x = np.random.default_rng(0).standard_normal(100)
    near, far = errors(variance, x=x.astype("f4"))[0], errors(variance, x=(x + 300).astype("f4"))[0]
    assert far > 10 * near


def test_float64_error_comes_from_the_jitter():
    def difference(x):
        return x - 1.0

    (error,) = errors(difference, x=np.array([1.0 + 1e-9]))
    assert 0 < error <= np.finfo(float).eps


def test_zeros_stay_zero_since_they_carry_structure():
    seen = []
    errors(lambda x: seen.append(x) or x, x=np.array([0.0, 1.0]))
    assert all(x[0] == 0 for x in seen)
    assert any(x[1] != 1 for x in seen)


def test_integers_and_numbers_are_not_moved():
    def weigh(x, y, scale):
        return x[y] * scale

    assert errors(weigh, x=np.array([1, 2, 3]), y=np.array([0, 2]), scale=0.1) == (0.0,)


def test_each_leaf_has_its_own_error():
    def two(x):
        return x * 1e6, x

    large, small = errors(two, x=np.ones(4, "f4"))
    assert large > 1e5 * small > 0


def test_working_dtype_is_the_narrowest_float():
    assert working_dtype({"a": np.ones(2, "f4"), "b": [np.ones(2, "f2")]}) == np.float16
    assert working_dtype({"y": np.arange(3)}) == np.float64


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_harmless_guard_inside_a_logarithm_is_allowed(dtype):
    p = np.array([0.02, 0.5, 0.9], dtype)
    expected = -np.log(p)
    limit = allowed(expected, 0.0, np.dtype(dtype), 16.0)
    assert (np.abs(-np.log(p + p.dtype.type(1e-12)) - expected) <= limit).all()


def test_expected_zeros_leave_room_for_a_guard_only():
    limit = allowed(np.zeros(3), 0.0, np.dtype("f8"), 16.0)
    assert (limit >= 1e-12).all()
    assert (limit <= 1e-8).all()
