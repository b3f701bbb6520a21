"""Average pooling: the mean of each window (notes, section 8)."""

import numpy as np

from grader import Case, Mistake, Speed, Topic
from grader.picture import heat
from grader.shapes import check_shapes

from .conv2d import check_windows, places
from .max_pool import rescaled_values, whole_window_gets_it


def avg_pool(x, f, stride):
    """Slide a window over every channel of every image and take the mean of what it sees.

    x: float array (N, H, W, C), a batch of images or volumes, channels last
    f: integer >= 1, the side of the square window; at most H and at most W
    stride: integer >= 1, the step of the window in both directions; windows overlap when it is less than f
    returns: float array (N, H_out, W_out, C), same dtype as x; H_out = (H - f) // stride + 1, likewise W_out

    The mean is over the f * f values of a window, for each channel apart, so C stays. There is no padding; a window
    that would reach over the edge is left out. Source: notes, section 8, "pooling". Raises ValueError for a window
    that does not fit, and for a stride below 1.
    """
    check_shapes(x=(x, "N H W C"))
    check_windows(x, f, stride)
    return sum(x[place] for place in places(x, f, stride).values()) / (f * f)


def avg_pool_backward(dout, x, f, stride):
    """Differentiate sum(dout * avg_pool(x, f, stride)) with respect to x.

    dout: float array (N, H_out, W_out, C), the gradient arriving from above; the rest are the parameters of avg_pool
    returns: dx, float array like x (shape and dtype)

    Every value of a window gets the same share of the window's gradient; a value in several windows gets their sum.
    """
    share, dx = dout / (f * f), np.zeros_like(x)
    for place in places(x, f, stride).values():
        dx[place] += share
    return dx


def avg_pool_torch(x, f, stride):
    from torch.nn.functional import avg_pool2d

    return avg_pool2d(x.permute(0, 3, 1, 2), f, stride).permute(0, 2, 3, 1)


def mean_of_window_view(x, f, stride):
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(1, 2))
    return windows[:, ::stride, ::stride].mean(axis=(4, 5))


def window_by_window(x, f, stride):
    n_rows, n_cols = ((n - f) // stride + 1 for n in x.shape[1:3])
    out = np.zeros((len(x), n_rows, n_cols, x.shape[3]), dtype=x.dtype)
    for r, s in np.ndindex(n_rows, n_cols):
        for i, j in np.ndindex(f, f):
            out[:, r, s] += x[:, r * stride + i, s * stride + j] / f**2
    return out


def sum_of_the_window(x, f, stride):
    return avg_pool(x, f, stride) * (f * f)


def divided_by_the_side(x, f, stride):
    return avg_pool(x, f, stride) * f


def stride_ignored(x, f, stride):
    """Count the windows with the stride, but take them from neighbouring positions."""
    n_rows, n_cols = ((n - f) // stride + 1 for n in x.shape[1:3])
    return avg_pool(x, f, 1)[:, :n_rows, :n_cols]


def channels_averaged_too(x, f, stride):
    return avg_pool(x, f, stride).mean(axis=3, keepdims=True)


def keeps_partial_windows(x, f, stride):
    extra = [(0, -(n - f) % stride) for n in x.shape[1:3]]
    return avg_pool(np.pad(x, ((0, 0), *extra, (0, 0))), f, stride)


def share_not_divided(dout, x, f, stride):
    return whole_window_gets_it(dout, x, f, stride)


def share_divided_by_the_side(dout, x, f, stride):
    return whole_window_gets_it(dout, x, f, stride) / f


def overlaps_overwrite(dout, x, f, stride):
    dx = np.zeros_like(x)
    for r, s in np.ndindex(dout.shape[1:3]):
        dx[:, r * stride : r * stride + f, s * stride : s * stride + f] = dout[:, [[r]], [[s]]] / (f * f)
    return dx


def _images(rng, shape, f, stride, dtype="f8"):
    return {"x": rng.standard_normal(shape).astype(dtype), "f": f, "stride": stride}


def _by_hand(rng, shape, f, stride):
    return {"x": rng.integers(-4, 10, shape).astype("f8"), "f": f, "stride": stride}


def _four_volumes(rng, side):
    return _images(rng, (4, side, side, 16), 9, 2)


TOPIC = Topic(
    forward=avg_pool,
    backward=avg_pool_backward,
    torch=avg_pool_torch,
    cases=(
        Case("six windows", lambda rng: _by_hand(rng, (1, 4, 6, 1), 2, 2), visible=True),
        Case("overlapping windows by hand", lambda rng: _by_hand(rng, (1, 3, 4, 1), 2, 1), visible=True),
        Case(
            "images that are slices with a step",
            lambda rng: {"x": rng.standard_normal((3, 16, 12, 4))[:, ::2, ::2], "f": 2, "stride": 2},
        ),
        Case(
            "overlapping windows, columns first in memory",
            lambda rng: {"x": np.asfortranarray(rng.standard_normal((2, 9, 7, 3))), "f": 3, "stride": 2},
        ),
        Case("windows with gaps between them, and a rest", lambda rng: _images(rng, (2, 9, 7, 2), 2, 3)),
        Case("float32", lambda rng: _images(rng, (2, 7, 10, 8), 3, 1, "f4")),
        Case("one window", lambda rng: _images(rng, (2, 3, 3, 2), 3, 2), aspect="edge"),
        Case("windows of one pixel", lambda rng: _images(rng, (2, 3, 5, 2), 1, 2), aspect="edge"),
    ),
    mistakes=(
        Mistake(sum_of_the_window, "These are the sums of the windows; a mean also divides."),
        Mistake(
            divided_by_the_side,
            "The sum is divided by the side of the window. Count how many values a window holds.",
        ),
        Mistake(
            stride_ignored,
            "The windows are only one pixel apart although the stride is larger: look at where each window starts.",
        ),
        Mistake(channels_averaged_too, "The mean runs over the channels too. Each channel is pooled on its own."),
        Mistake(
            keeps_partial_windows,
            "The output contains windows that reach over the edge. Only windows that lie wholly inside count.",
        ),
        Mistake(
            share_not_divided,
            "Every value gets the whole gradient of its window. Moving one value by 1 moves the mean by less.",
            gradient=True,
        ),
        Mistake(
            share_divided_by_the_side,
            "The shares are too large: they are divided by the side of the window, not by its number of values.",
            gradient=True,
        ),
        Mistake(
            overlaps_overwrite,
            "Where windows overlap, the gradient of a later one replaces that of an earlier one: their shares add up.",
            gradient=True,
        ),
    ),
    alternates=(mean_of_window_view, window_by_window),
    speed=Speed(_four_volumes, rescaled_values, (30, 42, 56), "pixels along a side"),
    picture=lambda inputs, expected, actual: heat(inputs["x"], expected, actual),
)
