"""ReLU and pooling from first principles: values worked by hand, brute force, what a maximum and a mean must obey."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course

TOPICS = load_course(Path(__file__).parents[2], ["relu", "max_pool", "avg_pool"]).topics
relu, max_pool, avg_pool = (TOPICS[name].forward for name in ("relu", "max_pool", "avg_pool"))
relu_backward, max_pool_backward, avg_pool_backward = (
    TOPICS[name].backward for name in ("relu", "max_pool", "avg_pool")
)

# shape of x, side of the window, stride
SIZES = [
    ((1, 4, 6, 1), 2, 2),
    ((2, 5, 4, 3), 3, 1),
    ((2, 7, 6, 2), 3, 2),
    ((1, 8, 5, 2), 2, 3),
    ((1, 4, 3, 1), 1, 2),
    ((2, 3, 3, 1), 3, 5),
]


@pytest.fixture
def rng():
    return np.random.default_rng(12)


def windows(x, f, stride):
    """Yield every window with the index of its result."""
    n_images, height, width, channels = x.shape
    for n in range(n_images):
        for r, top in enumerate(range(0, height - f + 1, stride)):
            for s, left in enumerate(range(0, width - f + 1, stride)):
                for c in range(channels):
                    yield (n, r, s, c), (n, slice(top, top + f), slice(left, left + f), c)


# --- relu --------------------------------------------------------------------------------------------------------


def test_relu_by_hand():
    x = np.array([-2.0, -0.0, 0.0, 3.0])
    assert_array_equal(relu(x), [0, 0, 0, 3])
    assert_array_equal(relu_backward(np.array([5.0, 6.0, 7.0, -8.0]), x), [0, 0, 0, -8])


def test_relu_and_its_mirror_image_make_up_the_whole(rng):
    x = rng.standard_normal((4, 5))
    assert_array_equal(relu(x) - relu(-x), x)
    assert_array_equal(relu(relu(x)), relu(x))


def test_relu_keeps_the_dtype(rng):
    x = rng.standard_normal((4, 5)).astype("f4")
    assert relu(x).dtype == relu_backward(x, x).dtype == np.float32


@pytest.mark.parametrize("slope", [0.5, 1])
def test_another_slope_at_zero_fails(slope, failed_cases):
    def backward(dout, x):
        return dout * np.where(x == 0, slope, x > 0).astype(x.dtype)

    assert failed_cases(TOPICS["relu"], backward, gradient=True) == {"zero and numbers of all sizes"}


# --- pooling -----------------------------------------------------------------------------------------------------

X = np.array([[1.0, 5.0, 2.0], [9.0, 3.0, 8.0], [4.0, 7.0, 6.0]]).reshape(1, 3, 3, 1)


def test_pools_by_hand():
    assert_array_equal(max_pool(X, 2, 1)[0, :, :, 0], [[9, 8], [9, 8]])
    assert_array_equal(avg_pool(X, 2, 1)[0, :, :, 0], [[4.5, 4.5], [5.75, 6]])
    assert_array_equal(max_pool(X, 2, 2)[0, :, :, 0], [[9]])
    assert_array_equal(avg_pool(X, 3, 1)[0, :, :, 0], [[5]])
    assert_array_equal(max_pool(-X, 3, 1)[0, :, :, 0], [[-1]])


def test_pool_gradients_by_hand():
    dout = np.array([[1.0, 10.0], [100.0, 1000.0]]).reshape(1, 2, 2, 1)
    dx = max_pool_backward(dout, X, 2, 1)
    assert_array_equal(dx[0, :, :, 0], [[0, 0, 0], [101, 0, 1010], [0, 0, 0]])
    dx = avg_pool_backward(4 * dout, X, 2, 1)
    assert_array_equal(dx[0, :, :, 0], [[1, 11, 10], [101, 1111, 1010], [100, 1100, 1000]])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pools_equal_brute_force(size, rng):
    shape, f, stride = size
    x = rng.standard_normal(shape)
    high, mean = max_pool(x, f, stride), avg_pool(x, f, stride)
    dout = rng.standard_normal(high.shape)
    dhigh, dmean = np.zeros_like(x), np.zeros_like(x)
    at = None
    for at, window in windows(x, f, stride):
        assert high[at] == x[window].max()
        assert_allclose(mean[at], x[window].mean(), rtol=1e-13, atol=1e-15)
        dhigh[window] += dout[at] * (x[window] == x[window].max())
        dmean[window] += dout[at] / f**2
    assert tuple(i + 1 for i in at) == high.shape == mean.shape
    assert_allclose(max_pool_backward(dout, x, f, stride), dhigh, rtol=1e-13)
    assert_allclose(avg_pool_backward(dout, x, f, stride), dmean, rtol=1e-13)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_whole_gradient_arrives(size, rng):
    shape, f, stride = size
    x = rng.standard_normal(shape)
    dout = rng.integers(1, 9, max_pool(x, f, stride).shape).astype("f8")
    assert max_pool_backward(dout, x, f, stride).sum() == dout.sum()
    assert_allclose(avg_pool_backward(dout, x, f, stride).sum(), dout.sum(), rtol=1e-13)


def test_of_equal_values_the_first_one_gets_the_gradient():
    dx = max_pool_backward(np.ones((1, 1, 1, 1)), np.zeros((1, 2, 2, 1)), 2, 2)
    assert_array_equal(dx[0, :, :, 0], [[1, 0], [0, 0]])


@pytest.mark.torch
def test_ties_go_where_torch_sends_them(rng):
    torch = pytest.importorskip("torch")
    x = rng.integers(0, 3, (2, 6, 7, 3)).astype("f8")
    tensor = torch.from_numpy(x).requires_grad_()
    out = TOPICS["max_pool"].torch(tensor, 3, 2)
    dout = rng.standard_normal(out.shape)
    out.backward(torch.from_numpy(dout))
    assert_allclose(max_pool_backward(dout, x, 3, 2), tensor.grad.numpy(), rtol=1e-13)


def test_graded_windows_have_no_ties():
    for case, seed in itertools.product(TOPICS["max_pool"].cases, range(50)):
        x = case.inputs(np.random.default_rng(seed))["x"]
        values = np.sort(x, axis=None)
        assert (np.diff(values) > 0.05).all(), case.name
        if case.name == "all negative":
            assert (x < 0).all()


def test_a_shift_of_all_values_shifts_the_result(rng):
    x = rng.integers(-9, 9, (2, 5, 6, 2)).astype("f8")
    assert_array_equal(max_pool(x - 100, 3, 2), max_pool(x, 3, 2) - 100)
    assert_allclose(avg_pool(x - 100, 3, 2), avg_pool(x, 3, 2) - 100, rtol=1e-14)


def test_channels_do_not_mix(rng):
    x = rng.standard_normal((2, 5, 6, 3))
    for pool in (max_pool, avg_pool):
        alone = np.concatenate([pool(x[..., c : c + 1], 2, 2) for c in range(3)], axis=3)
        assert_array_equal(pool(x, 2, 2), alone)


@pytest.mark.parametrize("name", ["max_pool", "avg_pool"])
def test_the_layout_in_memory_does_not_matter(name, rng):
    wide = rng.standard_normal((4, 10, 12, 6))
    x = wide[::2, ::2, ::2, ::2]
    plain = x.copy()
    forward, backward = TOPICS[name].forward, TOPICS[name].backward
    dout = rng.standard_normal(forward(x, 3, 1).shape)
    for view in (x, np.asfortranarray(x)):
        assert_array_equal(forward(view, 3, 1), forward(plain, 3, 1))
        assert_array_equal(backward(np.asfortranarray(dout), view, 3, 1), backward(dout, plain, 3, 1))


@pytest.mark.parametrize("name", ["max_pool", "avg_pool"])
@pytest.mark.parametrize(
    ("shape", "f", "stride", "words"),
    [
        ((5, 6, 3), 2, 2, r"x has shape \(5, 6, 3\); \(N, H, W, C\)"),
        ((1, 5, 6, 3), 2, 0, "stride is 0"),
        ((1, 5, 6, 3), 2, -2, "stride is -2"),
        ((1, 5, 6, 3), 0, 1, "side 0 does not fit"),
        ((1, 5, 3, 3), 4, 1, r"side 4 does not fit into x \(1, 5, 3, 3\)"),
        ((1, 3, 5, 3), 4, 1, r"side 4 does not fit into x \(1, 3, 5, 3\)"),
    ],
    ids=str,
)
def test_bad_input_is_named(name, shape, f, stride, words):
    with pytest.raises(ValueError, match=words):
        TOPICS[name].forward(np.ones(shape), f, stride)


def mean_by_running_sums(x, f, stride):
    """Take the means from a table of sums over rectangles, another order of additions altogether."""
    table = np.pad(x, ((0, 0), (1, 0), (1, 0), (0, 0))).cumsum(axis=1).cumsum(axis=2)
    sums = table[:, f:, f:] - table[:, :-f, f:] - table[:, f:, :-f] + table[:, :-f, :-f]
    return sums[:, ::stride, ::stride] / (f * f)


def test_another_order_of_sums_passes(failed_cases):
    assert failed_cases(TOPICS["avg_pool"], mean_by_running_sums) == set()


def max_gradient_through_indices(dout, x, f, stride):
    """Spread the gradient with the flat index of each maximum, as many solutions do."""
    dx = np.zeros_like(x)
    for at, window in windows(x, f, stride):
        i, j = np.unravel_index(x[window].argmax(), (f, f))
        dx[at[0], at[1] * stride + i, at[2] * stride + j, at[3]] += dout[at]
    return dx


def test_another_way_to_spread_the_gradient_passes(failed_cases):
    assert failed_cases(TOPICS["max_pool"], max_gradient_through_indices, gradient=True) == set()
