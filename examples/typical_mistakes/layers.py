import numpy as np


def softmax(z):
    e = np.exp(z)
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_backward(dout, z):
    s = softmax(z)
    return s * (dout - np.sum(dout * s, axis=-1, keepdims=True))


def cross_entropy(probs, Y):
    correct = probs[range(len(probs)), np.argmax(Y, axis=1)]
    return -np.sum(np.log(correct))


def cross_entropy_backward(dout, probs, Y):
    dprobs = np.zeros_like(probs)
    dprobs[Y == 1] = -dout / probs[Y == 1]
    return dprobs


def affine_forward(X, W, b):
    return np.dot(X, W) + b


def affine_backward(dout, X, W, b):
    dX = np.dot(dout, W.T)
    dW = np.dot(X.T, dout)
    db = np.sum(dout, axis=1)
    return dX, dW, db


def dropout(a, keep_prob, rng, training=True):
    if training:
        mask = (rng.random(a.shape) < keep_prob).astype(a.dtype)
        out = a * mask
    else:
        mask = np.ones_like(a)
        out = a
    return out, mask


def batch_norm(x, gamma, beta, eps=1e-5):
    C = x.shape[-1]
    out = np.zeros(x.shape)
    for c in range(C):
        mu = np.mean(x[..., c])
        var = np.var(x[..., c])
        out[..., c] = gamma[c] * (x[..., c] - mu) / np.sqrt(var + eps) + beta[c]
    return out


def batchnorm_backward(dout, x, gamma, beta, eps=1e-5):
    axis = tuple(range(x.ndim - 1))
    mu = np.mean(x, axis=axis)
    var = np.var(x, axis=axis)
    inv = 1.0 / np.sqrt(var + eps)
    xhat = (x - mu) * inv
    dgamma = np.sum(dout * xhat, axis=axis)
    dbeta = np.sum(dout, axis=axis)
    M = x.size // x.shape[-1]
    dx = gamma * inv / M * (M * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def conv2d(x, W, b, stride, pad):
    N, H, Wd, C = x.shape
    f = W.shape[0]
    K = W.shape[3]
    x_pad = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    H_out = (H + 2 * pad - f) // stride + 1
    W_out = (Wd + 2 * pad - f) // stride + 1
    out = np.zeros((N, H_out, W_out, K), dtype=x.dtype)
    for i in range(N):
        for h in range(H_out):
            for w in range(W_out):
                window = x_pad[i, h : h + f, w : w + f, :]
                for k in range(K):
                    out[i, h, w, k] = np.sum(window * W[:, :, :, k]) + b[k]
    return out


def conv2d_backward(dout, x, W, b, stride, pad):
    N, H_out, W_out, K = dout.shape
    f = W.shape[0]
    x_pad = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dx_pad = np.zeros_like(x_pad)
    dW = np.zeros_like(W)
    db = np.sum(dout, axis=(0, 1, 2))
    for i in range(N):
        for h in range(H_out):
            for w in range(W_out):
                hs = h * stride
                ws = w * stride
                window = A_prev_pad[i, hs : hs + f, ws : ws + f, :]
                for k in range(K):
                    dW[:, :, :, k] += window * dout[i, h, w, k]
                    dx_pad[i, hs : hs + f, ws : ws + f, :] += W[:, :, :, k] * dout[i, h, w, k]
    dx = dx_pad[:, pad : pad + x.shape[1], pad : pad + x.shape[2], :]
    return dx, dW, db
