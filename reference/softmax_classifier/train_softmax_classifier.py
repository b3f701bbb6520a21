"""Training a softmax classifier by stochastic gradient descent (notes, section 1), judged by what it reaches."""

import functools

import numpy as np

from grader import Case, Equivalent, Mistake, Properties, Topic
from grader.picture import curves
from grader.shapes import check_shapes

# How far the training loss, in nats, and the held-out accuracy may be from those of descent without chance. In 3,000
# runs of each case none came to a third of the one or to half of the other, and the tails fall off exponentially: a
# correct function fails a case with a chance below 1e-6.
EXCESS, SHORTFALL = 0.04, 0.1


def train_softmax_classifier(X, y, num_classes, lr, epochs, batch_size, rng):
    """Train a linear classifier with softmax and cross-entropy by stochastic gradient descent on mini-batches.

    X: float array (N, D), one example per row; scores may exceed 1000 on the way
    y: int array (N,), labels 0 ... num_classes - 1
    num_classes: int K >= 2; a class may have no examples
    lr: number > 0, the learning rate, the same for all steps
    epochs: int >= 1, how many times to go through all examples
    batch_size: int >= 1, the number of examples per step; the last batch of an epoch holds the rest
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: (W, b), arrays (D, K) and (K,) with the dtype of X, the weights after the last step

    Start from W and b that are zero or close to it. In every epoch shuffle the examples anew, and for every batch
    make one step W - lr * dW and b - lr * db, where dW and db are the gradients of the batch's mean loss. Nothing is
    added to plain descent: no momentum, no decay, no regularization. Raises ValueError where X and y do not fit
    together, for a label outside 0 ... num_classes - 1 (in torch labels are not looked at), and for an lr, epochs or
    batch_size that is not positive.
    Source: notes, section 1.
    """
    _check(X, y, lr, epochs, batch_size)
    if y.min() < 0 or y.max() >= num_classes:
        raise ValueError(f"labels must lie between 0 and {num_classes - 1}, not between {y.min()} and {y.max()}")
    W, b = np.zeros((X.shape[1], num_classes), X.dtype), np.zeros(num_classes, X.dtype)
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            dscores = _probabilities(X[rows] @ W + b)
            dscores[np.arange(len(rows)), y[rows]] -= 1
            W -= lr * (X[rows].T @ dscores) / len(rows)
            b -= lr * dscores.mean(axis=0)
    return W, b


def train_softmax_classifier_torch(X, y, num_classes, lr, epochs, batch_size, rng):
    import torch

    _check(X, y, lr, epochs, batch_size)
    Y = torch.nn.functional.one_hot(y.long(), num_classes).to(X.dtype)
    W, b = X.new_zeros(X.shape[1], num_classes), X.new_zeros(num_classes)
    for _ in range(epochs):
        order = torch.randperm(len(X), generator=rng, device=rng.device).to(X.device)
        for rows in order.split(batch_size):
            dscores = torch.softmax(X[rows] @ W + b, dim=1) - Y[rows]
            W = W - lr * X[rows].T @ dscores / len(rows)
            b = b - lr * dscores.mean(dim=0)
    return W, b


def _check(X, y, lr, epochs, batch_size):
    check_shapes(X=(X, "N D"), y=(y, "N"))
    if not lr > 0 or epochs < 1 or batch_size < 1:
        raise ValueError(f"lr {lr}, epochs {epochs} and batch_size {batch_size} must be positive")


def _probabilities(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def judge(inputs, outputs):
    """Compare loss and held-out accuracy with those of descent without chance, which is run once per case."""
    X, y, num_classes, batch_size = (inputs[name] for name in ("X", "y", "num_classes", "batch_size"))
    for output in outputs:
        if problem := _broken_shape(output, X, num_classes):
            return problem
    flat = np.array([np.concatenate([W.ravel(), b]) for W, b in outputs], dtype=np.float64)
    if np.abs(flat[1] - flat[0]).max() > 1e-4 * np.abs(flat[0]).max():
        return "Two calls with the generator in the same state gave different weights: all chance must come from rng."
    if batch_size < len(X) and (flat[2] == flat[1]).all():
        return "Generators in different states gave the same weights: shuffle the examples by rng in every epoch."
    lowest, held_out, accuracy = yardstick(**inputs)
    for W, b in outputs:
        loss = _loss(X, y, W.astype("f8"), b.astype("f8"))
        if loss > np.log(num_classes):
            return "After training the loss is higher than that of a blind guess: is every step downhill?"
        if loss > lowest + EXCESS:
            note = " b is still 0: it is trained like W." if not b.any() else ""
            return f"The training loss is clearly above what these steps reach when each one is right.{note}"
        if held_out and _accuracy(*held_out, W, b) < accuracy - SHORTFALL:
            return "On new examples of the same kind too few classes are right."
    return None


def _broken_shape(output, X, num_classes):
    if not isinstance(output, tuple | list) or len(output) != 2:
        return "Return two arrays, W and b, in this order."
    for name, array, shape in zip(("W", "b"), output, ((X.shape[1], num_classes), (num_classes,)), strict=True):
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            return f"{name} must be an array of floating-point numbers."
        if array.shape != shape:
            return f"{name} has the wrong shape: ({'D, K' if name == 'W' else 'K,'}) is asked for."
        if array.dtype != X.dtype:
            return f"{name} must keep the dtype of X."
        if not (np.abs(array.astype("f8")) < 1e9).all():
            return f"{name} has grown beyond all bounds: is every step downhill, and no larger than lr says?"
    return None


def yardstick(X, y, num_classes, lr, epochs, batch_size):
    """Return what judge compares with, from the cache where the case has been seen before."""
    steps = epochs * -(-len(X) // batch_size)
    return _yardstick(X.astype("f8").tobytes(), X.shape, tuple(y.tolist()), num_classes, lr, steps)


@functools.lru_cache(maxsize=64)
def _yardstick(data, shape, labels, num_classes, lr, steps):
    """Return the loss after as many steps with the whole training set as batch, held-out examples, the accuracy there.

    The loss is convex, and those steps, free of chance, come close to its minimum. Tiny sets have no model behind them.
    """
    X, y = np.frombuffer(data).reshape(shape), np.array(labels)
    W, b = train_softmax_classifier(X, y, num_classes, lr, steps, len(X), np.random.default_rng(0))
    if len(X) < 100:
        return _loss(X, y, W, b), None, 0.0
    rng = np.random.default_rng(0)
    new = rng.standard_normal((2000, shape[1]))
    held_out = new, _labels(rng, new, *_model(X, num_classes, absent=np.bincount(y, minlength=num_classes) == 0))
    return _loss(X, y, W, b), held_out, _accuracy(*held_out, W, b)


def _loss(X, y, W, b):
    scores = X @ W + b
    top = scores.max(axis=1)
    return (np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top - scores[np.arange(len(y)), y]).mean()


def _accuracy(X, y, W, b):
    return ((X @ W + b).argmax(axis=1) == y).mean()


def _model(X, num_classes, absent):
    """Return the weights that made the labels. They follow from X, so that the judge knows them too."""
    rng = np.random.default_rng(int(np.float64(X.min()).view("u8")))
    W = rng.standard_normal((X.shape[1], num_classes))
    b = rng.permutation(np.linspace(-1, 1, num_classes))
    return 1.5 * W / np.linalg.norm(W, axis=0), np.where(absent, -np.inf, b)


def _labels(rng, X, W, b):
    """Draw labels with the probabilities softmax(X @ W + b), by the Gumbel trick."""
    scores = X @ W + b
    return (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)


def bias_as_weight(X, y, num_classes, lr, epochs, batch_size, rng):
    A, Y = np.column_stack([X, np.ones_like(X[:, 0])]), np.eye(num_classes, dtype=X.dtype)[y]
    V = np.zeros((A.shape[1], num_classes), X.dtype)
    for _ in range(epochs):
        rows = rng.permutation(len(A))
        for batch in np.split(rows, range(batch_size, len(A), batch_size)):
            V = V - lr * A[batch].T @ (_probabilities(A[batch] @ V) - Y[batch]) / len(batch)
    return V[:-1], V[-1]


def small_random_start(X, y, num_classes, lr, epochs, batch_size, rng):
    W = (0.01 * rng.standard_normal((X.shape[1], num_classes))).astype(X.dtype)
    b = np.zeros(num_classes, X.dtype)
    indices = np.arange(len(X))
    for _ in range(epochs):
        rng.shuffle(indices)
        for start in range(0, len(X), batch_size):
            Xb, yb = X[indices[start : start + batch_size]], y[indices[start : start + batch_size]]
            scores = Xb @ W + b
            log_probs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
            dscores = (np.exp(log_probs) - np.eye(num_classes, dtype=X.dtype)[yb]) / len(yb)
            W, b = W - lr * Xb.T @ dscores, b - lr * dscores.sum(axis=0)
    return W, b


def _descent(X, y, num_classes, lr, epochs, batch_size, rng, shuffle=True, pairs=True, mean=True, bias=1, steps=None):
    """Descend with slips: stored order, X shuffled alone, a summed gradient, no bias, only so many steps per epoch."""
    W, b = np.zeros((X.shape[1], num_classes), X.dtype), np.zeros(num_classes, X.dtype)
    for _ in range(epochs):
        order = rng.permutation(len(X)) if shuffle else np.arange(len(X))
        for start in range(0, len(X), batch_size)[:steps]:
            rows = order[start : start + batch_size]
            labels = y[rows] if pairs else y[start : start + batch_size]
            dscores = _probabilities(X[rows] @ W + b)
            dscores[np.arange(len(rows)), labels] -= 1
            step = lr / len(rows) if mean else lr
            W, b = W - step * X[rows].T @ dscores, b - bias * step * dscores.sum(axis=0)
    return W, b


def labels_not_shuffled(X, y, num_classes, lr, epochs, batch_size, rng):
    return _descent(X, y, num_classes, lr, epochs, batch_size, rng, pairs=False)


def never_shuffled(X, y, num_classes, lr, epochs, batch_size, rng):
    return _descent(X, y, num_classes, lr, epochs, batch_size, rng, shuffle=False)


def no_bias(X, y, num_classes, lr, epochs, batch_size, rng):
    return _descent(X, y, num_classes, lr, epochs, batch_size, rng, bias=0)


def uphill(X, y, num_classes, lr, epochs, batch_size, rng):
    return _descent(X, y, num_classes, -lr, epochs, batch_size, rng)


def summed_gradient(X, y, num_classes, lr, epochs, batch_size, rng):
    return _descent(X, y, num_classes, lr, epochs, batch_size, rng, mean=False)


def first_batch_only(X, y, num_classes, lr, epochs, batch_size, rng):
    return _descent(X, y, num_classes, lr, epochs, batch_size, rng, steps=1)


def one_epoch(X, y, num_classes, lr, epochs, batch_size, rng):
    return _descent(X, y, num_classes, lr, 1, batch_size, rng)


def classes_counted_from_labels(X, y, num_classes, lr, epochs, batch_size, rng):
    return _descent(X, y, int(y.max()) + 1, lr, epochs, batch_size, rng)


def _examples(rng, X, num_classes, lr, epochs, batch_size, present=None):
    """Draw labels for X from its model, of the first `present` classes only."""
    y = _labels(rng, X, *_model(X, num_classes, np.arange(num_classes) >= (present or num_classes)))
    return {"X": X, "y": y, "num_classes": num_classes, "lr": lr, "epochs": epochs, "batch_size": batch_size}


def _on_a_line(rng):
    X, y = np.array([-3.0, -2, -1, -0.5, 0.5, 1, 2, 3]), np.array([0, 0, 0, 1, 0, 1, 1, 1])
    order = rng.permutation(8)
    return {"X": X[order, None], "y": y[order], "num_classes": 2, "lr": 0.1, "epochs": 150, "batch_size": 3}


def _sorted_by_class(rng):
    inputs = _examples(rng, rng.standard_normal((192, 3)), 4, 0.2, 30, 12)
    order = np.argsort(inputs["y"], kind="stable")
    return inputs | {"X": inputs["X"][order], "y": inputs["y"][order]}


def _stored_by_columns(rng):
    return _examples(rng, np.asfortranarray(rng.standard_normal((160, 4)).astype("f4")), 3, 0.25, 30, 10)


def _far_apart(rng):
    """Draw three classes so far apart that a first step makes scores of more than 1000."""
    angles = rng.uniform(0, 7) + np.array([0, 2, 4]) * np.pi / 3
    y = rng.permutation(np.arange(60) % 3)
    X = 60 * np.stack([np.cos(angles), np.sin(angles)], axis=1)[y] + rng.standard_normal((60, 2))
    return {"X": X, "y": y, "num_classes": 3, "lr": 1.0, "epochs": 20, "batch_size": 8}


def _one_example(rng):
    X = rng.uniform(1, 2, (1, 2))
    return {"X": X, "y": np.array([1]), "num_classes": 2, "lr": 1.0, "epochs": 100, "batch_size": 4}


def _curves(inputs, expected, outputs):
    """Show the loss of a right run, epoch by epoch, and where the student's weights end."""
    X, y, epochs, blind = inputs["X"], inputs["y"], inputs["epochs"], np.log(inputs["num_classes"])
    right = [(0, blind)]
    for n in np.unique(np.geomspace(1, epochs, 12).astype(int)).tolist():
        W, b = train_softmax_classifier(**inputs | {"epochs": n}, rng=np.random.default_rng(0))
        right.append((n, _loss(X, y, W, b)))
    mine = [_loss(X, y, W.astype("f8"), b.astype("f8")) for W, b in outputs]
    return curves(
        f"After {epochs} epochs the training loss of your weights is {mine[0]:.3g}; a right run comes to "
        f"{right[-1][1]:.3g}, and a blind guess has {blind:.3g}.",
        {
            "a right run": right,
            "blind guess": [(0, blind), (epochs, blind)],
            "yours, at the end": [(epochs, loss) for loss in mine],
        },
    )


TOPIC = Topic(
    forward=train_softmax_classifier,
    torch=train_softmax_classifier_torch,
    compare=Properties(judge, draws=(0, 0, 1)),
    cases=(
        Case("eight examples on a line", _on_a_line, visible=True),
        Case("three classes", lambda rng: _examples(rng, rng.standard_normal((160, 2)), 3, 0.25, 30, 10), visible=True),
        Case("four classes, sorted", _sorted_by_class),
        Case(
            "a small last batch, every other row and column",
            lambda rng: _examples(rng, rng.standard_normal((332, 10))[::2, ::2], 2, 0.1, 40, 10),
        ),
        Case("classes far apart", _far_apart, aspect="stability"),
        Case("float32, stored by columns", _stored_by_columns, aspect="edge"),
        Case(
            "a class without examples",
            lambda rng: _examples(rng, rng.standard_normal((160, 2)), 3, 0.2, 50, 10, present=2),
            aspect="edge",
        ),
        Case(
            "one batch for all",
            lambda rng: _examples(rng, rng.standard_normal((160, 3)), 3, 1.0, 150, 256),
            aspect="edge",
        ),
        Case("one example", _one_example, aspect="edge"),
    ),
    mistakes=(
        Mistake(
            labels_not_shuffled,
            "The examples are shuffled, their labels are not, so there is nothing to learn but how frequent each "
            "class is. One order serves both.",
        ),
        Mistake(no_bias, "b stays 0. It has a gradient and takes a step like W."),
        Mistake(uphill, "The loss grows. The gradient points uphill: look at the sign of the step."),
        Mistake(
            first_batch_only,
            "Each epoch makes one step only. An epoch goes through all batches: where does the inner loop end?",
        ),
        Mistake(one_epoch, "Training ends after one epoch: is there a return inside the loop?"),
        Mistake(
            summed_gradient,
            "The gradients of a batch are added up, which makes the steps too large by its size. The loss is a mean.",
        ),
        Mistake(
            never_shuffled,
            "The examples come in the same order in every epoch. Batches must be random, or the steps lean one way.",
        ),
        Mistake(
            classes_counted_from_labels,
            "The number of classes is read off the labels. A class may have no examples: num_classes says how many.",
        ),
    ),
    alternates=(bias_as_weight, small_random_start),
    equivalents=(
        Equivalent("np.zeros -> np.ones", "softmax sees differences of scores only, and all classes still start alike"),
    ),
    picture=_curves,
)
