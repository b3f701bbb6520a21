import numpy as np

from common import as_floats


# ---- inputs ----


def normalize_fit(X):
    X = as_floats(X)
    mu = X.mean(axis=0)
    sigma = np.sqrt(np.square(X - mu).mean(axis=0))
    sigma[X.max(axis=0) == X.min(axis=0)] = 1
    return mu, sigma


def normalize_apply(X, mu, sigma):
    return (X - mu) / sigma


def one_hot(y, num_classes):
    return np.equal.outer(np.asarray(y), np.arange(num_classes)).astype(np.float64)


def mini_batches(X, y, batch_size, rng):
    n = len(X)
    order = rng.permutation(n)
    pieces = np.split(order, range(batch_size, n, batch_size))
    return [(X[rows], y[rows]) for rows in pieces]


# ---- scores, probabilities, losses ----


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


def softmax_cross_entropy(logits, y):
    logits = as_floats(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    right = np.take_along_axis(shifted, np.asarray(y)[:, None], axis=1)[:, 0]
    # log p = z_right - log sum exp z: the small probability itself is never formed
    return np.mean(np.log(np.exp(shifted).sum(axis=1)) - right)


def softmax_cross_entropy_backward(dout, logits, y):
    n = len(logits)
    dlogits = softmax(logits)
    dlogits[np.arange(n), y] -= 1
    dlogits *= dout / n
    return dlogits


def softmax_regression(X, y, W, b):
    return softmax_cross_entropy(affine_forward(X, W, b), y)


def softmax_regression_backward(dout, X, y, W, b):
    dscores = softmax_cross_entropy_backward(dout, affine_forward(X, W, b), y)
    return affine_backward(dscores, X, W, b)[1:]


# ---- training ----


def sgd_step(w, dw, lr):
    return w - float(lr) * dw


def momentum_step(w, dw, velocity, lr, beta=0.9):
    velocity = dw + float(beta) * velocity
    return sgd_step(w, velocity, lr), velocity


def decay_learning_rate(lr0, epoch, decay_rate):
    return lr0 / (1 + decay_rate * epoch)


def init_gaussian(n_in, n_out, std, rng):
    return std * rng.standard_normal((n_in, n_out))


def train_softmax_classifier(X, y, num_classes, lr, epochs, batch_size, rng):
    X = as_floats(X)
    W = init_gaussian(X.shape[1], num_classes, 0.01, rng).astype(X.dtype)
    b = np.zeros(num_classes, dtype=X.dtype)
    for _ in range(epochs):
        for Xb, yb in mini_batches(X, y, batch_size, rng):
            dW, db = softmax_regression_backward(1.0, Xb, yb, W, b)
            W, b = sgd_step(W, dW, lr), sgd_step(b, db, lr)
    return W, b
