"""A random split into training, dev and test set (notes, section 7), judged by its properties."""

import math

import numpy as np

from grader import Case, Mistake, Properties, Topic
from grader.distribution import sample_p_value
from grader.shapes import check_shapes

# Twelve tests per case (see judge): a correct function fails a case with a chance below 1e-6.
LEVEL = 8e-8


def train_dev_test_split(X, y, fractions, rng):
    """Split the examples at random into a training set, a dev set and a test set.

    X: float array (N, D), one example per row
    y: int array (N,), the label of each example
    fractions: three numbers >= 0 that sum to 1: the shares of the training, dev and test set
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: ((X_train, y_train), (X_dev, y_dev), (X_test, y_test)), pairs of arrays (n, D) and (n,) with the dtypes
        of X and y; n differs from fraction * N by at most 1

    Every example is in exactly one of the three sets, together with its own label, and all such splits are equally
    likely: dev and test set must come from the same distribution. The order within a set is free.
    Raises ValueError where X and y do not fit together, and unless fractions are three, none negative, with sum 1.
    Source: notes, section 7.1 (train, dev and test distributions).
    """
    train, dev = _bounds(X, y, fractions)
    order = rng.permutation(len(X))
    return tuple((X[rows], y[rows]) for rows in (order[:train], order[train:dev], order[dev:]))


def train_dev_test_split_torch(X, y, fractions, rng):
    import torch

    train, dev = _bounds(X, y, fractions)
    order = torch.randperm(len(X), generator=rng, device=rng.device).to(X.device)
    return tuple((X[rows], y[rows]) for rows in (order[:train], order[train:dev], order[dev:]))


def _bounds(X, y, fractions):
    """Return where the dev set and the test set begin."""
    check_shapes(X=(X, "N D"), y=(y, "N"))
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"fractions must be three numbers >= 0 with sum 1, not {fractions}")
    train, dev, _ = fractions
    return round(train * len(X)), round((train + dev) * len(X))


def judge(inputs, outputs):
    """Check the sets exactly, then by one test per set and draw that each is a random sample of the examples."""
    for output in outputs:
        if problem := _broken_property(output, **inputs):
            return problem
    X = inputs["X"]
    chosen = np.array([[np.isin(np.arange(len(X)), _rows(part, X)) for part, _ in output] for output in outputs])
    if (chosen[0] != chosen[1]).any():
        return "Two calls with the generator in the same state split differently: all chance must come from rng."
    train, dev, test = chosen[0].sum(axis=1).tolist()
    ways = math.comb(len(X), train) * math.comb(dev + test, dev)
    if (chosen[1:] == chosen[1]).all() and ways > 500:  # the chance that three more are the same is ways**-3
        return "Generators in different states gave the same split: choose the examples of each set by rng."
    for draw in chosen[1:]:
        if min(map(sample_p_value, draw)) < LEVEL:
            return "The split is not random: whether an example is in a set depends on its place or its neighbours."
    return None


def _broken_property(output, X, y, fractions):
    if not isinstance(output, tuple | list) or len(output) != 3:
        return "Return three pairs: (X_train, y_train), (X_dev, y_dev), (X_test, y_test)."
    for pair in output:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            return "Return three pairs: (X_train, y_train), (X_dev, y_dev), (X_test, y_test)."
        if not all(isinstance(part, np.ndarray) and part.dtype.kind in "fiu" for part in pair):
            return "The parts of every pair must be arrays of numbers."
        if pair[0].ndim != 2 or pair[0].shape[1] != X.shape[1] or pair[1].shape != pair[0].shape[:1]:
            return "The shapes of a set must be (n, D) and (n,)."
        if pair[0].dtype != X.dtype:
            return "The sets must keep the dtype of X."
    rows = np.concatenate([_rows(part, X) for part, _ in output])
    if (rows < 0).any():
        return "A set holds rows that are not rows of X."
    if len(np.unique(rows)) < len(rows):
        return "An example is there twice: no two sets may share one, nor may a set hold one twice."
    if len(rows) < len(X):
        return "Examples are lost: every example must be in one of the three sets."
    if (np.concatenate([labels for _, labels in output]) != y[rows]).any():
        return "Examples have got labels of others: X and y must be split by the same order."
    sizes = zip(("training", "dev", "test"), output, fractions, strict=True)
    for name, (part, _), fraction in sizes:
        if abs(len(part) - fraction * len(X)) > 1 + 1e-6:
            return f"The {name} set has the wrong size: it may differ from fraction * N by at most 1."
    return None


def _rows(part, X):
    """Return which row of X each row of the part is, -1 for none."""
    numbers = {row.tobytes(): number for number, row in enumerate(X)}
    return np.array([numbers.get(row.tobytes(), -1) for row in part], dtype=int)


def places_drawn_without_replacement(X, y, fractions, rng):
    left, parts = np.arange(len(X)), []
    for size in np.diff(np.floor(np.cumsum((0.0, *fractions[:2])) * len(X) + 1e-9).astype(int)):
        parts.append(rng.choice(left, size, replace=False))
        left = np.setdiff1d(left, parts[-1])
    return [(X[rows], y[rows]) for rows in (*parts, left)]


def shuffled_then_cut(X, y, fractions, rng):
    rows = list(range(len(X)))
    rng.shuffle(rows)
    train = round(fractions[0] * len(X))
    test = round(fractions[2] * len(X))
    cuts = (rows[:train], rows[train : len(X) - test], rows[len(X) - test :])
    return tuple((X[sorted(part)], y[sorted(part)]) for part in cuts)


def training_set_rounded_up(X, y, fractions, rng):
    train, test = int(np.ceil(fractions[0] * len(X) - 1e-9)), int(fractions[2] * len(X) + 1e-9)
    parts = np.split(rng.permutation(len(X)), [train, len(X) - test])
    return tuple((X[rows], y[rows]) for rows in parts)


def _cut(X, y, fractions, order):
    train, dev = _bounds(X, y, fractions)
    return tuple((X[rows], y[rows]) for rows in (order[:train], order[train:dev], order[dev:]))


def not_shuffled(X, y, fractions, rng):
    return _cut(X, y, fractions, np.arange(len(X)))


def random_start_only(X, y, fractions, rng):
    return _cut(X, y, fractions, np.roll(np.arange(len(X)), rng.integers(len(X))))


def shuffled_apart(X, y, fractions, rng):
    return train_dev_test_split(rng.permutation(X), y, fractions, rng)


def dev_cut_from_training(X, y, fractions, rng):
    train, dev, test = train_dev_test_split(X, y, fractions, rng)
    size = len(dev[1])
    return train, (train[0][:size], train[1][:size]), test


def sizes_rounded_down(X, y, fractions, rng):
    order, sizes = rng.permutation(len(X)), [int(fraction * len(X)) for fraction in fractions]
    starts = np.cumsum([0, *sizes])
    parts = [order[start : start + size] for start, size in zip(starts, sizes, strict=False)]
    return tuple((X[rows], y[rows]) for rows in parts)


def fractions_in_other_order(X, y, fractions, rng):
    train, dev, test = fractions
    return train_dev_test_split(X, y, (train, test, dev), rng)


def six_arrays(X, y, fractions, rng):
    return tuple(part for pair in train_dev_test_split(X, y, fractions, rng) for part in pair)


def seeds_itself(X, y, fractions, rng):
    return train_dev_test_split(X, y, fractions, np.random.default_rng(0))


def _examples(rng, shape, fractions, classes=0, dtype="f8"):
    """Draw examples whose rows all differ; without classes every example has a label of its own."""
    X = (rng.permutation(np.arange(np.prod(shape))).reshape(shape) / 10).astype(dtype)
    y = rng.integers(classes, size=len(X)) if classes else rng.permutation(len(X))
    return {"X": X, "y": y, "fractions": fractions}


def _sorted_by_class(rng):
    inputs = _examples(rng, (150, 3), (0.6, 0.3, 0.1), 5)
    return inputs | {"y": np.sort(inputs["y"])}


def _stored_by_columns(rng):
    inputs = _examples(rng, (203, 4), (0.7, 0.2, 0.1), 3, "f4")
    return inputs | {"X": np.asfortranarray(inputs["X"])}


def _every_other(rng):
    inputs = _examples(rng, (262, 6), (0.5, 0.2, 0.3))
    return inputs | {"X": inputs["X"][::2, ::2], "y": inputs["y"][::2]}


TOPIC = Topic(
    forward=train_dev_test_split,
    torch=train_dev_test_split_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3)),
    cases=(
        Case("ten examples", lambda rng: _examples(rng, (10, 2), (0.6, 0.3, 0.1)), visible=True),
        Case("nine examples", lambda rng: _examples(rng, (9, 1), (0.5, 0.3, 0.2)), visible=True),
        Case("sorted by class", _sorted_by_class),
        Case("float32, stored by columns", _stored_by_columns),
        Case("every other row and column", _every_other),
        Case("a small dev set", lambda rng: _examples(rng, (240, 2), (0.9, 0.04, 0.06))),
        Case("no dev set", lambda rng: _examples(rng, (120, 3), (0.75, 0.0, 0.25)), aspect="edge"),
        Case("everything in training", lambda rng: _examples(rng, (5, 2), (1.0, 0.0, 0.0)), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            not_shuffled,
            "The sets are cut from the examples in stored order. Data are often sorted, by class or by date, and then "
            "the sets come from different distributions.",
        ),
        Mistake(random_start_only, "The sets are still stretches of neighbours; only where they begin is random."),
        Mistake(shuffled_apart, "X and y are shuffled apart, so examples get labels of others. One order serves both."),
        Mistake(
            dev_cut_from_training,
            "The dev set is part of the training set. What has been trained on says nothing about new examples.",
        ),
        Mistake(
            sizes_rounded_down,
            "Each size is rounded down on its own, and what is left over is lost. Where do the cuts belong?",
        ),
        Mistake(fractions_in_other_order, "The dev set and the test set have each other's size."),
        Mistake(six_arrays, "Six arrays come back in a row; three pairs are asked for."),
        Mistake(
            seeds_itself,
            "Every call splits alike: a generator seeded inside the function forgets what came before. Use rng.",
        ),
    ),
    alternates=(places_drawn_without_replacement, shuffled_then_cut, training_set_rounded_up),
)
