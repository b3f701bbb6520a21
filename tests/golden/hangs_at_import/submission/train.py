import numpy as np

LEARNING_RATE = 0.1


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softmax_backward(dout, z):
    s = softmax(z)
    return s * (dout - (dout * s).sum(-1, keepdims=True))


w, step = np.ones(3), 0
while np.abs(w).sum() > 0:
    w = w - LEARNING_RATE * softmax_backward(np.ones(3), w)
    step += 1


def cross_entropy(probs, Y):
    n = probs.shape[0]
    return -np.log(probs[np.arange(n), Y.argmax(1)]).sum() / n
