import numpy as np

from common import as_floats, pad_images, patches


# ---- softmax classifier ----


def affine_forward(X, W, b):
    return X @ W + b


def affine_backward(dout, X, W, b):
    dX = dout @ W.T
    dW = X.T @ dout
    db = dout.sum(axis=0)
    return dX, dW, db


def softmax(z):
    z = as_floats(z)
    # the largest exponent of every row becomes 0, so nothing can overflow
    exps = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return exps / np.sum(exps, axis=-1, keepdims=True)


def softmax_backward(dout, z):
    p = softmax(z)
    inner = np.sum(dout * p, axis=-1, keepdims=True)
    return p * (dout - inner)


def cross_entropy(probs, Y):
    right_class = probs[np.arange(len(probs)), Y.argmax(axis=1)]
    return -np.log(right_class).mean()


def cross_entropy_backward(dout, probs, Y):
    n = len(probs)
    rows, cols = np.arange(n), Y.argmax(axis=1)
    dprobs = np.zeros_like(probs)
    dprobs[rows, cols] = -dout / (n * probs[rows, cols])
    return dprobs


# ---- optimizers and regularization ----


def adam_step(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    w_new = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    # lr, beta1, ... may be float64 scalars, the parameters stay what they were
    return w_new.astype(w.dtype), m.astype(w.dtype), v.astype(w.dtype)


def dropout(a, keep_prob, rng, training=True):
    if not training:
        return a.copy(), np.ones(a.shape, dtype=bool)
    mask = rng.random(a.shape) < keep_prob
    return (a * mask / keep_prob).astype(a.dtype), mask


# ---- batch norm ----


def _normalized(x, eps):
    axes = tuple(range(x.ndim - 1))
    centered = x - x.mean(axis=axes)
    inv_std = 1 / np.sqrt((centered**2).mean(axis=axes) + eps)
    return centered * inv_std, inv_std, axes


def batch_norm(x, gamma, beta, eps=1e-5):
    x_hat, _, _ = _normalized(x, eps)
    return (gamma * x_hat + beta).astype(x.dtype)


def batch_norm_backward(dout, x, gamma, beta, eps=1e-5):
    x_hat, inv_std, axes = _normalized(x, eps)
    dbeta = dout.sum(axis=axes)
    dgamma = (dout * x_hat).sum(axis=axes)
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=axes) - x_hat * (dx_hat * x_hat).mean(axis=axes))
    return dx.astype(x.dtype), dgamma, dbeta


# ---- convolution ----


def conv2d(x, W, b, stride, pad):
    windows = patches(pad_images(x, pad), W.shape[0], stride)
    # windows (N, h, w, C, f, f) with W (f, f, C, K)
    return np.tensordot(windows, W, axes=((4, 5, 3), (0, 1, 2))) + b


def conv2d_backward(dout, x, W, b, stride, pad):
    f = W.shape[0]
    _, h, w, _ = dout.shape
    padded = pad_images(x, pad)
    windows = patches(padded, f, stride)
    dW = np.tensordot(windows, dout, axes=((0, 1, 2), (0, 1, 2))).transpose(1, 2, 0, 3)
    db = dout.sum(axis=(0, 1, 2))
    dpadded = np.zeros_like(padded)
    for i in range(f):
        for j in range(f):
            dpadded[:, i : i + stride * h : stride, j : j + stride * w : stride] += dout @ W[i, j].T
    H, width = x.shape[1], x.shape[2]
    return dpadded[:, pad : pad + H, pad : pad + width], dW, db
