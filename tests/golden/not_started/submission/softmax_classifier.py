import numpy as np


def affine_forward(X, W, b):
    """Return the scores of a linear layer."""
    raise NotImplementedError


def affine_backward(dout, X, W, b):
    """Return (dX, dW, db)."""
    raise NotImplementedError


def softmax(z):
    """Turn each row of logits into probabilities."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dout, z):
    """Return dz."""
    raise NotImplementedError("not yet")


def cross_entropy(probs, Y):
    """Return the mean cross-entropy."""
    # not yet
    pass


def cross_entropy_backward(dout, probs, Y):
    """Return dprobs."""
    ...
