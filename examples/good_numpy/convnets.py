from functools import reduce

import numpy as np

from batch_norm import batch_norm
from common import as_floats, pad_images, patches, window_slices


# ---- pieces ----


def relu(x):
    return np.maximum(as_floats(x), 0)


def relu_backward(dout, x):
    return np.where(x > 0, dout, 0)


def zero_pad(x, pad):
    return pad_images(x, pad)


def conv_single_step(window, W, b):
    return np.vdot(window, W) + b


# ---- convolution ----


def conv2d(x, W, b, stride, pad):
    windows = patches(pad_images(x, pad), W.shape[0], stride)
    # windows (N, h, w, C, f, f) with W (f, f, C, K)
    return np.tensordot(windows, W, axes=((4, 5, 3), (0, 1, 2))) + b


def conv2d_backward(dout, x, W, b, stride, pad):
    f = W.shape[0]
    padded = pad_images(x, pad)
    height, width = padded.shape[1:3]
    windows = patches(padded, f, stride)
    dW = np.tensordot(windows, dout, axes=((0, 1, 2), (0, 1, 2))).transpose(1, 2, 0, 3)
    db = dout.sum(axis=(0, 1, 2))
    dpadded = np.zeros_like(padded)
    filters = W.reshape(f * f, *W.shape[2:])
    for weights, where in zip(filters, window_slices(height, width, f, stride)):
        dpadded[where] += dout @ weights.T
    return dpadded[:, pad : height - pad, pad : width - pad], dW, db


# ---- pooling ----


def max_pool(x, f, stride):
    x = as_floats(x)
    return reduce(np.maximum, (x[where] for where in window_slices(*x.shape[1:3], f, stride))).copy()


def max_pool_backward(dout, x, f, stride):
    best = max_pool(x, f, stride)
    dx = np.zeros_like(x)
    for where in window_slices(*x.shape[1:3], f, stride):
        dx[where] += dout * (x[where] == best)
    return dx


def avg_pool(x, f, stride):
    x = as_floats(x)
    return sum(x[where] for where in window_slices(*x.shape[1:3], f, stride)) / f**2


def avg_pool_backward(dout, x, f, stride):
    dx = np.zeros_like(x)
    share = dout / f**2
    for where in window_slices(*x.shape[1:3], f, stride):
        dx[where] += share
    return dx


# ---- residual blocks ----


def _conv_norm(x, params, which, stride=1):
    W, b, gamma, beta = (params[name + which] for name in ("W", "b", "gamma", "beta"))
    return batch_norm(conv2d(x, W, b, stride, (W.shape[0] - 1) // 2), gamma, beta)


def _main_path(x, params, stride):
    a = relu(_conv_norm(x, params, "1", stride))
    a = relu(_conv_norm(a, params, "2"))
    return _conv_norm(a, params, "3")


def identity_block(x, params):
    return relu(_main_path(x, params, 1) + x)


def convolutional_block(x, params, stride):
    return relu(_main_path(x, params, stride) + _conv_norm(x, params, "s", stride))
