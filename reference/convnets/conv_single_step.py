"""One step of a convolution: one filter on one window (notes, section 8)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.shapes import check_shapes


def conv_single_step(window, W, b):
    """Apply one filter to one window of the input: multiply, add up, add the bias.

    window: float array (f, f, C), the part of the image under the filter, all channels
    W: float array (f, f, C), the filter; same dtype as window
    b: number, or array with no axes: the filter's bias
    returns: number: the sum of window * W over rows, columns and channels, and b added once

    This is a cross-correlation, as in every framework: the filter is not flipped.
    Source: notes, section 8 (a filter covers the whole volume). Raises ValueError for shapes that do not fit.
    """
    check_shapes(window=(window, "f f C"), W=(W, "f f C"), b=(b, ""))
    return (window * W).sum() + b


def conv_single_step_torch(window, W, b):
    check_shapes(window=(window, "f f C"), W=(W, "f f C"), b=(b, ""))
    return (window * W).sum() + b


def dot_of_two_vectors(window, W, b):
    return np.dot(window.ravel(), W.ravel()) + b


def channel_by_channel(window, W, b):
    total = b
    for c in range(W.shape[-1]):
        total = total + np.tensordot(window[..., c], W[..., c])
    return total


def loop_over_all(window, W, b):
    return sum(window[at] * W[at] for at in np.ndindex(W.shape)) + b


def bias_in_every_product(window, W, b):
    return (window * W + b).sum()


def without_bias(window, W, b):
    return (window * W).sum()


def flips_the_filter(window, W, b):
    return (window * W[::-1, ::-1]).sum() + b


def rows_and_columns_swapped(window, W, b):
    return (window * W.transpose(1, 0, 2)).sum() + b


def one_number_per_channel(window, W, b):
    return (window * W).sum(axis=(0, 1)) + b


def one_channel_only(window, W, b):
    return (window[..., 0] * W[..., 0]).sum() + b


def _integers(rng, f, channels):
    """Draw small non-zero integers: every order of summation gives exactly the same result."""
    window, W = rng.integers(1, 6, (2, f, f, channels)) * rng.choice([-1.0, 1.0], (2, f, f, channels))
    return {"window": window, "W": W, "b": float(rng.integers(1, 6))}


def _reals(rng, f, channels, dtype="f8"):
    window, W = rng.standard_normal((2, f, f, channels)).astype(dtype)
    return {"window": window, "W": W, "b": np.array(rng.uniform(0.5, 2), dtype)}


def _views(rng):
    image, W = rng.standard_normal((6, 8, 2)), np.asfortranarray(rng.standard_normal((3, 3, 2)))
    return {"window": image[::2, 1:7:2], "W": W, "b": 0.5}


TOPIC = Topic(
    forward=conv_single_step,
    torch=conv_single_step_torch,
    cases=(
        Case("four products", lambda rng: _integers(rng, 2, 1), visible=True, compare=Exact()),
        Case("two channels", lambda rng: _integers(rng, 2, 2), visible=True, compare=Exact()),
        Case("integers", lambda rng: _integers(rng, 3, 3), compare=Exact()),
        Case("real numbers", lambda rng: _reals(rng, 5, 4)),
        Case("float32", lambda rng: _reals(rng, 3, 64, "f4")),
        Case("a slice with a step, and a filter with columns first in memory", _views),
        Case("one number", lambda rng: _reals(rng, 1, 1), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            bias_in_every_product,
            "The bias is counted once per product: it enters before the sum over the window instead of after it.",
        ),
        Mistake(without_bias, "The result is the bare sum of products: the bias is missing."),
        Mistake(
            flips_the_filter,
            "The filter is turned by 180 degrees, as in the convolution of mathematics. "
            "Layers in deep learning multiply the window by the filter as it stands.",
        ),
        Mistake(
            rows_and_columns_swapped,
            "Rows and columns of the filter are exchanged: it lies on the window without being turned or mirrored.",
        ),
        Mistake(one_number_per_channel, "There is a number for each channel. A filter adds up over channels too."),
        Mistake(one_channel_only, "Only the first channel counts: the filter covers all of them."),
    ),
    alternates=(dot_of_two_vectors, channel_by_channel, loop_over_all),
)
