"""A border of zeros around images (notes, section 8)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.picture import heat
from grader.shapes import check_shapes


def zero_pad(x, pad):
    """Put a border of zeros around every image of a batch, so that filters can look over the edge.

    x: float array (N, H, W, C), a batch of images or volumes, channels last
    pad: integer >= 0, rows and columns of zeros added on each of the four sides; 0 adds nothing
    returns: float array (N, H + 2*pad, W + 2*pad, C), same dtype as x

    Only the two spatial axes grow: no images and no channels are added.
    Source: notes, section 8. Raises ValueError for another number of axes, and for a negative pad.
    """
    _check(x, pad)
    return np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def _check(x, pad):
    check_shapes(x=(x, "N H W C"))
    if pad < 0:
        raise ValueError(f"pad is {pad}; it must be 0 or more")


def zero_pad_torch(x, pad):
    from torch.nn.functional import pad as pad_last_axes_first

    _check(x, pad)  # torch would crop
    return pad_last_axes_first(x, (0, 0, pad, pad, pad, pad))


def copies_into_zeros(x, pad):
    n_images, height, width, channels = x.shape
    out = np.zeros((n_images, height + 2 * pad, width + 2 * pad, channels), dtype=x.dtype)
    out[:, pad : pad + height, pad : pad + width] = x
    return out


def borders_joined_on(x, pad):
    for axis in (1, 2):
        border = np.zeros_like(x).take([0] * pad, axis=axis)
        x = np.concatenate([border, x, border], axis=axis)
    return x


def pads_every_axis(x, pad):
    return np.pad(x, pad)


def pads_images_and_rows(x, pad):
    return np.pad(x, ((pad, pad), (pad, pad), (0, 0), (0, 0)))


def pads_columns_and_channels(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def zeros_at_the_end(x, pad):
    return np.pad(x, ((0, 0), (0, 2 * pad), (0, 2 * pad), (0, 0)))


def pad_shared_by_both_sides(x, pad):
    sides = (pad // 2, pad - pad // 2)
    return np.pad(x, ((0, 0), sides, sides, (0, 0)))


def copies_the_edge(x, pad):
    return np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="edge")


def _images(rng, shape, pad, dtype="f8"):
    return {"x": rng.uniform(0.1, 1, shape).astype(dtype), "pad": pad}


def _by_hand(rng, shape, pad):
    return {"x": rng.integers(1, 10, shape).astype("f8"), "pad": pad}


TOPIC = Topic(
    forward=zero_pad,
    torch=zero_pad_torch,
    compare=Exact(),
    cases=(
        Case("a border of one", lambda rng: _by_hand(rng, (1, 2, 3, 1), 1), visible=True),
        Case("two images of two channels", lambda rng: _by_hand(rng, (2, 1, 2, 2), 2), visible=True),
        Case("images", lambda rng: _images(rng, (3, 5, 4, 2), 3)),
        Case("float32", lambda rng: _images(rng, (2, 4, 6, 3), 1, "f4")),
        Case(
            "columns first in memory", lambda rng: {"x": np.asfortranarray(rng.standard_normal((2, 3, 4, 3))), "pad": 2}
        ),
        Case("a slice with a step", lambda rng: {"x": rng.standard_normal((2, 6, 8, 3))[:, ::2, ::2], "pad": 1}),
        Case("pad 0", lambda rng: _images(rng, (2, 3, 4, 2), 0), aspect="edge"),
        Case("one pixel", lambda rng: _images(rng, (1, 1, 1, 1), 2), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            pads_every_axis,
            "All four axes have grown. One pad for each axis can be given, and images and channels need none.",
        ),
        Mistake(
            pads_images_and_rows,
            "The batch has grown, and the width has not: the first axis counts images, and channels come last.",
        ),
        Mistake(
            pads_columns_and_channels,
            "There are more channels than before, and no more rows: channels come last here, not first.",
        ),
        Mistake(zeros_at_the_end, "All zeros lie below and to the right: half of them belong above and to the left."),
        Mistake(pad_shared_by_both_sides, "pad counts the zeros on each side, not those on both sides together."),
        Mistake(copies_the_edge, "The border repeats the pixels next to it; it is to hold zeros."),
    ),
    alternates=(copies_into_zeros, borders_joined_on),
    picture=lambda inputs, expected, actual: heat(inputs["x"], expected, actual),
)
