"""Max pooling: the largest value in each window (notes, section 8)."""

from functools import reduce

import numpy as np

from grader import Case, Equivalent, Exact, Mistake, Speed, Topic
from grader.picture import heat
from grader.shapes import check_shapes

from .conv2d import check_windows, places


def max_pool(x, f, stride):
    """Slide a window over every channel of every image and keep the largest value that it sees.

    x: float array (N, H, W, C), a batch of images or volumes, channels last
    f: integer >= 1, the side of the square window; at most H and at most W
    stride: integer >= 1, the step of the window in both directions; windows overlap when it is less than f
    returns: float array (N, H_out, W_out, C), same dtype as x; H_out = (H - f) // stride + 1, likewise W_out

    Channels are pooled apart, so C stays. There is no padding; a window that would reach over the edge is left out.
    Values may all be negative. Source: notes, section 8, "pooling". Raises ValueError for a window that does not
    fit, and for a stride below 1.
    """
    check_shapes(x=(x, "N H W C"))
    check_windows(x, f, stride)
    return reduce(np.maximum, (x[place] for place in places(x, f, stride).values()))


def max_pool_backward(dout, x, f, stride):
    """Differentiate sum(dout * max_pool(x, f, stride)) with respect to x.

    dout: float array (N, H_out, W_out, C), the gradient arriving from above; the rest are the parameters of max_pool
    returns: dx, float array like x (shape and dtype)

    The largest value of a window gets the window's whole gradient, and the others get none. A value that is the
    largest of several windows gets their sum. Of equal values in a window the first one, row by row, gets it all;
    graded inputs have no such ties.
    """
    out, rest, dx = max_pool(x, f, stride), dout, np.zeros_like(x)
    for place in places(x, f, stride).values():
        share = np.where(x[place] == out, rest, 0)
        dx[place] += share
        rest = rest - share
    return dx


def max_pool_torch(x, f, stride):
    from torch.nn.functional import max_pool2d

    return max_pool2d(x.permute(0, 3, 1, 2), f, stride).permute(0, 2, 3, 1)


def maximum_of_window_view(x, f, stride):
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(1, 2))
    return windows[:, ::stride, ::stride].max(axis=(4, 5))


def window_by_window(x, f, stride):
    n_rows, n_cols = ((n - f) // stride + 1 for n in x.shape[1:3])
    out = np.full((len(x), n_rows, n_cols, x.shape[3]), -np.inf, dtype=x.dtype)
    for n, r, s, c in np.ndindex(out.shape):
        for i, j in np.ndindex(f, f):
            out[n, r, s, c] = max(out[n, r, s, c], x[n, r * stride + i, s * stride + j, c])
    return out


def starts_at_zero(x, f, stride):
    return np.maximum(max_pool(x, f, stride), 0)


def stride_ignored(x, f, stride):
    """Count the windows with the stride, but take them from neighbouring positions."""
    n_rows, n_cols = ((n - f) // stride + 1 for n in x.shape[1:3])
    return max_pool(x, f, 1)[:, :n_rows, :n_cols]


def steps_by_window_side(x, f, stride):
    return max_pool(x, f, f)


def pools_over_channels(x, f, stride):
    return max_pool(x, f, stride).max(axis=3, keepdims=True)


def keeps_partial_windows(x, f, stride):
    extra = [(0, -(n - f) % stride) for n in x.shape[1:3]]
    return max_pool(np.pad(x, ((0, 0), *extra, (0, 0)), constant_values=-np.inf), f, stride)


def overlaps_overwrite(dout, x, f, stride):
    out, dx = max_pool(x, f, stride), np.zeros_like(x)
    for r, s in np.ndindex(dout.shape[1:3]):
        at = np.s_[:, r * stride : r * stride + f, s * stride : s * stride + f]
        dx[at] = (x[at] == out[:, [[r]], [[s]]]) * dout[:, [[r]], [[s]]]
    return dx


def whole_window_gets_it(dout, x, f, stride):
    dx = np.zeros_like(x)
    for place in places(x, f, stride).values():
        dx[place] += dout
    return dx


def gradient_shared_out(dout, x, f, stride):
    return whole_window_gets_it(dout, x, f, stride) / (f * f)


def distinct(rng, shape, dtype="f8"):
    """Draw values of both signs that are at least 0.1 apart: no ties, whatever the dtype."""
    size = np.prod(shape)
    return (0.1 * rng.permutation(np.arange(size) - size // 2) + 0.03).reshape(shape).astype(dtype)


def _images(rng, shape, f, stride, dtype="f8"):
    return {"x": distinct(rng, shape, dtype), "f": f, "stride": stride}


def _by_hand(rng, shape, f, stride):
    return {"x": rng.permutation(np.arange(1.0, 1 + np.prod(shape))).reshape(shape), "f": f, "stride": stride}


def _four_volumes(rng, side):
    return _images(rng, (4, side, side, 16), 9, 2)


def rescaled_values(rng, x, f, stride):
    """Give every value the factors of its row and of its column and channel, the same for all images."""
    factors = rng.uniform(0.5, 2, (x.shape[1], 1, 1)) * rng.uniform(0.5, 2, x.shape[2:])
    return {"x": x * factors, "f": f, "stride": stride}


TOPIC = Topic(
    forward=max_pool,
    backward=max_pool_backward,
    torch=max_pool_torch,
    compare=Exact(),
    cases=(
        Case("six windows", lambda rng: _by_hand(rng, (1, 4, 6, 1), 2, 2), visible=True),
        Case("overlapping windows by hand", lambda rng: _by_hand(rng, (1, 3, 4, 1), 2, 1), visible=True),
        Case(
            "images that are slices with a step",
            lambda rng: {"x": distinct(rng, (3, 16, 12, 4))[:, ::2, ::2], "f": 2, "stride": 2},
        ),
        Case(
            "overlapping windows, columns first in memory",
            lambda rng: {"x": np.asfortranarray(distinct(rng, (2, 9, 7, 3))), "f": 3, "stride": 2},
        ),
        Case("windows with gaps between them, and a rest", lambda rng: _images(rng, (2, 9, 7, 2), 2, 3)),
        Case("all negative", lambda rng: {"x": distinct(rng, (2, 5, 6, 3)) - 10, "f": 2, "stride": 2}),
        Case("float32", lambda rng: _images(rng, (2, 7, 10, 8), 3, 1, "f4")),
        Case("one window", lambda rng: _images(rng, (2, 3, 3, 2), 3, 2), aspect="edge"),
        Case("windows of one pixel", lambda rng: _images(rng, (2, 3, 5, 2), 1, 2), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            starts_at_zero,
            "Windows that hold only negative values give 0: a search for the largest value must not start at 0.",
        ),
        Mistake(
            stride_ignored,
            "The windows are only one pixel apart although the stride is larger: look at where each window starts.",
        ),
        Mistake(
            steps_by_window_side,
            "The windows lie side by side whatever the stride is. The stride may be smaller or larger than f.",
        ),
        Mistake(pools_over_channels, "One value is kept for all channels. Each channel is pooled on its own."),
        Mistake(
            keeps_partial_windows,
            "The output contains windows that reach over the edge. Only windows that lie wholly inside count.",
        ),
        Mistake(
            overlaps_overwrite,
            "Where windows overlap, the gradient of a later one replaces that of an earlier one: their shares add up.",
            gradient=True,
        ),
        Mistake(
            whole_window_gets_it,
            "Every value of a window gets its gradient. Only the largest one moved the output; "
            "a mask made from an array of zeros matches everywhere.",
            gradient=True,
        ),
        Mistake(
            gradient_shared_out,
            "The gradient is shared out evenly, as for average pooling. Only the largest value moved the output.",
            gradient=True,
        ),
    ),
    alternates=(maximum_of_window_view, window_by_window),
    speed=Speed(_four_volumes, rescaled_values, (30, 42, 56), "pixels along a side"),
    equivalents=(Equivalent("rest - share -> rest + share", "only equal maxima tell it, and graded inputs have none"),),
    picture=lambda inputs, expected, actual: heat(inputs["x"], expected, actual),
)
