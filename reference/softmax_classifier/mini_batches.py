"""Shuffled mini-batches for one epoch (notes, section 1), judged by their properties."""

import numpy as np

from grader import Case, Mistake, Properties, Topic
from grader.distribution import sample_p_value
from grader.shapes import check_shapes

# Two tests per case (see judge): a correct function fails a case with a chance below 1e-6.
LEVEL = 4e-7


def mini_batches(X, y, batch_size, rng):
    """Shuffle the examples and cut them into mini-batches for one epoch.

    X: float array (N, D), one example per row, N >= 1
    y: int array (N,), the label of each example
    batch_size: int >= 1; it may be larger than N
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: list of pairs (Xb, yb), arrays (B, D) and (B,) with the dtypes of X and y

    Every example comes once, in one batch, together with its own label, and all orders are equally likely. All
    batches have batch_size examples but the last, which holds the rest; no batch is empty. Raises ValueError where X
    and y do not fit together and for a batch_size below 1.
    Source: notes, section 1 (stochastic gradient descent).
    """
    _check(X, y, batch_size)
    order = rng.permutation(len(X))
    batches = [order[start : start + batch_size] for start in range(0, len(X), batch_size)]
    return [(X[rows], y[rows]) for rows in batches]


def mini_batches_torch(X, y, batch_size, rng):
    import torch

    _check(X, y, batch_size)
    order = torch.randperm(len(X), generator=rng, device=rng.device).to(X.device)
    return list(zip(X[order].split(batch_size), y[order].split(batch_size), strict=True))


def _check(X, y, batch_size):
    check_shapes(X=(X, "N D"), y=(y, "N"))
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")


def judge(inputs, outputs):
    """Check the batches exactly, then by two tests how the shuffles of independent draws treat order and neighbours."""
    for output in outputs:
        if problem := _broken_property(output, **inputs):
            return problem
    orders = np.stack([_rows([Xb for Xb, _ in output], inputs["X"]) for output in outputs])
    if (orders[0] != orders[1]).any():
        return "Two calls with the generator in the same state gave different batches: all chance must come from rng."
    if orders.shape[1] >= 6 and (orders[1:] == orders[1]).all():
        return "Generators in different states gave the same batches: shuffle the examples, by rng, in every call."
    for order in orders[1:3]:
        if sample_p_value(np.argsort(order) < len(order) // 2) < LEVEL:
            return "The order is not random enough: examples stay near their old places or with their old neighbours."
    return None


def _broken_property(output, X, y, batch_size):
    if not isinstance(output, list | tuple):
        return "Return a list of pairs (Xb, yb)."
    for pair in output:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            return "Every batch must be a pair (Xb, yb)."
        if not all(isinstance(part, np.ndarray) and part.dtype.kind in "fiu" for part in pair):
            return "Xb and yb must be arrays of numbers."
        if pair[0].shape[1:] != X.shape[1:] or pair[0].ndim != X.ndim or pair[1].shape != pair[0].shape[:1]:
            return "The shapes of a batch must be (B, D) and (B,)."
        if pair[0].dtype != X.dtype:
            return "Xb must keep the dtype of X."
        if len(pair[1]) == 0:
            return "A batch is empty."
    sizes = [len(yb) for _, yb in output]
    if sum(sizes) < len(y):
        return "Examples are lost: every example must be in a batch, those that do not fill a whole batch too."
    rows = _rows([Xb for Xb, _ in output], X)
    if (rows < 0).any():
        return "A batch holds rows that are not rows of X."
    if len(np.unique(rows)) < len(rows):
        return "An example comes twice: in an epoch every example comes exactly once."
    if (np.concatenate([yb for _, yb in output]) != y[rows]).any():
        return "Examples have got labels of others: X and y must be shuffled in the same order."
    if any(size != batch_size for size in sizes[:-1]) or sizes[-1] > batch_size:
        return "Every batch but the last must have batch_size examples, and the last one the rest."
    return None


def _rows(batches, X):
    """Return which row of X each row of the batches is, -1 for none."""
    numbers = {row.tobytes(): number for number, row in enumerate(X)}
    return np.array([numbers.get(row.tobytes(), -1) for Xb in batches for row in Xb])


def shuffled_indices_one_by_one(X, y, batch_size, rng):
    left, batches = list(range(len(X))), []
    while left:
        rows = [left.pop(rng.integers(len(left))) for _ in range(min(batch_size, len(left)))]
        batches.append((np.array([X[row] for row in rows]), np.array([y[row] for row in rows])))
    return batches


def sorted_by_random_keys(X, y, batch_size, rng):
    order = np.argsort(rng.random(len(X)))
    cuts = range(batch_size, len(X), batch_size)
    return list(zip(np.split(X[order], cuts), np.split(y[order], cuts), strict=True))


def not_shuffled(X, y, batch_size, rng):
    starts = range(0, len(X), batch_size)
    return [(X[start : start + batch_size], y[start : start + batch_size]) for start in starts]


def shuffled_apart(X, y, batch_size, rng):
    return mini_batches(rng.permutation(X), y, batch_size, rng)


def last_batch_dropped(X, y, batch_size, rng):
    return [batch for batch in mini_batches(X, y, batch_size, rng) if len(batch[1]) == batch_size]


def empty_batch_at_end(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    batches = [order[i * batch_size : (i + 1) * batch_size] for i in range(len(X) // batch_size + 1)]
    return [(X[rows], y[rows]) for rows in batches]


def with_replacement(X, y, batch_size, rng):
    rows = rng.integers(len(X), size=len(X))
    return not_shuffled(X[rows], y[rows], batch_size, rng)


def batches_shuffled_only(X, y, batch_size, rng):
    batches = not_shuffled(X, y, batch_size, rng)
    return [batches[i] for i in np.append(rng.permutation(len(batches) - 1), len(batches) - 1)]


def shuffled_within_batches(X, y, batch_size, rng):
    orders = [rng.permutation(len(yb)) for _, yb in not_shuffled(X, y, batch_size, rng)]
    batches = not_shuffled(X, y, batch_size, rng)
    return [(Xb[order], yb[order]) for (Xb, yb), order in zip(batches, orders, strict=True)]


def seeds_itself(X, y, batch_size, rng):
    return mini_batches(X, y, batch_size, np.random.default_rng(0))


def equal_parts(X, y, batch_size, rng):
    parts = np.array_split(rng.permutation(len(X)), -(-len(X) // batch_size))
    return [(X[rows], y[rows]) for rows in parts]


def _examples(rng, shape, batch_size, classes=0, dtype="f8"):
    """Draw examples whose rows all differ; without classes every example has a label of its own."""
    X = (rng.permutation(np.arange(np.prod(shape))).reshape(shape) / 10).astype(dtype)
    y = rng.integers(classes, size=len(X)) if classes else rng.permutation(len(X))
    return {"X": X, "y": y, "batch_size": batch_size}


def _stored_by_columns(rng):
    inputs = _examples(rng, (150, 4), 20, 3, "f4")
    return inputs | {"X": np.asfortranarray(inputs["X"])}


def _every_other(rng):
    inputs = _examples(rng, (250, 6), 12)
    return inputs | {"X": inputs["X"][::2, ::2], "y": inputs["y"][::2]}


TOPIC = Topic(
    forward=mini_batches,
    torch=mini_batches_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3)),
    cases=(
        Case("seven examples", lambda rng: _examples(rng, (7, 2), 3), visible=True),
        Case("six examples", lambda rng: _examples(rng, (6, 1), 2), visible=True),
        Case("a last batch of one", lambda rng: _examples(rng, (161, 3), 8)),
        Case("only whole batches", lambda rng: _examples(rng, (160, 2), 16, classes=4)),
        Case("float32, stored by columns", _stored_by_columns),
        Case("every other row and column", _every_other),
        Case("a batch for each example", lambda rng: _examples(rng, (120, 2), 1), aspect="edge"),
        Case("one batch for all", lambda rng: _examples(rng, (100, 3), 128), aspect="edge"),
        Case("one example", lambda rng: _examples(rng, (1, 3), 4), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            not_shuffled,
            "The examples come in the order in which they are stored. Data are often sorted by class, and a batch of "
            "one class says little about the others.",
        ),
        Mistake(shuffled_apart, "X and y are shuffled apart, so examples get labels of others. One order serves both."),
        Mistake(last_batch_dropped, "The last, smaller batch is missing: its examples are lost for this epoch."),
        Mistake(
            empty_batch_at_end,
            "Where batch_size divides the number of examples, an empty batch follows, and its mean loss is 0 / 0.",
        ),
        Mistake(
            with_replacement,
            "Examples are drawn with replacement: some come twice, about a third not at all. An epoch sees each once.",
        ),
        Mistake(batches_shuffled_only, "The batches change places, but each always holds the same examples."),
        Mistake(
            shuffled_within_batches,
            "The examples are shuffled within each batch only: a batch always holds the same ones.",
        ),
        Mistake(
            seeds_itself,
            "The order is the same in every epoch: a generator seeded inside forgets what came before. Use rng.",
        ),
        Mistake(equal_parts, "The batches are as equal as possible. All but the last should have batch_size examples."),
    ),
    alternates=(shuffled_indices_one_by_one, sorted_by_random_keys),
)
