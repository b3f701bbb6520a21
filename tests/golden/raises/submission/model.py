import numpy as np


class ShapeError(Exception):
    pass


def affine_forward(X, W, b):
    if X.ndim == 2:
        raise ShapeError(f"unexpected input: X is {X.tolist()}")
    return X @ W + b


def affine_backward(dout, X, W, b):
    return dout @ W.T, X.T @ dout, dout.sum(0)


def softmax(z):
    e = np.exp(z - z.max(axis=-1))
    return e / e.sum(axis=-1)


def softmax_backward(dout, z):
    s = sofmax(z)
    return s * (dout - (dout * s).sum(axis=-1, keepdims=True))


def cross_entropy(probs, labels):
    return -np.mean(np.log(probs[np.arange(len(labels)), labels.argmax(axis=1)]))


def cross_entropy_backward(dout, probs, Y):
    d = np.zeros_like(probs)
    rows = np.arange(len(Y))
    d[rows, Y.argmax(axis=1)] = -dout / probs[rows, Y.argmax(axis=1)] / len(Y)
    return d
