"""Batch normalisation from first principles: values worked by hand, invariances, other correct derivations."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course

TOPICS = load_course(Path(__file__).parents[2], ["batch_norm", "batch_norm_running", "batch_norm_inference"]).topics
TOPIC = TOPICS["batch_norm"]
batch_norm, batch_norm_backward = TOPIC.forward, TOPIC.backward
batch_norm_running, batch_norm_inference = (TOPICS[f"batch_norm_{name}"].forward for name in ("running", "inference"))
MISTAKES = {mistake.name: mistake.function for mistake in TOPIC.mistakes}


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def draw(rng, shape):
    return rng.standard_normal(shape), rng.uniform(0.5, 2, shape[-1]), rng.standard_normal(shape[-1])


def test_two_rows_by_hand():
    # mean 2, variance 1, and eps 3 makes the root 2
    x, gamma, beta = np.array([[3.0], [1.0]]), np.array([4.0]), np.array([10.0])
    assert_array_equal(batch_norm(x, gamma, beta, eps=3), [[12.0], [8.0]])


def test_gradient_of_two_rows_by_hand():
    # out_1 = gamma d / sqrt(d^2 + 3) + beta with d = (x_1 - x_2) / 2 = 1: its slope in d is gamma * 3/8
    x, gamma, beta = np.array([[3.0], [1.0]]), np.array([4.0]), np.array([10.0])
    dx, dgamma, dbeta = batch_norm_backward(np.array([[1.0], [0.0]]), x, gamma, beta, eps=3)
    assert_allclose(dx, [[0.75], [-0.75]], rtol=1e-15)
    assert_array_equal(dgamma, [0.5])
    assert_array_equal(dbeta, [1.0])


def test_each_feature_gets_the_mean_beta_and_the_deviation_gamma(rng):
    x, gamma, beta = draw(rng, (3, 4, 5, 6))
    out = batch_norm(7 * x + 100, gamma, beta, eps=1e-12)
    assert_allclose(out.mean((0, 1, 2)), beta, atol=1e-12)
    assert_allclose(out.std((0, 1, 2)), gamma, rtol=1e-10)


def test_images_are_rows_of_pixels(rng):
    x, gamma, beta = draw(rng, (3, 4, 5, 6))
    rows = x.reshape(60, 6)
    assert_allclose(batch_norm(x, gamma, beta).reshape(60, 6), batch_norm(rows, gamma, beta), rtol=1e-13, atol=1e-14)
    dout = rng.standard_normal(x.shape)
    images, matrix = (batch_norm_backward(d, a, gamma, beta) for d, a in ((dout, x), (dout.reshape(60, 6), rows)))
    assert_allclose(images[0].reshape(60, 6), matrix[0], rtol=1e-12, atol=1e-13)
    assert_allclose(images[1:], matrix[1:], rtol=1e-13, atol=1e-13)


def test_level_and_scale_of_the_input_do_not_matter(rng):
    x, gamma, beta = draw(rng, (8, 3))
    levels, scales = np.array([-5.0, 0.0, 9.0]), np.array([0.1, 1.0, 30.0])
    assert_allclose(batch_norm(x * scales + levels, gamma, beta, 0), batch_norm(x, gamma, beta, 0), rtol=1e-11)


def test_the_gradient_has_no_part_that_a_shift_or_a_scale_of_the_input_could_see(rng):
    x, gamma, beta = draw(rng, (20, 4))
    dx, _, _ = batch_norm_backward(rng.standard_normal(x.shape), x, gamma, beta, eps=0)
    assert_allclose(dx.sum(axis=0), 0, atol=1e-13)
    assert_allclose((dx * x).sum(axis=0), 0, atol=1e-13)


def test_one_row_gives_beta_and_no_gradient(rng):
    x, gamma, beta = draw(rng, (1, 4))
    assert_array_equal(batch_norm(x, gamma, beta), beta[None])
    dx, dgamma, dbeta = batch_norm_backward(np.full((1, 4), 2.0), x, gamma, beta)
    assert not dx.any() and not dgamma.any()
    assert_array_equal(dbeta, np.full(4, 2.0))


def test_a_constant_feature_gives_beta():
    x = np.stack([np.full(5, 3.0), np.arange(5.0)], axis=1)
    assert_array_equal(batch_norm(x, np.array([9.0, 1.0]), np.array([0.5, 0.0]))[:, 0], 0.5)


def path_by_path(dout, x, gamma, beta, eps=1e-5):
    """Follow the three paths from x to the output, as the paper writes them down."""
    axes = tuple(range(x.ndim - 1))
    count = x.size // x.shape[-1]
    centred = x - x.sum(axes) / count
    var = (centred * centred).sum(axes) / count
    std = np.sqrt(var + eps)
    dx_hat = dout * gamma
    dvar = (dx_hat * centred).sum(axes) * (-0.5) / (std * std * std)
    dmu = -(dx_hat / std).sum(axes) + dvar * (-2 * centred).sum(axes) / count
    dx = dx_hat / std + dvar * 2 * centred / count + dmu / count
    return dx, (dout * centred / std).sum(axes), dout.sum(axes)


def sums_before_division(dout, x, gamma, beta, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    count = x.size // x.shape[-1]
    x_hat = (x - x.mean(axes)) / np.sqrt(x.var(axes) + eps)
    dbeta, dgamma = dout.sum(axes), (dout * x_hat).sum(axes)
    return gamma / (count * np.sqrt(x.var(axes) + eps)) * (count * dout - dbeta - x_hat * dgamma), dgamma, dbeta


@pytest.mark.parametrize("backward", [path_by_path, sums_before_division])
def test_other_derivations_of_the_gradient_pass(backward, failed_cases):
    assert failed_cases(TOPIC, backward, gradient=True) == set()


def test_a_fragile_variance_fails_nothing_but_stability(failed_cases):
    assert failed_cases(TOPIC, MISTAKES["one_pass_variance"]) == {"large offsets"}


def test_a_missing_eps_shows_in_the_edge_cases(failed_cases):
    def without_eps(x, gamma, beta, eps=1e-5):
        return batch_norm(x, gamma, beta, eps=0)

    assert {"one row", "a constant feature"} <= failed_cases(TOPIC, without_eps)


@pytest.mark.torch
def test_the_layer_of_torch_passes_all_but_the_single_row(failed_cases):
    torch = pytest.importorskip("torch")

    def layer(x, gamma, beta, eps=1e-5):
        rows, gamma, beta = (torch.from_numpy(array) for array in (x.reshape(-1, x.shape[-1]), gamma, beta))
        out = torch.nn.functional.batch_norm(rows, None, None, gamma, beta, training=True, eps=eps)
        return out.numpy().reshape(x.shape)

    assert failed_cases(TOPIC, layer) == {"one row"}  # torch refuses it: there is no variance to speak of


def test_running_statistics_by_hand():
    # the batch has mean 2 and variance 1, a quarter of each comes in
    mean, var = batch_norm_running(np.array([10.0]), np.array([5.0]), np.array([[3.0], [1.0]]), momentum=0.75)
    assert_array_equal((mean, var), [[8.0], [4.0]])


def test_running_statistics_of_equal_batches_go_to_those_of_the_batch(rng):
    x = 3 * rng.standard_normal((4, 5, 6, 3)) + 100
    mean, var = np.zeros(3), np.ones(3)
    for _ in range(400):
        mean, var = batch_norm_running(mean, var, x)
    assert_allclose(mean, x.mean((0, 1, 2)), rtol=1e-12)
    assert_allclose(var, x.var((0, 1, 2)), rtol=1e-12)


def test_one_row_fades_the_running_variance():
    _, var = batch_norm_running(np.zeros(2), np.ones(2), np.array([[7.0, -3.0]]))
    assert_array_equal(var, [0.9, 0.9])


@pytest.mark.parametrize("momentum", [0, 1])
def test_the_ends_of_momentum_are_the_batch_and_the_past(momentum):
    x = np.array([[1.0], [5.0]])
    mean, var = batch_norm_running(np.array([9.0]), np.array([8.0]), x, momentum)
    assert_array_equal((mean, var), [[9.0], [8.0]] if momentum else [[3.0], [4.0]])


def test_inference_by_hand():
    # variance 1 and eps 3 make the root 2, and the two examples do not know of each other
    statistics = {"running_mean": np.array([1.0]), "running_var": np.array([1.0]), "eps": 3}
    out = batch_norm_inference(np.array([[3.0], [1.0]]), np.array([4.0]), np.array([10.0]), **statistics)
    assert_array_equal(out, [[14.0], [10.0]])


def test_inference_with_the_statistics_of_the_batch_is_training(rng):
    x, gamma, beta = draw(rng, (3, 4, 5, 6))
    mean, var = batch_norm_running(np.zeros(6), np.zeros(6), x, momentum=0)
    assert_allclose(batch_norm_inference(x, gamma, beta, mean, var), batch_norm(x, gamma, beta), rtol=1e-13)


def test_inference_answers_an_example_alone_as_among_others(rng):
    x, gamma, beta = draw(rng, (6, 4))
    mean, var = rng.standard_normal(4), rng.uniform(0.5, 2, 4)
    alone = [batch_norm_inference(row[None], gamma, beta, mean, var)[0] for row in x]
    assert_array_equal(np.stack(alone), batch_norm_inference(x, gamma, beta, mean, var))


@pytest.mark.torch
def test_inference_and_running_statistics_agree_with_the_layer_of_torch(rng):
    torch = pytest.importorskip("torch")
    x, gamma, beta = draw(rng, (9, 4))
    layer = torch.nn.BatchNorm1d(4, momentum=0.1, dtype=torch.float64)
    layer(torch.from_numpy(x))
    mean, var = batch_norm_running(np.zeros(4), np.ones(4), x, momentum=0.9)
    assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-13)
    unbiased = var + 0.1 * x.var(axis=0) / 8  # torch keeps the unbiased variance
    assert_allclose(layer.running_var.numpy(), unbiased, rtol=1e-13)
    theirs = torch.nn.functional.batch_norm(*map(torch.from_numpy, (x, mean, var, gamma, beta)))
    assert_allclose(theirs.numpy(), batch_norm_inference(x, gamma, beta, mean, var), rtol=1e-12)


BAD = [
    ({"gamma": np.ones(2)}, r"gamma \(2,\) and x \(4, 3\)"),
    ({"beta": np.ones((1, 3))}, r"beta has shape \(1, 3\)"),
    ({"running_mean": np.ones(4)}, r"running_mean \(4,\)"),
    ({"running_var": np.ones(1)}, r"running_var \(1,\)"),
    ({"x": np.ones(3)}, r"x has shape \(3,\); \(N, D\)"),
    ({"x": np.ones((4, 5))}, r"\(4, 5\)"),
    ({"momentum": 1.1}, "momentum is 1.1"),
    ({"momentum": -0.5}, "momentum is -0.5"),
]


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_bad_input_is_refused_by_name(topic):
    vectors = {name: np.ones(3) for name in ("gamma", "beta", "running_mean", "running_var")}
    good = {name: value for name, value in (vectors | {"x": np.ones((4, 3))}).items() if name in topic.parameters}
    topic.forward(**good)
    for change, message in BAD:
        if set(change) <= set(topic.parameters):
            with pytest.raises(ValueError, match=message):
                topic.forward(**good | change)
