"""Softmax, cross-entropy and affine scores from first principles: values worked by hand, limits, chain rule."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.compare import compare
from grader.course import load_course
from grader.oracle import case_inputs, expect_values

NAMES = ("softmax", "cross_entropy", "affine_forward")
TOPICS = load_course(Path(__file__).parents[2], NAMES).topics
softmax, softmax_backward = TOPICS["softmax"].forward, TOPICS["softmax"].backward
cross_entropy, cross_entropy_backward = TOPICS["cross_entropy"].forward, TOPICS["cross_entropy"].backward
affine_forward, affine_backward = TOPICS["affine_forward"].forward, TOPICS["affine_forward"].backward

LN2 = 0.6931471805599453


def test_softmax_turns_logarithms_of_weights_into_shares():
    z = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 3.0]])
    assert_allclose(softmax(z), [[1 / 8, 2 / 8, 5 / 8], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-14)


def test_softmax_of_two_classes_is_the_sigmoid_of_the_gap():
    gap = np.linspace(-30, 30, 61)
    assert_allclose(softmax(np.stack([gap, 0 * gap], axis=-1))[:, 0], 1 / (1 + np.exp(-gap)), rtol=1e-13)


@pytest.mark.parametrize("level", [-1e4, -1000.0, 0.0, 1000.0, 1e4])
def test_softmax_does_not_see_the_level(level):
    z = np.array([[0.0, 1.0, 3.0], [2.0, 2.0, -1.0]])
    assert_array_equal(softmax(z + level), softmax(z))


def test_softmax_at_the_limits():
    assert_array_equal(softmax(np.array([1e4, -1e4, 0.0])), [1, 0, 0])
    assert_array_equal(softmax(np.array([[-1e4, -1e4], [1e4, 1e4]])), np.full((2, 2), 0.5))
    assert_array_equal(softmax(np.array([[7.0], [-1e4]])), [[1], [1]])


def test_softmax_takes_the_last_axis_of_any_array():
    z = np.arange(24.0).reshape(2, 3, 4) ** 1.5
    assert_allclose(softmax(z).sum(axis=-1), np.ones((2, 3)), rtol=1e-14)
    assert_array_equal(softmax(z)[1, 2], softmax(z[1, 2]))


def test_softmax_gradient_of_two_classes_by_hand():
    # p = (1/4, 3/4): dp0/dz0 = 3/16 = dp1/dz1, and the mixed derivatives are -3/16
    dz = softmax_backward(np.array([[5.0, 1.0]]), np.log([[1.0, 3.0]]))
    assert_allclose(dz, [[0.75, -0.75]], rtol=1e-14)


def test_softmax_gradient_sums_to_zero_along_rows():
    rng = np.random.default_rng(0)
    dz = softmax_backward(rng.standard_normal((2, 3, 5)), 10 * rng.standard_normal((2, 3, 5)))
    assert_allclose(dz.sum(axis=-1), np.zeros((2, 3)), atol=1e-15)


def test_cross_entropy_by_hand():
    probs = np.array([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5]])
    Y = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert_allclose(cross_entropy(probs, Y), (LN2 + 2 * LN2) / 2, rtol=1e-15)
    assert_allclose(cross_entropy_backward(3.0, probs, Y), [[-3.0, 0, 0], [0, -6.0, 0]], rtol=1e-15)


@pytest.mark.parametrize("classes", [1, 2, 16])
def test_cross_entropy_of_ignorance_is_the_logarithm_of_the_number_of_classes(classes):
    Y = np.eye(classes)
    assert_allclose(cross_entropy(np.full((classes, classes), 1 / classes), Y), np.log2(classes) * LN2, atol=1e-15)


def test_cross_entropy_of_certainty_is_zero():
    Y = np.eye(3)
    assert cross_entropy(Y, Y) == 0
    assert_array_equal(cross_entropy_backward(1.0, Y, Y), -Y / 3)


def test_cross_entropy_does_not_see_the_wrong_classes():
    Y = np.array([[0.0, 1.0, 0.0]])
    losses = [cross_entropy(np.array([row]), Y) for row in ([0.0, 0.4, 0.6], [0.6, 0.4, 0.0], [0.3, 0.4, 0.3])]
    assert losses[0] == losses[1] == losses[2]


def test_cross_entropy_after_softmax_has_the_known_gradient():
    rng = np.random.default_rng(1)
    z, Y = 3 * rng.standard_normal((5, 4)), np.eye(4)[[0, 3, 1, 1, 2]]
    probs = softmax(z)
    dz = softmax_backward(cross_entropy_backward(1.0, probs, Y), z)
    assert_allclose(dz, (probs - Y) / 5, atol=1e-16)


def test_affine_by_hand():
    X, W = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]]), np.array([[1.0, 0.0], [2.0, 1.0], [0.0, -1.0]])
    assert_array_equal(affine_forward(X, W, np.array([10.0, 20.0])), [[15, 19], [8, 18]])


def test_affine_gradient_is_exact_for_integers():
    rng = np.random.default_rng(2)
    X, W, b, dout = (rng.integers(-5, 6, shape).astype("f8") for shape in ((4, 3), (3, 2), (2,), (4, 2)))
    dX, dW, db = affine_backward(dout, X, W, b)
    base = affine_forward(X, W, b)
    hX, hW, hb = (rng.integers(-5, 6, array.shape) for array in (X, W, b))
    assert (dout * (affine_forward(X + hX, W, b) - base)).sum() == (dX * hX).sum()
    assert (dout * (affine_forward(X, W + hW, b) - base)).sum() == (dW * hW).sum()
    assert (dout * (affine_forward(X, W, b + hb) - base)).sum() == (db * hb).sum()


@pytest.mark.parametrize("name", NAMES)
def test_references_are_silent_and_finite_on_every_seed(name):
    """pytest turns warnings into errors, so an overflow or 0/0 in a reference fails here."""
    topic = TOPICS[name]
    for case in topic.cases:
        for seed in range(100):
            inputs = case_inputs(topic, case, f"seed {seed}")
            output = topic.forward(**inputs)
            dout = 1.5 if np.ndim(output) == 0 else np.ones_like(output)
            for result in (output, *_as_tuple(topic.backward(dout, **inputs))):
                assert np.isfinite(result).all()
                assert result.dtype == next(iter(inputs.values())).dtype


def test_cross_entropy_inputs_are_what_the_docstring_promises():
    topic = TOPICS["cross_entropy"]
    for case in topic.cases:
        for seed in range(300):
            probs, Y = case_inputs(topic, case, f"seed {seed}").values()
            assert probs.dtype == Y.dtype
            assert np.isin(Y, (0, 1)).all() and (Y.sum(axis=1) == 1).all()
            assert_allclose(probs.sum(axis=1), 1, rtol=1e-6)
            assert (probs >= 0).all() and (probs[Y == 1] > 1e-6).all()


@pytest.mark.parametrize("guard", [1e-7, 1e-8])
def test_a_clip_that_shows_costs_the_edge_case_and_nothing_else(guard):
    topic = TOPICS["cross_entropy"]
    broken = set()
    for case in topic.cases:
        inputs = case_inputs(topic, case, "clip")
        clipped = np.clip(inputs["probs"], guard, 1 - guard)
        if compare(expect_values(topic, case, inputs), topic.forward(clipped, inputs["Y"])):
            broken.add(case.name)
    assert broken == {"probability exactly 1"}


def _as_tuple(value):
    return value if isinstance(value, tuple) else (value,)
