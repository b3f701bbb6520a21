import sys

import numpy as np


def softmax(z):
    print("debug " * 180_000)
    sys.stderr.write("z = ...\n" * 20_000)
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_backward(dout, z):
    s = softmax(z)
    return dout * s - s * np.sum(dout * s, axis=-1, keepdims=True)
