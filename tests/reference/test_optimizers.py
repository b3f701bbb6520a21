"""Adam from first principles: steps worked by hand, what each part is for, and many steps beside torch's own."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course
from grader.oracle import case_inputs

TOPIC = load_course(Path(__file__).parents[2], ["adam_step"]).topics["adam_step"]
adam_step = TOPIC.forward


def test_two_steps_by_hand():
    w, m, v = adam_step(np.array([1.0]), np.array([1.0]), np.zeros(1), np.zeros(1), 1, 0.1, 0.5, 0.75, 0.0)
    assert_allclose((w, m, v), [[0.9], [0.5], [0.25]], rtol=1e-15)
    # m = 0.25 - 1 = -3/4, m_hat = -1; v = 3/16 + 1 = 19/16, v_hat = (19/16) / (7/16) = 19/7
    w, m, v = adam_step(w, np.array([-2.0]), m, v, 2, 0.1, 0.5, 0.75, 0.0)
    assert_allclose((w, m, v), [[0.9 + 0.1 * (7 / 19) ** 0.5], [-0.75], [1.1875]], rtol=1e-15)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9), (0.0, 0.0)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
def test_the_first_step_has_the_length_of_the_learning_rate(betas, scale):
    dw = scale * np.array([[1.0, -2.0], [-3.0, 4.0]])
    zeros = np.zeros((2, 2))
    w, _, _ = adam_step(zeros, dw, zeros, zeros, 1, 0.01, *betas)
    assert_allclose(w, -0.01 * np.sign(dw), rtol=2e-5)


def test_a_constant_gradient_moves_by_the_learning_rate_at_every_step():
    w, m, v = np.zeros(2), np.zeros(2), np.zeros(2)
    dw = np.array([0.3, -7.0])
    for t in range(1, 51):
        w, m, v = adam_step(w, dw, m, v, t, 0.01)
    assert_allclose(w, -0.5 * np.sign(dw), rtol=1e-6)


def test_eps_halves_the_first_step_of_a_gradient_of_its_size():
    w, _, _ = adam_step(np.zeros(1), np.array([1e-8]), np.zeros(1), np.zeros(1), 1, 0.1)
    assert_allclose(w, [-0.05], rtol=1e-12)


def test_without_any_gradient_nothing_moves():
    zeros = np.zeros((2, 3))
    for result, start in zip(adam_step(zeros + 5, zeros, zeros, zeros, 1, 0.1), (5, 0, 0), strict=True):
        assert_array_equal(result, zeros + start)


def test_descends_a_badly_scaled_bowl():
    w, m, v = np.array([1.0, -1.0]), np.zeros(2), np.zeros(2)
    for t in range(1, 401):
        w, m, v = adam_step(w, np.array([1e4, 1e-2]) * w, m, v, t, 0.02)
    assert np.abs(w).max() < 0.02


def test_many_steps_agree_with_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    w, m, v = rng.standard_normal((3, 4)), np.zeros((3, 4)), np.zeros((3, 4))
    theirs = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.05, betas=(0.8, 0.95), eps=1e-4)
    for t in range(1, 31):
        dw = rng.standard_normal((3, 4))
        theirs.grad = torch.tensor(dw)
        optimizer.step()
        w, m, v = adam_step(w, dw, m, v, t, 0.05, 0.8, 0.95, 1e-4)
        assert_allclose(w, theirs.detach().numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", TOPIC.cases, ids=lambda case: case.name)
def test_inputs_are_a_state_that_earlier_steps_can_leave(case):
    for seed in range(100):
        inputs = case_inputs(TOPIC, case, f"seed {seed}")
        arrays = [inputs[name] for name in ("w", "dw", "m", "v")]
        assert len({(array.shape, array.dtype) for array in arrays}) == 1
        assert (inputs["v"] >= 0).all() and inputs["t"] >= 1 and inputs["lr"] > 0
        if inputs["t"] == 1:
            assert not inputs["m"].any() and not inputs["v"].any()
        else:
            assert (inputs["m"] != 0).mean() > 0.7
        for array, result in zip((arrays[0], *arrays[2:]), TOPIC.forward(**inputs), strict=True):
            assert np.isfinite(result).all()
            assert (result.shape, result.dtype) == (array.shape, array.dtype)


def test_cases_reach_where_the_mistakes_show():
    inputs = [case_inputs(TOPIC, case, "regimes") for case in TOPIC.cases]
    sizes = [np.abs(given["dw"]) for given in inputs]
    assert any(size.max() > 10 for size in sizes)
    assert any(1e-10 < np.median(size) < 1e-6 for size in sizes)
    assert len({given["t"] for given in inputs}) >= 5
    assert any("beta1" not in given for given in inputs) and any("beta1" in given for given in inputs)
