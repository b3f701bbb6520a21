"""Precision, recall and their harmonic mean, the F1 score (notes, section 7.1)."""

import numpy as np

from grader import Case, Mistake, Topic
from grader.shapes import check_shapes


def precision_recall_f1(y_true, y_pred):
    """Rate the predictions of a binary classifier by precision, recall and F1 score.

    y_true: integer array (N,), the right labels, 0 or 1; N >= 1; 1 is the positive class
    y_pred: integer array (N,), the predicted labels, likewise
    returns: (precision, recall, f1), three numbers between 0 and 1 (Python floats or scalars of any float dtype)
        precision: the part of the examples predicted as positive that are positive
        recall: the part of the positive examples that are predicted as positive
        f1: the harmonic mean of the two, 2 / (1 / precision + 1 / recall)

    A ratio without any examples to count, 0/0, is 0 by convention; f1 is 0 when precision or recall is. The notes lose
    the 2 of the harmonic mean: the mean of two equal numbers is that number. Arrays of different lengths and labels
    other than 0 and 1 are a ValueError.
    Source: notes, section 7.1, equation (7).
    """
    check_shapes(y_true=(y_true, "N"), y_pred=(y_pred, "N"))
    if unknown := sorted({*y_true.tolist(), *y_pred.tolist()} - {0, 1}):
        raise ValueError(f"y_true and y_pred hold {unknown}; labels are 0 and 1")
    hits = int(((y_true == 1) & (y_pred == 1)).sum())
    predicted, positive = int((y_pred == 1).sum()), int((y_true == 1).sum())
    return _ratio(hits, predicted), _ratio(hits, positive), _ratio(2 * hits, predicted + positive)


def _ratio(part, whole):
    return part / whole if whole else 0.0


def precision_recall_f1_torch(y_true, y_pred):
    import torch

    check_shapes(y_true=(y_true, "N"), y_pred=(y_pred, "N"))
    hits, predicted, positive = (y_true * y_pred).sum(), y_pred.sum(), y_true.sum()
    parts, wholes = torch.stack((hits, hits, 2 * hits)), torch.stack((predicted, positive, predicted + positive))
    return tuple((parts.double() / wholes.clamp(min=1)).unbind())  # where the whole is 0, so is the part


def harmonic_mean_of_the_two(y_true, y_pred):
    true_positives = np.sum((y_true == 1) & (y_pred == 1))
    precision = true_positives / max(np.sum(y_pred == 1), 1)
    recall = true_positives / max(np.sum(y_true == 1), 1)
    f1 = 2 * precision * recall / (precision + recall) if true_positives else 0.0
    return precision, recall, f1


def one_by_one(y_true, y_pred):
    counts = {(t, p): 0 for t in (0, 1) for p in (0, 1)}
    for pair in zip(y_true.tolist(), y_pred.tolist(), strict=True):
        counts[pair] += 1
    if counts[1, 1] == 0:
        return 0.0, 0.0, 0.0
    precision = counts[1, 1] / (counts[1, 1] + counts[0, 1])
    recall = counts[1, 1] / (counts[1, 1] + counts[1, 0])
    return precision, recall, 2 / (1 / precision + 1 / recall)


def harmonic_mean_without_2(y_true, y_pred):
    precision, recall, f1 = precision_recall_f1(y_true, y_pred)
    return precision, recall, f1 / 2


def arithmetic_mean(y_true, y_pred):
    precision, recall, _ = precision_recall_f1(y_true, y_pred)
    return precision, recall, (precision + recall) / 2


def swapped(y_true, y_pred):
    return precision_recall_f1(y_pred, y_true)


def parentheses_lost(y_true, y_pred):
    hits = np.sum(y_true * y_pred)
    precision, recall = (hits / hits + np.sum(y > other) for y, other in ((y_pred, y_true), (y_true, y_pred)))
    return precision, recall, 2 * precision * recall / (precision + recall)


def accuracy_for_f1(y_true, y_pred):
    precision, recall, _ = precision_recall_f1(y_true, y_pred)
    return precision, recall, np.mean(y_true == y_pred)


def nan_for_nothing(y_true, y_pred):
    hits = np.sum(y_true * y_pred)
    precision, recall = hits / np.sum(y_pred), hits / np.sum(y_true)
    return precision, recall, 2 * precision * recall / (precision + recall)


def _labels(rng, hits, false_alarms, misses, rest):
    """Mix examples of the four kinds: with different counts no two of the ratios agree."""
    counts = (hits, false_alarms, misses, rest)
    y_true, y_pred = np.repeat([1, 0, 1, 0], counts), np.repeat([1, 1, 0, 0], counts)
    order = rng.permutation(len(y_true))
    return {"y_true": y_true[order], "y_pred": y_pred[order]}


def _rare_class(rng):
    return _labels(rng, int(rng.integers(3, 9)), int(rng.integers(9, 20)), int(rng.integers(20, 40)), 500)


def _strided(rng):
    return {name: labels.repeat(2)[::2] for name, labels in _labels(rng, 6, 4, 9, 8).items()}


TOPIC = Topic(
    forward=precision_recall_f1,
    torch=precision_recall_f1_torch,
    cases=(
        Case("ten examples", lambda rng: _labels(rng, 3, 1, 2, 4), visible=True),
        Case("no positive predicted", lambda rng: _labels(rng, 0, 0, 2, 3), visible=True, aspect="edge"),
        Case("more false alarms than misses", lambda rng: _labels(rng, 7, 12, 4, 10)),
        Case("a rare class", _rare_class),
        Case("a slice with a step", _strided),
        Case("no positive example", lambda rng: _labels(rng, 0, 4, 0, 3), aspect="edge"),
        Case("nothing positive at all", lambda rng: _labels(rng, 0, 0, 0, 5), aspect="edge"),
        Case("every prediction is wrong", lambda rng: _labels(rng, 0, 3, 5, 0), aspect="edge"),
        Case("one example", lambda rng: _labels(rng, 1, 0, 0, 0), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            harmonic_mean_without_2,
            "F1 is half of what it should be: a mean of two equal numbers is that number. The notes slip here.",
        ),
        Mistake(
            arithmetic_mean,
            "F1 is the harmonic mean, which is close to the smaller of the two. "
            "With the arithmetic mean, predicting everything as positive would look good.",
        ),
        Mistake(
            swapped,
            "Precision and recall are exchanged, which F1 does not notice. Which of the two asks "
            "how far a positive prediction can be trusted?",
        ),
        Mistake(
            parentheses_lost,
            "Scores above 1 are a sign of lost parentheses: a division binds more tightly than a sum.",
        ),
        Mistake(
            accuracy_for_f1,
            "This is the accuracy. For a rare class it is high even when nothing of the class is found, "
            "and this is why F1 leaves out what is rightly rejected.",
        ),
        Mistake(nan_for_nothing, "0/0 gives NaN where nothing is positive or predicted as such: it counts as 0 here."),
    ),
    alternates=(harmonic_mean_of_the_two, one_by_one),
)
