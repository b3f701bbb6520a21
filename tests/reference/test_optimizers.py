"""The optimizers from first principles: steps by hand, what each part is for, many steps beside torch's own."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course
from grader.oracle import case_inputs

TOPICS = load_course(Path(__file__).parents[2], ["adagrad_step", "rmsprop_step", "adam_step"]).topics
TOPIC = TOPICS["adam_step"]
adagrad_step, rmsprop_step, adam_step = (topic.forward for topic in TOPICS.values())


def test_three_steps_of_adagrad_by_hand():
    w, cache = np.array([10.0, 10.0]), np.zeros(2)
    # the caches go 1, 1 + 0 and 9, 9 + 16: two gradients of 3 and 4 leave the root 5
    for dw, expected in (([1.0, -3.0], [9.0, 11.0]), ([0.0, 4.0], [9.0, 10.2])):
        w, cache = adagrad_step(w, np.array(dw), cache, 1.0, eps=0.0)
        assert_allclose(w, expected, rtol=1e-15)
    assert_array_equal(cache, [1.0, 25.0])
    w, _ = adagrad_step(w, np.array([-1.0, 0.0]), cache, 1.0, eps=0.0)
    assert_allclose(w, [9 + 0.5**0.5, 10.2], rtol=1e-15)


def test_two_steps_of_rmsprop_by_hand():
    # beta 1/2: the mean of 1 and 49 is 25, and a gradient of 0 halves that
    w, cache = rmsprop_step(np.array([2.0]), np.array([7.0]), np.array([1.0]), 0.5, beta=0.5, eps=0.0)
    assert_allclose((w, cache), [[1.3], [25.0]], rtol=1e-15)
    w, cache = rmsprop_step(w, np.zeros(1), cache, 0.5, beta=0.5, eps=0.0)
    assert_allclose((w, cache), [[1.3], [12.5]], rtol=1e-15)


def test_adagrad_slows_down_and_rmsprop_does_not():
    """Under a constant gradient the n-th step of AdaGrad is lr / sqrt(n); the steps of RMSprop go to lr."""
    dw = np.array([1e-3, -50.0])
    slow, fast = (np.zeros(2), np.zeros(2)), (np.zeros(2), np.zeros(2))
    for n in range(1, 101):
        before = slow[0], fast[0]
        slow, fast = adagrad_step(slow[0], dw, slow[1], 0.1), rmsprop_step(fast[0], dw, fast[1], 0.1)
        assert_allclose(slow[0] - before[0], -0.1 / n**0.5 * np.sign(dw), rtol=2e-5)
    assert_allclose(fast[0] - before[1], -0.1 * np.sign(dw), rtol=1e-4)


@pytest.mark.parametrize("step", [adagrad_step, rmsprop_step], ids=lambda step: step.__name__)
def test_a_parameter_without_gradients_stays(step):
    w, cache = step(np.array([5.0]), np.zeros(1), np.zeros(1), 0.1)
    assert_array_equal((w, cache), [[5.0], [0.0]])


@pytest.mark.torch
def test_many_steps_of_adagrad_and_rmsprop_agree_with_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    start = rng.standard_normal((3, 4))
    ours = {name: (start, np.zeros_like(start)) for name in ("adagrad", "rmsprop")}
    theirs = {name: torch.tensor(start, requires_grad=True) for name in ours}
    optimizers = {
        "adagrad": torch.optim.Adagrad([theirs["adagrad"]], lr=0.05, eps=1e-4),
        "rmsprop": torch.optim.RMSprop([theirs["rmsprop"]], lr=0.05, alpha=0.8, eps=1e-4),
    }
    for _ in range(30):
        dw = rng.standard_normal((3, 4))
        ours["adagrad"] = adagrad_step(ours["adagrad"][0], dw, ours["adagrad"][1], 0.05, 1e-4)
        ours["rmsprop"] = rmsprop_step(ours["rmsprop"][0], dw, ours["rmsprop"][1], 0.05, 0.8, 1e-4)
        for name, optimizer in optimizers.items():
            theirs[name].grad = torch.tensor(dw)
            optimizer.step()
            assert_allclose(ours[name][0], theirs[name].detach().numpy(), rtol=1e-12, atol=1e-13)


BAD = {
    "adagrad_step": [
        ({"dw": np.ones(2)}, r"w \(2, 3\), dw \(2,\) and cache \(2, 3\)"),
        ({"cache": np.ones((1, 3))}, r"w \(2, 3\), dw \(2, 3\) and cache \(1, 3\)"),
    ],
    "rmsprop_step": [
        ({"dw": np.ones((3, 2))}, r"w \(2, 3\), dw \(3, 2\) and cache \(2, 3\)"),
        ({"beta": 1.0}, "beta is 1.0"),
        ({"beta": -0.1}, "beta is -0.1"),
    ],
    "adam_step": [
        ({"dw": np.ones(3)}, r"one shape, not \[\(2, 3\), \(3,\), \(2, 3\), \(2, 3\)\]"),
        ({"v": np.ones((2, 1))}, r"one shape, not .*\(2, 1\)\]"),
        ({"t": 0}, "t is 0; the first step has t = 1"),
        ({"t": -3}, "t is -3"),
        ({"beta1": 1.0}, "beta1 is 1.0 and beta2 is 0.999"),
        ({"beta2": 1.5}, "beta1 is 0.9 and beta2 is 1.5"),
    ],
}


@pytest.mark.parametrize(
    ("topic", "change", "message"),
    [(TOPICS[name], change, message) for name, rows in BAD.items() for change, message in rows],
)
def test_bad_input_is_refused_by_name(topic, change, message):
    arrays = {name: np.ones((2, 3)) for name in ("w", "dw", "cache", "m", "v") if name in topic.parameters}
    good = arrays | {"lr": 0.1} | ({"t": 1} if "t" in topic.parameters else {})
    topic.forward(**good)
    with pytest.raises(ValueError, match=message):
        topic.forward(**good | change)


def test_two_steps_of_adam_by_hand():
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


@pytest.mark.torch
def test_many_steps_of_adam_agree_with_torch():
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


@pytest.mark.parametrize("topic", [TOPICS["adagrad_step"], TOPICS["rmsprop_step"]], ids=lambda topic: topic.name)
def test_caches_are_a_state_that_earlier_steps_can_leave(topic):
    for case in topic.cases:
        for seed in range(100):
            inputs = case_inputs(topic, case, f"seed {seed}")
            assert (inputs["cache"] >= 0).all() and inputs["lr"] > 0
            assert len({(inputs[name].shape, inputs[name].dtype) for name in ("w", "dw", "cache")}) == 1


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
