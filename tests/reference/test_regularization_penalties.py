"""Penalties, weight decay and the gradient of dropout from first principles."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader import oracle
from grader.compare import compare, compare_dtypes
from grader.course import load_course

NAMES = ["frobenius_norm_squared", "l2_cost", "l2_step", "l1_cost", "dropout_backward"]
TOPICS = load_course(Path(__file__).parents[2], NAMES).topics
frobenius_norm_squared, l2_cost, l2_step, l1_cost, dropout_backward = (TOPICS[name].forward for name in NAMES)
l1_cost_backward = TOPICS["l1_cost"].backward

W1, W2 = np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([[4.0], [-1.0]])


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_penalties_by_hand():
    assert frobenius_norm_squared(W1) == 14
    assert l2_cost(0.5, [W1, W2], lam=4.0, m=8) == 0.5 + 31 / 4  # 4 / (2 * 8) of 14 + 17
    assert l1_cost(0.5, [W1, W2], lam=4.0, m=8) == 0.5 + 11 / 2  # 4 / 8 of 6 + 5


def test_the_norm_is_that_of_the_singular_values(rng):
    W = rng.standard_normal((5, 3))
    values = np.linalg.svd(W, compute_uv=False)
    assert_allclose(frobenius_norm_squared(W), (values**2).sum(), rtol=1e-13)
    assert frobenius_norm_squared(W) > 1.2 * values[0] ** 2  # so the spectral norm is something else


def test_a_rotation_changes_the_l2_penalty_not_at_all_and_the_l1_penalty_much():
    corner, edge = np.array([[0.0, 2.0]]), np.array([[1.0, 1.0]]) * 2**0.5
    assert_allclose(l2_cost(0, [corner], 1, 1), l2_cost(0, [edge], 1, 1), rtol=1e-15)
    assert l1_cost(0, [corner], 1, 1) == 2
    assert_allclose(l1_cost(0, [edge], 1, 1), 8**0.5, rtol=1e-15)


def test_the_gradient_of_the_l1_penalty_is_its_sign_by_hand():
    dW1, dW2 = l1_cost_backward(-2.0, 0.5, [W1, W2], lam=4.0, m=8)
    assert_array_equal(dW1, [[-1.0, 1.0], [0.0, -1.0]])
    assert_array_equal(dW2, [[-1.0], [1.0]])


def test_weight_decay_by_hand():
    w = l2_step(np.array([8.0, -4.0]), np.array([1.0, 0.0]), lr=0.5, lam=2.0, m=4)
    assert_array_equal(w, [8 - 0.5 * (1 + 4), -4 + 0.5 * 2])


def test_weight_decay_descends_the_l2_cost(rng):
    """The step is -lr times the slope of the cost, measured by central differences on a linear loss."""
    w, dw = rng.standard_normal((2, 3, 2))

    def cost(weights):
        return l2_cost((dw * weights).sum(), [weights], lam=3.0, m=7)

    slope = np.empty_like(w)
    for index in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[index] = 1e-5
        slope[index] = (cost(w + step) - cost(w - step)) / 2e-5
    assert_allclose(l2_step(w, dw, 0.1, 3.0, 7), w - 0.1 * slope, rtol=1e-9)


def test_without_a_gradient_weights_shrink_geometrically():
    w = np.array([1.0, -3.0])
    for _ in range(10):
        w = l2_step(w, np.zeros(2), lr=0.5, lam=2.0, m=10)
    assert_allclose(w, 0.9**10 * np.array([1.0, -3.0]), rtol=1e-14)


def test_dropout_backward_by_hand():
    mask = np.array([[1.0, 0.0, 1.0]])
    assert_array_equal(dropout_backward(np.array([[2.0, 5.0, -4.0]]), mask, 0.5), [[4.0, 0.0, -8.0]])
    assert_array_equal(dropout_backward(np.array([[2.0, 5.0, -4.0]]), mask == 1, 0.5), [[4.0, 0.0, -8.0]])


@pytest.mark.parametrize("keep_prob", [0.3, 0.8, 1.0])
def test_dropout_backward_is_the_slope_of_dropout(rng, keep_prob):
    dropout = load_course(Path(__file__).parents[2], ["dropout"]).topics["dropout"].forward
    a, dout = rng.standard_normal((2, 6, 5))
    direction = rng.standard_normal(a.shape)
    # the same state of the generator gives the same mask, and then the forward pass is linear
    (low, mask), (high, _) = (dropout(a + s * direction, keep_prob, np.random.default_rng(2)) for s in (0, 1))
    slope = (dout * (high - low)).sum()
    assert_allclose((dropout_backward(dout, mask, keep_prob) * direction).sum(), slope, rtol=1e-12)


@pytest.mark.parametrize("mask_dtype", [bool, "f4"])
def test_dropout_backward_keeps_float32(mask_dtype):
    mask = np.eye(3).astype(mask_dtype)
    assert dropout_backward(np.ones((3, 3), "f4"), mask, 0.7).dtype == np.float32


def test_other_gradients_of_the_l1_cost_pass(failed_cases):
    def tuple_by_comparison(dout, data_loss, weights, lam, m):
        return tuple(dout / m * lam * ((W > 0).astype(W.dtype) - (W < 0)) for W in weights)

    assert failed_cases(TOPICS["l1_cost"], tuple_by_comparison, gradient=True) == set()


@pytest.mark.torch
@pytest.mark.parametrize("case", TOPICS["l1_cost"].cases, ids=lambda case: case.name)
def test_the_list_of_l1_gradients_agrees_with_autograd_in_the_box(case):
    torch = pytest.importorskip("torch")
    from sandbox.autograd import gradients

    topic = TOPICS["l1_cost"]
    inputs = oracle.case_inputs(topic, case, "a list")
    dout = oracle.cotangent(topic, case, inputs, "a list")
    expected = oracle.expect_gradient(topic, inputs, dout)
    tensors = inputs | {"weights": [torch.from_numpy(W.copy()) for W in inputs["weights"]]}
    answer = [gradient.numpy() for gradient in gradients(topic.torch, tensors, dout, topic.wrt)]
    assert compare(expected, answer) is None
    assert compare_dtypes(expected, answer) is None


BAD = [
    ("frobenius_norm_squared", {"W": np.ones(3)}, r"W has shape \(3,\); \(D, K\)"),
    ("frobenius_norm_squared", {"W": np.ones((2, 2, 2))}, r"W has shape \(2, 2, 2\)"),
    ("l2_cost", {"data_loss": 1.0, "weights": [W1], "lam": -0.1, "m": 5}, "lam is -0.1"),
    ("l2_cost", {"data_loss": 1.0, "weights": [W1], "lam": 0.1, "m": 0}, "m is 0"),
    ("l1_cost", {"data_loss": 1.0, "weights": [W1], "lam": -2, "m": 5}, "lam is -2"),
    ("l1_cost", {"data_loss": 1.0, "weights": [W1], "lam": 0.1, "m": -1}, "m is -1"),
    ("l2_step", {"w": W1, "dw": W2, "lr": 0.1, "lam": 0.1, "m": 5}, r"w \(2, 2\) and dw \(2, 1\)"),
    ("l2_step", {"w": W1, "dw": W1, "lr": 0.1, "lam": -1, "m": 5}, "lam is -1"),
    ("l2_step", {"w": W1, "dw": W1, "lr": 0.1, "lam": 1, "m": 0}, "m is 0"),
    ("dropout_backward", {"dout": W1, "mask": W1[:1], "keep_prob": 0.5}, r"dout \(2, 2\) and mask \(1, 2\)"),
    ("dropout_backward", {"dout": W1, "mask": W1 > 0, "keep_prob": 0.0}, "keep_prob is 0.0"),
    ("dropout_backward", {"dout": W1, "mask": W1 > 0, "keep_prob": 1.2}, "keep_prob is 1.2"),
]


@pytest.mark.parametrize(("name", "inputs", "message"), BAD)
def test_bad_input_is_refused_by_name(name, inputs, message):
    with pytest.raises(ValueError, match=message):
        TOPICS[name].forward(**inputs)
