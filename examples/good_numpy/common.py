"""Helpers that several chapters share."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def as_floats(x):
    """Integers become float64, floating arrays keep their dtype."""
    x = np.asarray(x)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


def pad_images(x, pad):
    """Zeros around height and width only."""
    return np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def patches(x, f, stride):
    """All f x f windows of (N, H, W, C) as a view (N, out_h, out_w, C, f, f)."""
    return sliding_window_view(x, (f, f), axis=(1, 2))[:, ::stride, ::stride]


def box_areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
