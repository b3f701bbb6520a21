"""The convolution of a volume with a bank of filters (notes, section 8)."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from grader import Case, Exact, Mistake, Speed, Topic
from grader.picture import heat
from grader.shapes import check_shapes

from .zero_pad import zero_pad


def conv2d(x, W, b, stride, pad):
    """Slide every filter over the zero-padded input and add the filter's bias (a convolution layer, before activation).

    x: float array (N, H, W, C_in), a batch of images or volumes, channels last
    W: float array (f, f, C_in, C_out), one square filter per output channel; same dtype as x
    b: float array (C_out,), one bias per filter; same dtype as x
    stride: integer >= 1, the step of the window in both directions
    pad: integer >= 0, rows and columns of zeros added on each of the four sides
    returns: float array (N, H_out, W_out, C_out), same dtype as x; H_out = (H + 2*pad - f) // stride + 1, and
        likewise W_out for the width

    This is a cross-correlation, as in every framework: the filter is not flipped. A filter covers all input channels.
    A window that would reach over the edge of the padded input is left out. The padded input is at least f by f.
    Source: notes, section 8, "volume convolutions". Raises ValueError for shapes that do not fit together, a filter
    that is larger than the padded input, a stride below 1 and a negative pad.
    """
    check_shapes(x=(x, "N H W C_in"), W=(W, "f f C_in C_out"), b=(b, "C_out"))
    check_windows(x, len(W), stride, pad)
    return np.tensordot(_windows(x, W, stride, pad), W, axes=3) + b


def conv2d_backward(dout, x, W, b, stride, pad):
    """Differentiate sum(dout * conv2d(x, W, b, stride, pad)) with respect to x, W and b.

    dout: float array (N, H_out, W_out, C_out), the gradient arriving from above; the rest are the parameters of conv2d
    returns: (dx, dW, db), each with the shape and dtype of x, W and b

    Windows overlap when stride < f: an input value gets the sum over all windows that contain it. The gradient that
    falls on the padding is dropped.
    """
    dW = np.tensordot(_windows(x, W, stride, pad), dout, axes=([0, 1, 2], [0, 1, 2]))
    dwindows = np.tensordot(dout, W, axes=([3], [3]))
    dpadded = np.zeros_like(zero_pad(x, pad))
    for (i, j), place in places(dpadded, len(W), stride).items():
        dpadded[place] += dwindows[:, :, :, i, j]
    dx = dpadded[:, pad : pad + x.shape[1], pad : pad + x.shape[2]]
    return dx, dW, dout.sum(axis=(0, 1, 2))


def check_windows(x, f, stride, pad=0):
    """Raise ValueError unless at least one f by f window fits into the padded images."""
    if stride < 1 or pad < 0:
        raise ValueError(f"stride is {stride} and pad is {pad}; they must be at least 1 and at least 0")
    if not 1 <= f <= min(x.shape[1:3]) + 2 * pad:
        raise ValueError(f"a window of side {f} does not fit into x {tuple(x.shape)} with pad {pad}")


def places(x, f, stride):
    """Return, for each place (i, j) in a window, the index that takes it from all windows of x at once."""
    n_rows, n_cols = ((n - f) // stride + 1 for n in x.shape[1:3])
    return {
        (i, j): np.s_[:, i : i + stride * n_rows : stride, j : j + stride * n_cols : stride]
        for i, j in np.ndindex(f, f)
    }


def _windows(x, W, stride, pad):
    """View every window of the padded input: (N, H_out, W_out, f, f, C_in)."""
    windows = sliding_window_view(zero_pad(x, pad), W.shape[:3], axis=(1, 2, 3))
    return windows[:, ::stride, ::stride, 0]


def conv2d_torch(x, W, b, stride, pad):
    from torch.nn.functional import conv2d

    images, filters = x.permute(0, 3, 1, 2), W.permute(3, 2, 0, 1).contiguous()
    return conv2d(images, filters, b, stride=stride, padding=pad).permute(0, 2, 3, 1)


def loop_over_windows(x, W, b, stride, pad):
    f, padded = len(W), zero_pad(x, pad)
    n_rows, n_cols = ((n - f) // stride + 1 for n in padded.shape[1:3])
    out = np.zeros((len(x), n_rows, n_cols, W.shape[3]), dtype=x.dtype)
    for row, col in np.ndindex(n_rows, n_cols):
        top, left = row * stride, col * stride
        window = padded[:, top : top + f, left : left + f, :, None]
        out[:, row, col] = (window * W).sum(axis=(1, 2, 3)) + b
    return out


def loop_over_filter_places(x, W, b, stride, pad):
    padded = zero_pad(x, pad)
    return b + sum(padded[place] @ W[at] for at, place in places(padded, len(W), stride).items())


def flips_the_filter(x, W, b, stride, pad):
    return conv2d(x, W[::-1, ::-1], b, stride, pad)


def bias_in_every_product(x, W, b, stride, pad):
    return conv2d(x, W, b * W[..., 0].size, stride, pad)


def stride_ignored(x, W, b, stride, pad):
    """Count the windows with the stride, but take them from neighbouring positions."""
    n_rows, n_cols = ((n + 2 * pad - len(W)) // stride + 1 for n in x.shape[1:3])
    return conv2d(x, W, b, 1, pad)[:, :n_rows, :n_cols]


def pad_ignored(x, W, b, stride, pad):
    """Make the padded shape, but read windows from an input whose zeros all lie at the end."""
    padded = np.pad(x, ((0, 0), (0, 2 * pad), (0, 2 * pad), (0, 0)))
    return conv2d(padded, W, b, stride, 0)


def width_from_height(x, W, b, stride, pad):
    out = conv2d(x, W, b, stride, pad)
    square = np.zeros((len(x), out.shape[1], out.shape[1], out.shape[3]), dtype=out.dtype)
    n_cols = min(out.shape[1:3])
    square[:, :, :n_cols] = out[:, :, :n_cols]
    return square


def last_window_only(dout, x, W, b, stride, pad):
    dx, _, db = conv2d_backward(dout, x, W, b, stride, pad)
    last = np.zeros_like(dout)
    last[-1, -1, -1] = dout[-1, -1, -1]
    return dx, conv2d_backward(last, x, W, b, stride, pad)[1], db


def overlaps_overwrite(dout, x, W, b, stride, pad):
    _, dW, db = conv2d_backward(dout, x, W, b, stride, pad)
    f, dpadded = len(W), np.zeros_like(zero_pad(x, pad))
    dwindows = np.tensordot(dout, W, axes=([3], [3]))
    for row, col in np.ndindex(dout.shape[1:3]):
        top, left = row * stride, col * stride
        dpadded[:, top : top + f, left : left + f] = dwindows[:, row, col]
    return dpadded[:, pad : pad + x.shape[1], pad : pad + x.shape[2]], dW, db


def crops_minus_pad(dout, x, W, b, stride, pad):
    dpadded, dW, db = conv2d_backward(dout, zero_pad(x, pad), W, b, stride, 0)
    return dpadded[:, pad:-pad, pad:-pad], dW, db


def db_averaged(dout, x, W, b, stride, pad):
    dx, dW, _ = conv2d_backward(dout, x, W, b, stride, pad)
    return dx, dW, dout.mean(axis=(0, 1, 2))


def _inputs(draw, x_shape, f, filters, stride, pad):
    shapes = {"x": x_shape, "W": (f, f, x_shape[3], filters), "b": (filters,)}
    return {name: draw(shape) for name, shape in shapes.items()} | {"stride": stride, "pad": pad}


def _integers(rng, *sizes):
    """Draw small non-zero integers: every order of summation gives exactly the same result."""
    return _inputs(lambda shape: rng.integers(1, 6, shape) * rng.choice([-1.0, 1.0], shape), *sizes)


def _reals(rng, *sizes, dtype="f8"):
    return _inputs(lambda shape: rng.standard_normal(shape).astype(dtype), *sizes)


def _views(rng):
    inputs = _reals(rng, (2, 5, 6, 3), 6, 4, 2, 1)
    return inputs | {"x": np.asfortranarray(inputs["x"]), "W": inputs["W"][::2, ::2], "b": inputs["b"][::-1]}


def _four_volumes(rng, side):
    return _reals(rng, (4, side, side, 64), 3, 16, 1, 1)


def rescaled(rng, x, W, b, stride, pad):
    """Give every weight and bias a factor of its own, and every value of x that of its column and channel."""
    x, W, b = x * rng.uniform(0.5, 2, x.shape[2:]), W * rng.uniform(0.5, 2, W.shape), b * rng.uniform(0.5, 2, len(b))
    return {"x": x, "W": W, "b": b, "stride": stride, "pad": pad}


TOPIC = Topic(
    forward=conv2d,
    backward=conv2d_backward,
    torch=conv2d_torch,
    cases=(
        Case(
            "one channel by hand", lambda rng: _integers(rng, (1, 3, 4, 1), 2, 1, 1, 0), visible=True, compare=Exact()
        ),
        Case("padding by hand", lambda rng: _integers(rng, (1, 2, 3, 1), 3, 1, 1, 1), visible=True, compare=Exact()),
        Case("two images of integers", lambda rng: _integers(rng, (2, 5, 7, 3), 3, 4, 1, 1), compare=Exact()),
        Case("stride 2", lambda rng: _integers(rng, (2, 7, 6, 2), 3, 3, 2, 1), compare=Exact()),
        Case("real numbers", lambda rng: _reals(rng, (3, 9, 6, 3), 4, 5, 2, 2)),
        Case("float32", lambda rng: _reals(rng, (2, 8, 11, 16), 3, 8, 1, 1, dtype="f4")),
        Case("windows that do not overlap", lambda rng: _reals(rng, (2, 9, 7, 3), 2, 4, 3, 0)),
        Case("slices with a step, and columns first in memory", _views),
        Case("one window", lambda rng: _reals(rng, (2, 3, 3, 2), 3, 3, 2, 0), aspect="edge"),
        Case("1x1 filters", lambda rng: _reals(rng, (2, 4, 5, 3), 1, 6, 1, 0), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            flips_the_filter,
            "The filter is turned by 180 degrees, as in the convolution of mathematics. "
            "Layers in deep learning multiply the window by the filter as it stands.",
        ),
        Mistake(
            bias_in_every_product,
            "The bias is counted once per product. It is added once, after the sum over the window.",
        ),
        Mistake(
            stride_ignored,
            "The windows are only one pixel apart although the stride is larger: look at where each window starts.",
        ),
        Mistake(
            pad_ignored,
            "The zeros are not on all four sides of the image: "
            "look at the padding, and at which array the windows come from.",
        ),
        Mistake(width_from_height, "The output's width follows from the input's height. Images need not be square."),
        Mistake(
            last_window_only,
            "dW holds the last window's share alone. Every window of every image uses the filter: add up their shares.",
            gradient=True,
        ),
        Mistake(
            overlaps_overwrite,
            "Where windows overlap, the gradient of a later one replaces that of an earlier one: their shares add up.",
            gradient=True,
        ),
        Mistake(
            crops_minus_pad,
            "dx is empty without padding: a slice that ends at -0 ends at the beginning.",
            gradient=True,
        ),
        Mistake(
            db_averaged,
            "db is a mean. The bias is added to every output of its filter, so its gradient is a sum.",
            gradient=True,
        ),
    ),
    alternates=(loop_over_windows, loop_over_filter_places),
    speed=Speed(_four_volumes, rescaled, (16, 24, 32), "pixels along a side"),
    picture=lambda inputs, expected, actual: heat(inputs["x"], expected, actual),
)
