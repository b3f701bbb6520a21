"""One-hot rows for integer labels (notes, section 1, item 4)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.shapes import check_shapes


def check_labels(y, num_classes):
    """Raise ValueError unless y holds integers from 0 to num_classes - 1."""
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"y has dtype {y.dtype}; labels are integers")
    if unknown := y[(y < 0) | (y >= num_classes)].tolist():
        raise ValueError(f"y holds the label {unknown[0]}; the {num_classes} classes are 0 to {num_classes - 1}")


def one_hot(y, num_classes):
    """Turn each label into a row that is 1 in the column of its class and 0 in all others.

    y: integer array (N,), N >= 1, labels from 0 to num_classes - 1
    num_classes: integer K >= 1, the number of classes, whether or not all of them occur in y
    returns: float array (N, K): row n is 1 in column y[n] and 0 elsewhere; float64 (in torch the default dtype)

    Examples are rows and classes are columns. Column k belongs to label k, even if labels below k do not occur.
    Raises ValueError when y does not have one axis, or holds anything but the labels 0 to num_classes - 1.
    Source: notes, section 1, item 4.
    """
    check_shapes(y=(y, "N"))
    check_labels(y, num_classes)
    return np.eye(num_classes)[y]


def one_hot_torch(y, num_classes):
    import torch

    check_shapes(y=(y, "N"))
    return (y[:, None] == torch.arange(num_classes, device=y.device)).to(torch.get_default_dtype())


def label_by_label(y, num_classes):
    Y = np.zeros((len(y), num_classes))
    for n, label in enumerate(y):
        Y[n, label] = 1
    return Y


def by_comparison(y, num_classes):
    return np.where(y[:, np.newaxis] == np.arange(num_classes), 1.0, 0.0)


def classes_down_the_rows(y, num_classes):
    return one_hot(y, num_classes).T


def as_many_columns_as_needed(y, num_classes):
    return np.eye(y.max() + 1)[y]


def columns_for_seen_labels(y, num_classes):
    _, ranks = np.unique(y, return_inverse=True)
    return np.eye(num_classes)[ranks]


def counted_from_one(y, num_classes):
    return np.eye(num_classes)[y - 1]


def marks_every_row(y, num_classes):
    Y = np.zeros((len(y), num_classes))
    Y[:, y] = 1
    return Y


def _labels(rng, n, k):
    """Draw n labels of k classes, 0 and k - 1 among them."""
    return {"y": rng.permutation(np.concatenate([[0, k - 1], rng.integers(k, size=n - 2)])), "num_classes": k}


def _gaps(rng):
    return {"y": rng.permutation([1, 3, 3, 4]), "num_classes": 6}


TOPIC = Topic(
    forward=one_hot,
    torch=one_hot_torch,
    compare=Exact(),
    cases=(
        Case("three labels", lambda rng: {"y": rng.permutation([0, 2, 2]), "num_classes": 3}, visible=True),
        Case("classes that do not occur", _gaps, visible=True),
        Case("more examples than classes", lambda rng: _labels(rng, 20, 4)),
        Case("more classes than examples", lambda rng: _labels(rng, 5, 12)),
        Case("every label once", lambda rng: {"y": rng.permutation(30), "num_classes": 30}),
        Case("every second label", lambda rng: {"y": rng.integers(5, size=18)[::2], "num_classes": 5}),
        Case("one example", lambda rng: {"y": rng.integers(7, size=1), "num_classes": 7}, aspect="edge"),
        Case("one class", lambda rng: {"y": np.zeros(rng.integers(2, 9), np.int64), "num_classes": 1}, aspect="edge"),
    ),
    mistakes=(
        Mistake(
            classes_down_the_rows,
            "The classes run down the rows. In this course an example is a row, of labels as of features.",
        ),
        Mistake(
            as_many_columns_as_needed,
            "The number of columns follows from the largest label in y. "
            "A batch without the highest classes then has too few of them: the number of classes is given.",
        ),
        Mistake(
            columns_for_seen_labels,
            "The columns are handed out to the labels that occur, in order. "
            "Two batches with different labels then disagree on what a column means.",
        ),
        Mistake(
            counted_from_one,
            "Every 1 is a column too far to the left, and label 0 lands in the last column: labels count from 0.",
        ),
        Mistake(
            marks_every_row,
            "Every row marks the labels of all examples. Each row needs its own label only: "
            "the index has to pair row n with y[n].",
        ),
    ),
    alternates=(label_by_label, by_comparison),
)
