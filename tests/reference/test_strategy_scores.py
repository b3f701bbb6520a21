"""Precision, recall, F1 and the two gaps from first principles."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from grader.course import load_course
from grader.oracle import case_inputs

TOPICS = load_course(Path(__file__).parents[2], ["precision_recall_f1", "bias_variance"]).topics
precision_recall_f1, bias_variance = TOPICS["precision_recall_f1"].forward, TOPICS["bias_variance"].forward


def scores(y_true, y_pred):
    return precision_recall_f1(np.array(y_true), np.array(y_pred))


def test_scores_by_hand():
    # three positives predicted, two of them right; four positives, two of them found
    assert scores([1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0]) == (2 / 3, 1 / 2, 4 / 7)


def test_scores_are_perfect_only_when_all_is_right():
    assert scores([0, 1, 1], [0, 1, 1]) == (1, 1, 1)
    assert scores([0, 1, 1], [1, 1, 1]) == (2 / 3, 1, 4 / 5)
    assert scores([1, 1, 1], [0, 1, 1]) == (1, 2 / 3, 4 / 5)


@pytest.mark.parametrize(
    ("y_true", "y_pred"), [([1, 0], [0, 0]), ([0, 0], [1, 0]), ([0], [0]), ([1, 0], [0, 1])], ids=str
)
def test_a_ratio_of_nothing_is_0(y_true, y_pred):
    assert scores(y_true, y_pred) == (0, 0, 0)


def test_scores_of_all_labellings_of_four_examples():
    """Count by set and take the harmonic mean in exact fractions."""
    for y_true, y_pred in itertools.product(itertools.product((0, 1), repeat=4), repeat=2):
        positive, predicted = ({i for i in range(4) if labels[i]} for labels in (y_true, y_pred))
        hits = len(positive & predicted)
        p = Fraction(hits, len(predicted)) if predicted else Fraction(0)
        r = Fraction(hits, len(positive)) if positive else Fraction(0)
        f1 = 2 / (1 / p + 1 / r) if p and r else 0
        assert scores(y_true, y_pred) == (float(p), float(r), float(f1))


def test_f1_lies_between_the_scores_and_nearer_to_the_smaller():
    rng = np.random.default_rng(1)
    for _ in range(50):
        p, r, f1 = scores(rng.integers(0, 2, 30), rng.integers(0, 2, 30))
        assert min(p, r) <= f1 <= (p + r) / 2 + 1e-15


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        (np.array([0, 1]), np.array([0, 1, 1]), r"y_pred \(3,\) and y_true \(2,\)"),
        (np.array([[0, 1]]), np.array([[0, 1]]), r"y_true has shape \(1, 2\)"),
        (np.array([0, 2]), np.array([0, 1]), r"hold \[2\]; labels are 0 and 1"),
        (np.array([0, 1]), np.array([-1, 7]), r"hold \[-1, 7\]"),
    ],
)
def test_bad_labels_are_refused_by_name(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        precision_recall_f1(y_true, y_pred)


def test_gaps_by_hand():
    assert bias_variance(8, 10, 1) == (7, 2, "bias")
    assert bias_variance(8, 10, 7.5) == (0.5, 2, "variance")
    assert bias_variance(0.25, 0.5, 0.0) == (0.25, 0.25, "bias")
    assert bias_variance(2, 1, 4) == (-2, -1, "variance")
    assert bias_variance(2, 0.5, 3) == (-1, -1.5, "bias")


def test_the_gaps_add_up_to_what_separates_dev_error_and_target():
    rng = np.random.default_rng(3)
    for train, dev, target in rng.integers(0, 64, (50, 3)) / 64:
        bias, variance, _ = bias_variance(train, dev, target)
        assert bias + variance == dev - target


@pytest.mark.parametrize("errors", [(-0.1, 0.2, 0), (0.1, -0.2, 0), (0.1, 0.2, -1)])
def test_negative_errors_are_refused(errors):
    with pytest.raises(ValueError, match=r"must not be negative: .*-"):
        bias_variance(*errors)


def test_ties_of_the_gaps_are_exact_or_far_away():
    topic = TOPICS["bias_variance"]
    for case, seed in itertools.product(topic.cases, range(100)):
        bias, variance, _ = bias_variance(**case_inputs(topic, case, f"seed {seed}"))
        assert (bias == variance) == (case.name == "equal gaps")
        assert bias == variance or abs(bias - variance) > 1e-3
