"""Helpers that several chapters share."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def as_floats(x):
    """Integers become float64, floating arrays keep their dtype."""
    x = np.asarray(x)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


def all_but_last(x):
    """The axes over which a feature is spread."""
    return tuple(range(x.ndim - 1))


def pad_images(x, pad):
    """Zeros around height and width only."""
    n, h, w, c = x.shape
    framed = np.zeros((n, h + 2 * pad, w + 2 * pad, c), dtype=x.dtype)
    framed[:, pad : pad + h, pad : pad + w] = x
    return framed


def patches(x, f, stride):
    """All f x f windows of (N, H, W, C) as a view (N, out_h, out_w, C, f, f)."""
    return sliding_window_view(x, (f, f), axis=(1, 2))[:, ::stride, ::stride]


def window_slices(height, width, f, stride):
    """For each place inside the window: the slices that pick this place out of every window."""
    out_h = (height - f) // stride + 1
    out_w = (width - f) // stride + 1
    for i in range(f):
        for j in range(f):
            rows = slice(i, i + stride * (out_h - 1) + 1, stride)
            cols = slice(j, j + stride * (out_w - 1) + 1, stride)
            yield (slice(None), rows, cols)


def box_areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
