"""Convolution, step and padding from first principles: by hand, brute force from the formula, linearity."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course

COURSE = load_course(Path(__file__).parents[2], ["conv2d", "zero_pad", "conv_single_step"])
TOPIC = COURSE.topics["conv2d"]
conv2d, conv2d_backward = TOPIC.forward, TOPIC.backward
zero_pad, conv_single_step = (COURSE.topics[name].forward for name in ("zero_pad", "conv_single_step"))

# shape of x, filter size, filters, stride, pad
SIZES = [
    ((1, 3, 4, 1), 2, 1, 1, 0),
    ((2, 5, 4, 3), 3, 2, 1, 1),
    ((2, 4, 6, 2), 3, 3, 2, 1),
    ((1, 7, 5, 2), 2, 2, 3, 0),
    ((1, 4, 3, 1), 1, 2, 2, 0),
    ((1, 2, 3, 2), 3, 2, 2, 3),
    ((2, 3, 3, 1), 3, 1, 5, 0),
]


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def integers(rng, shape):
    return rng.integers(-5, 6, shape).astype("f8")


def draw(rng, x_shape, f, filters):
    return integers(rng, x_shape), integers(rng, (f, f, x_shape[3], filters)), integers(rng, filters)


def steps(x, W, stride, pad):
    """Yield every product of the formula: output index, input index (None on the padding), filter index."""
    n_images, height, width, channels = x.shape
    f, _, _, filters = W.shape
    rows, cols = ((n + 2 * pad - f) // stride + 1 for n in (height, width))
    sizes = (n_images, rows, cols, filters, f, f, channels)
    for n, r, s, k, i, j, c in itertools.product(*map(range, sizes)):
        row, col = r * stride + i - pad, s * stride + j - pad
        inside = 0 <= row < height and 0 <= col < width
        yield (n, r, s, k), (n, row, col, c) if inside else None, (i, j, c, k)


def brute_force(x, W, b, stride, pad):
    rows, cols = ((n + 2 * pad - len(W)) // stride + 1 for n in x.shape[1:3])
    out = np.zeros((len(x), rows, cols, W.shape[3])) + b
    for at, source, weight in steps(x, W, stride, pad):
        out[at] += x[source] * W[weight] if source else 0
    return out


def brute_force_backward(dout, x, W, b, stride, pad):
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(b)
    for at, source, weight in steps(x, W, stride, pad):
        if source:
            dx[source] += dout[at] * W[weight]
            dW[weight] += dout[at] * x[source]
    for at in np.ndindex(dout.shape):
        db[at[-1]] += dout[at]
    return dx, dW, db


def test_by_hand():
    x = np.arange(1.0, 13).reshape(1, 3, 4, 1)
    W, b = np.array([[1.0, 0.0], [0.0, -2.0]]).reshape(2, 2, 1, 1), np.array([100.0])
    # 1 - 2*6, 2 - 2*7, 3 - 2*8 and a row below, each of them 100 up
    assert_array_equal(conv2d(x, W, b, 1, 0)[0, :, :, 0], [[89, 88, 87], [85, 84, 83]])
    assert_array_equal(conv2d(x, W, b, 2, 0)[0, :, :, 0], [[89, 87]])
    assert_array_equal(conv2d(x, W, b, 3, 1)[0, :, :, 0], [[98, 92], [100, 111]])


def test_gradient_by_hand():
    x = np.arange(1.0, 7).reshape(1, 2, 3, 1)
    W, b = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 2, 1, 1), np.zeros(1)
    dx, dW, db = conv2d_backward(np.array([1.0, 10.0]).reshape(1, 1, 2, 1), x, W, b, 1, 0)
    assert_array_equal(dx[0, :, :, 0], [[1, 2 + 10, 20], [3, 4 + 30, 40]])
    assert_array_equal(dW[:, :, 0, 0], [[1 + 20, 2 + 30], [4 + 50, 5 + 60]])
    assert_array_equal(db, [11])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_forward_equals_the_formula(size, rng):
    *shapes, stride, pad = size
    x, W, b = draw(rng, *shapes)
    assert_array_equal(conv2d(x, W, b, stride, pad), brute_force(x, W, b, stride, pad))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_backward_equals_the_formula(size, rng):
    *shapes, stride, pad = size
    x, W, b = draw(rng, *shapes)
    dout = integers(rng, conv2d(x, W, b, stride, pad).shape)
    expected = brute_force_backward(dout, x, W, b, stride, pad)
    for ours, theirs in zip(conv2d_backward(dout, x, W, b, stride, pad), expected, strict=True):
        assert_array_equal(ours, theirs)


def test_a_filter_of_one_pixel_is_a_matrix_product(rng):
    x, W, b = draw(rng, (2, 3, 4, 5), 1, 6)
    assert_array_equal(conv2d(x, W, b, 1, 0), x @ W[0, 0] + b)


def test_a_single_one_in_the_filter_shifts_the_image(rng):
    x, W = integers(rng, (1, 4, 5, 1)), np.zeros((3, 3, 1, 1))
    W[0, 1] = 1
    shifted = conv2d(x, W, np.zeros(1), 1, 1)
    assert_array_equal(shifted[:, 1:], x[:, :-1])
    assert not shifted[:, 0].any()


def test_the_layer_is_linear_in_the_input_and_in_the_filters(rng):
    x, W, b = draw(rng, (2, 5, 6, 2), 3, 4)
    other, zero = integers(rng, x.shape), np.zeros_like(b)
    both = conv2d(x, W, b, 2, 1) + conv2d(other, W, zero, 2, 1)
    assert_array_equal(conv2d(x + other, W, b, 2, 1), both)
    assert_array_equal(conv2d(x, 3 * W, 3 * b, 2, 1), 3 * conv2d(x, W, b, 2, 1))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_backward_is_the_adjoint_of_the_forward(size, rng):
    *shapes, stride, pad = size
    x, W, b = draw(rng, *shapes)
    out = conv2d(x, W, np.zeros_like(b), stride, pad)
    dout = integers(rng, out.shape)
    dx, dW, _ = conv2d_backward(dout, x, W, b, stride, pad)
    assert (dout * out).sum() == (dx * x).sum() == (dW * W).sum()


def test_pixels_that_no_window_reaches_get_no_gradient(rng):
    x, W, b = draw(rng, (1, 6, 8, 2), 2, 3)
    dx, _, _ = conv2d_backward(np.ones((1, 2, 3, 3)), x, W, b, 3, 0)
    assert not dx[:, 2].any() and not dx[:, 5].any() and not dx[:, :, [2, 5]].any()
    assert dx[:, [0, 1, 3, 4]][:, :, [0, 1, 3, 4, 6, 7]].any()


def gradient_by_three_sums(dout, x, W, b, stride, pad):
    """Spread the gradient filter offset by filter offset, with one small product each."""
    f, (rows, cols) = len(W), dout.shape[1:3]
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dpadded, dW = np.zeros_like(padded), np.zeros_like(W)
    for i, j in np.ndindex(f, f):
        reach = (slice(None), slice(i, i + stride * rows, stride), slice(j, j + stride * cols, stride))
        dW[i, j] = np.einsum("nrsc,nrsk->ck", padded[reach], dout)
        dpadded[reach] += dout @ W[i, j].T
    height, width = x.shape[1:3]
    return dpadded[:, pad : pad + height, pad : pad + width], dW, np.einsum("nrsk->k", dout)


def test_another_order_of_sums_passes(failed_cases):
    assert failed_cases(TOPIC, gradient_by_three_sums, gradient=True) == set()


def test_brute_force_passes(failed_cases):
    def in_the_given_dtype(x, W, b, stride, pad):
        return brute_force(x, W, b, stride, pad).astype(x.dtype)

    assert failed_cases(TOPIC, in_the_given_dtype, secrets=("one",)) == set()


def test_stride_one_agrees_with_numpy_on_one_row(rng):
    row, weights = rng.standard_normal(9), rng.standard_normal(3)
    x = np.zeros((1, 3, 9, 1))
    x[0, 1, :, 0] = row
    W = np.zeros((3, 3, 1, 1))
    W[1, :, 0, 0] = weights
    ours = conv2d(x, W, np.zeros(1), 1, 0)[0, 0, :, 0]
    assert_allclose(ours, np.correlate(row, weights, mode="valid"), rtol=1e-13)


@pytest.mark.parametrize("order", ["columns first", "every other element"])
def test_the_layout_in_memory_does_not_matter(order, rng):
    x, W, b = draw(rng, (2, 5, 6, 3), 3, 4)
    dout = integers(rng, (2, 3, 3, 4))

    def laid_out(array):
        if order == "columns first":
            return np.asfortranarray(array)
        wide = np.zeros([2 * n for n in array.shape])
        wide[(np.s_[::2],) * array.ndim] = array
        return wide[(np.s_[::2],) * array.ndim]

    assert_array_equal(conv2d(*map(laid_out, (x, W, b)), 2, 1), conv2d(x, W, b, 2, 1))
    for ours, theirs in zip(
        conv2d_backward(*map(laid_out, (dout, x, W, b)), 2, 1), conv2d_backward(dout, x, W, b, 2, 1), strict=True
    ):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": np.ones((5, 6, 3))}, r"x has shape \(5, 6, 3\); \(N, H, W, C_in\)"),
        ({"x": np.ones((2, 5, 6, 4))}, r"W \(3, 3, 3, 2\) and x \(2, 5, 6, 4\) do not fit: C_in is 3 and must be 4"),
        ({"W": np.ones((3, 2, 3, 2))}, r"W \(3, 2, 3, 2\).* f is 2 and must be 3"),
        ({"b": np.ones(3)}, r"b \(3,\) and W \(3, 3, 3, 2\)"),
        ({"b": np.ones((1, 2))}, r"b has shape \(1, 2\)"),
        ({"stride": 0}, "stride is 0"),
        ({"stride": -1}, "stride is -1"),
        ({"pad": -1}, "pad is -1"),
        ({"x": np.ones((2, 2, 6, 3))}, r"side 3 does not fit into x \(2, 2, 6, 3\) with pad 0"),
        ({"x": np.ones((2, 6, 2, 3))}, r"side 3 does not fit into x \(2, 6, 2, 3\) with pad 0"),
        ({"W": np.ones((0, 0, 3, 2))}, "side 0 does not fit"),
    ],
    ids=str,
)
def test_bad_input_is_named(change, words):
    good = {"x": np.ones((2, 5, 6, 3)), "W": np.ones((3, 3, 3, 2)), "b": np.ones(2), "stride": 1, "pad": 0}
    conv2d(**good)
    with pytest.raises(ValueError, match=words):
        conv2d(**good | change)


# --- zero_pad ----------------------------------------------------------------------------------------------------


def test_a_border_by_hand():
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    assert_array_equal(zero_pad(x, 1)[0, :, :, 0], [[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("pad", [0, 1, 3])
def test_padding_adds_zeros_around_and_nothing_else(pad, rng):
    x = rng.uniform(1, 2, (2, 3, 4, 5)).astype("f4")
    out = zero_pad(x, pad)
    assert out.shape == (2, 3 + 2 * pad, 4 + 2 * pad, 5)
    assert out.dtype == np.float32
    assert_array_equal(out[:, pad : pad + 3, pad : pad + 4], x)
    assert np.count_nonzero(out) == x.size


def test_padding_twice_is_padding_by_the_sum(rng):
    x = rng.standard_normal((2, 3, 4, 2))
    assert_array_equal(zero_pad(zero_pad(x, 1), 2), zero_pad(x, 3))


def test_bad_padding_is_named():
    with pytest.raises(ValueError, match="pad is -1"):
        zero_pad(np.ones((1, 4, 4, 1)), -1)
    with pytest.raises(ValueError, match=r"x has shape \(4, 4\)"):
        zero_pad(np.ones((4, 4)), 1)


@pytest.mark.torch
def test_the_torch_version_does_not_crop():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="pad is -1"):
        COURSE.topics["zero_pad"].torch(torch.ones(1, 4, 4, 1), -1)


# --- conv_single_step --------------------------------------------------------------------------------------------


def test_one_step_by_hand():
    window = np.array([[1.0, 2.0], [3.0, 4.0]])[:, :, None]
    W = np.array([[1.0, 10.0], [100.0, 1000.0]])[:, :, None]
    assert conv_single_step(window, W, 0.5) == 4321.5


@pytest.mark.parametrize("bias", [2.0, np.float64(2), np.array(2.0)], ids=["float", "scalar", "0-d array"])
def test_the_bias_is_any_kind_of_number(bias):
    out = conv_single_step(np.ones((2, 2, 3)), np.ones((2, 2, 3)), bias)
    assert out == 14
    assert np.ndim(out) == 0


def test_the_layer_is_made_of_single_steps(rng):
    x, W, b = draw(rng, (2, 5, 6, 3), 3, 4)
    out = conv2d(x, W, b, 2, 0)
    for n, r, s, k in np.ndindex(out.shape):
        window = x[n, 2 * r : 2 * r + 3, 2 * s : 2 * s + 3]
        assert conv_single_step(window, W[..., k], b[k]) == out[n, r, s, k]


@pytest.mark.parametrize(
    ("window", "W", "b", "words"),
    [
        ((2, 2, 3), (2, 2, 1), (), r"W \(2, 2, 1\) and window \(2, 2, 3\)"),
        ((2, 2), (2, 2), (), r"window has shape \(2, 2\)"),
        ((3, 2, 1), (3, 2, 1), (), "f is 2 and must be 3"),
        ((2, 2, 1), (2, 2, 1), (1, 1, 1), r"b has shape \(1, 1, 1\)"),
    ],
    ids=str,
)
def test_a_bad_step_is_named(window, W, b, words):
    with pytest.raises(ValueError, match=words):
        conv_single_step(np.ones(window), np.ones(W), np.ones(b))
