import numpy as np


def _ratio(a, b):
    return float(a / b) if b else 0.0


def precision_recall_f1(y_true, y_pred):
    # rows: what it is, columns: what was said
    table = np.bincount(2 * np.ravel(y_true) + np.ravel(y_pred), minlength=4).reshape(2, 2)
    hits, called, real = table[1, 1], table[:, 1].sum(), table[1].sum()
    return _ratio(hits, called), _ratio(hits, real), _ratio(2 * hits, called + real)


def train_dev_test_split(X, y, fractions, rng):
    n = len(X)
    cuts = np.rint(np.cumsum(fractions)[:2] * n).astype(int)
    return tuple((X[rows], y[rows]) for rows in np.split(rng.permutation(n), cuts))


def bias_variance(train_error, dev_error, target_error):
    avoidable_bias = train_error - target_error
    variance = dev_error - train_error
    focus = "variance" if variance > avoidable_bias else "bias"
    return avoidable_bias, variance, focus
