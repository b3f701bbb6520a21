import numpy as np


def softmax(z):
    e = np.exp(z - np.max(z, axis=-1, keepdims=True)
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_backward(dout, z):
    s = softmax(z)
    return s * (dout - np.sum(dout * s, axis=-1, keepdims=True))
