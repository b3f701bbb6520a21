"""The convolution of a volume with a bank of filters (notes, section 8)."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from grader import Case, Exact, Mistake, Topic


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
    Source: notes, section 8, "volume convolutions".
    """
    windows = _windows(x, W.shape[0], stride, pad)
    return np.tensordot(windows, W, axes=3) + b


def conv2d_backward(dout, x, W, b, stride, pad):
    """Differentiate sum(dout * conv2d(x, W, b, stride, pad)) with respect to x, W and b.

    dout: float array (N, H_out, W_out, C_out), the gradient arriving from above; the rest are the parameters of conv2d
    returns: (dx, dW, db), each with the shape and dtype of x, W and b

    Windows overlap when stride < f: an input value gets the sum over all windows that contain it. The gradient that
    falls on the padding is dropped.
    """
    f = W.shape[0]
    n_rows, n_cols = dout.shape[1:3]
    dW = np.tensordot(_windows(x, f, stride, pad), dout, axes=([0, 1, 2], [0, 1, 2]))
    dwindows = np.tensordot(dout, W, axes=([3], [3]))
    dpadded = np.zeros_like(_padded(x, pad))
    for i in range(f):
        for j in range(f):
            dpadded[:, i : i + stride * n_rows : stride, j : j + stride * n_cols : stride] += dwindows[:, :, :, i, j]
    dx = dpadded[:, pad : pad + x.shape[1], pad : pad + x.shape[2]]
    return dx, dW, dout.sum(axis=(0, 1, 2))


def _padded(x, pad):
    return np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def _windows(x, f, stride, pad):
    """View every window of the padded input: (N, H_out, W_out, f, f, C_in)."""
    windows = sliding_window_view(_padded(x, pad), (f, f), axis=(1, 2))
    return windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)


def conv2d_torch(x, W, b, stride, pad):
    from torch.nn.functional import conv2d

    images, filters = x.permute(0, 3, 1, 2), W.permute(3, 2, 0, 1).contiguous()
    return conv2d(images, filters, b, stride=stride, padding=pad).permute(0, 2, 3, 1)


def loop_over_windows(x, W, b, stride, pad):
    f, padded = W.shape[0], _padded(x, pad)
    n_rows, n_cols = ((n - f) // stride + 1 for n in padded.shape[1:3])
    out = np.zeros((len(x), n_rows, n_cols, W.shape[3]), dtype=x.dtype)
    for row in range(n_rows):
        for col in range(n_cols):
            top, left = row * stride, col * stride
            window = padded[:, top : top + f, left : left + f, :, None]
            out[:, row, col] = (window * W).sum(axis=(1, 2, 3)) + b
    return out


def loop_over_filter_offsets(x, W, b, stride, pad):
    f, padded = W.shape[0], _padded(x, pad)
    n_rows, n_cols = ((n - f) // stride + 1 for n in padded.shape[1:3])
    out = np.zeros((len(x), n_rows, n_cols, W.shape[3]), dtype=x.dtype) + b
    for i in range(f):
        for j in range(f):
            out += padded[:, i : i + stride * n_rows : stride, j : j + stride * n_cols : stride] @ W[i, j]
    return out


def flips_the_filter(x, W, b, stride, pad):
    return conv2d(x, W[::-1, ::-1], b, stride, pad)


def rows_and_columns_swapped(x, W, b, stride, pad):
    return conv2d(x, W.transpose(1, 0, 2, 3), b, stride, pad)


def bias_in_every_product(x, W, b, stride, pad):
    return conv2d(x, W, b * W[..., 0].size, stride, pad)


def without_bias(x, W, b, stride, pad):
    return conv2d(x, W, np.zeros_like(b), stride, pad)


def stride_ignored(x, W, b, stride, pad):
    """Count the windows with the stride, but take them from neighbouring positions."""
    n_rows, n_cols = ((n + 2 * pad - W.shape[0]) // stride + 1 for n in x.shape[1:3])
    return conv2d(x, W, b, 1, pad)[:, :n_rows, :n_cols]


def pad_ignored(x, W, b, stride, pad):
    """Make the padded shape, but read windows from an input whose zeros all lie at the end."""
    padded = np.pad(x, ((0, 0), (0, 2 * pad), (0, 2 * pad), (0, 0)))
    return conv2d(padded, W, b, stride, 0)


def pads_with_edge_values(x, W, b, stride, pad):
    return conv2d(np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="edge"), W, b, stride, 0)


def width_from_height(x, W, b, stride, pad):
    out = conv2d(x, W, b, stride, pad)
    square = np.zeros((len(x), out.shape[1], out.shape[1], out.shape[3]), dtype=out.dtype)
    n_cols = min(out.shape[1:3])
    square[:, :, :n_cols] = out[:, :, :n_cols]
    return square


def keeps_partial_windows(x, W, b, stride, pad):
    extra = [-(n + 2 * pad - W.shape[0]) % stride for n in x.shape[1:3]]
    return conv2d(np.pad(x, ((0, 0), (pad, pad + extra[0]), (pad, pad + extra[1]), (0, 0))), W, b, stride, 0)


def one_channel_only(x, W, b, stride, pad):
    return conv2d(x[..., :1], W[:, :, :1], b, stride, pad)


def last_window_only(dout, x, W, b, stride, pad):
    dx, _, db = conv2d_backward(dout, x, W, b, stride, pad)
    last = np.zeros_like(dout)
    last[-1, -1, -1] = dout[-1, -1, -1]
    return dx, conv2d_backward(last, x, W, b, stride, pad)[1], db


def overlaps_overwrite(dout, x, W, b, stride, pad):
    _, dW, db = conv2d_backward(dout, x, W, b, stride, pad)
    f, dpadded = W.shape[0], np.zeros_like(_padded(x, pad))
    dwindows = np.tensordot(dout, W, axes=([3], [3]))
    for row in range(dout.shape[1]):
        for col in range(dout.shape[2]):
            top, left = row * stride, col * stride
            dpadded[:, top : top + f, left : left + f] = dwindows[:, row, col]
    return dpadded[:, pad : pad + x.shape[1], pad : pad + x.shape[2]], dW, db


def backward_stride_ignored(dout, x, W, b, stride, pad):
    n_rows, n_cols = ((n + 2 * pad - W.shape[0]) + 1 for n in x.shape[1:3])
    dense = np.zeros((len(x), n_rows, n_cols, dout.shape[3]), dtype=dout.dtype)
    dense[:, : dout.shape[1], : dout.shape[2]] = dout
    return conv2d_backward(dense, x, W, b, 1, pad)


def crops_minus_pad(dout, x, W, b, stride, pad):
    dpadded, dW, db = conv2d_backward(dout, _padded(x, pad), W, b, stride, 0)
    return dpadded[:, pad:-pad, pad:-pad], dW, db


def dx_with_flipped_filter(dout, x, W, b, stride, pad):
    _, dW, db = conv2d_backward(dout, x, W, b, stride, pad)
    return conv2d_backward(dout, x, W[::-1, ::-1], b, stride, pad)[0], dW, db


def db_averaged(dout, x, W, b, stride, pad):
    dx, dW, _ = conv2d_backward(dout, x, W, b, stride, pad)
    return dx, dW, dout.mean(axis=(0, 1, 2))


def db_of_one_image(dout, x, W, b, stride, pad):
    dx, dW, _ = conv2d_backward(dout, x, W, b, stride, pad)
    return dx, dW, dout[-1].sum(axis=(0, 1))


def _integers(rng, x_shape, f, filters, stride, pad):
    """Draw small non-zero integers: every order of summation gives exactly the same result."""
    shapes = {"x": x_shape, "W": (f, f, x_shape[3], filters), "b": (filters,)}
    arrays = {name: rng.integers(1, 6, shape) * rng.choice([-1.0, 1.0], shape) for name, shape in shapes.items()}
    return arrays | {"stride": stride, "pad": pad}


def _reals(rng, x_shape, f, filters, stride, pad, dtype="f8"):
    shapes = {"x": x_shape, "W": (f, f, x_shape[3], filters), "b": (filters,)}
    arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return arrays | {"stride": stride, "pad": pad}


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
        Case("float32", lambda rng: _reals(rng, (2, 8, 11, 16), 3, 8, 1, 1, "f4")),
        Case("windows that do not overlap", lambda rng: _reals(rng, (2, 9, 7, 3), 2, 4, 3, 0)),
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
            rows_and_columns_swapped,
            "Rows and columns of the filter are exchanged: its first axis runs down the image.",
        ),
        Mistake(
            bias_in_every_product,
            "The bias is counted once per product. It is added once, after the sum over the window.",
        ),
        Mistake(without_bias, "Every filter has a bias of its own, and the result does not contain it."),
        Mistake(
            stride_ignored,
            "The windows are only one pixel apart although the stride is larger: look at where each window starts.",
        ),
        Mistake(
            pad_ignored,
            "The zeros are not on all four sides of the image: "
            "look at the padding, and at which array the windows come from.",
        ),
        Mistake(
            pads_with_edge_values, "The border is filled with copies of the edge pixels; the padding here is zeros."
        ),
        Mistake(width_from_height, "The output's width follows from the input's height. Images need not be square."),
        Mistake(
            keeps_partial_windows,
            "The output contains windows that reach over the edge. "
            "Only windows that lie wholly inside the padded input count.",
        ),
        Mistake(one_channel_only, "Only the first input channel is used: each filter sums over all input channels."),
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
            backward_stride_ignored,
            "The backward pass walks with stride 1: each output belongs to the same window as in the forward pass.",
            gradient=True,
        ),
        Mistake(
            crops_minus_pad,
            "dx is empty without padding: a slice that ends at -0 ends at the beginning.",
            gradient=True,
        ),
        Mistake(
            dx_with_flipped_filter,
            "dx uses the filter turned by 180 degrees. "
            "When the shares are spread window by window, the filter stays as it is in the forward pass.",
            gradient=True,
        ),
        Mistake(
            db_averaged,
            "db is a mean. The bias is added to every output of its filter, so its gradient is a sum.",
            gradient=True,
        ),
        Mistake(db_of_one_image, "db covers one image only: sum over the batch too.", gradient=True),
    ),
    alternates=(loop_over_windows, loop_over_filter_offsets),
)
