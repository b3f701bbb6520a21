"""IoU and non-maximum suppression from first principles: values worked by hand, counted pixels, brute force."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course
from grader.oracle import case_inputs

TOPICS = load_course(Path(__file__).parents[2], ["iou_matrix", "nms"]).topics
iou_matrix, nms = TOPICS["iou_matrix"].forward, TOPICS["nms"].forward
MISTAKES = {mistake.name: mistake.function for topic in TOPICS.values() for mistake in topic.mistakes}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def draw(rng, n, low=0.0, high=1.0):
    corners = np.sort(rng.uniform(low, high, (n, 2, 2)), axis=1)
    return corners.reshape(n, 4)


def iou(box1, box2):
    return iou_matrix(np.array([box1], dtype="f8"), np.array([box2], dtype="f8"))[0, 0]


@pytest.mark.parametrize(
    ("box1", "box2", "expected"),
    [
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7),
        ((0, 0, 2, 2), (0, 0, 2, 1), 1 / 2),
        ((0, 0, 4, 4), (1, 1, 2, 3), 2 / 16),
        ((0, 0, 1, 1), (0, 0, 1, 1), 1),
        ((0, 0, 1, 1), (1, 0, 2, 1), 0),
        ((0, 0, 1, 1), (1, 1, 2, 2), 0),
        ((0, 0, 1, 1), (2, 2, 3, 3), 0),
        ((0, 0, 1, 1), (2, 0, 3, 1), 0),
        ((-2, -2, 0, 0), (-1, -1, 1, 1), 1 / 7),
        ((0.1, 0.1, 0.1, 0.1), (0.1, 0.1, 0.1, 0.1), 0),
        ((0.1, 0.1, 0.1, 0.9), (0.1, 0.1, 0.1, 0.9), 0),
        ((0.5, 0.5, 0.5, 0.5), (0, 0, 1, 1), 0),
    ],
)
def test_iou_by_hand(box1, box2, expected):
    assert iou(box1, box2) == iou(box2, box1) == expected


def test_iou_of_whole_numbers_counts_pixels(rng):
    boxes = rng.integers(0, 7, (30, 2, 2))
    boxes = np.sort(boxes, axis=1).reshape(30, 4)
    pixels = [{(x, y) for x in range(x1, x2) for y in range(y1, y2)} for x1, y1, x2, y2 in boxes.tolist()]
    counted = [[len(a & b) / len(a | b) if a | b else 0 for b in pixels] for a in pixels]
    assert_array_equal(iou_matrix(boxes.astype("f8"), boxes.astype("f8")), counted)


def test_iou_is_symmetric_and_does_not_see_place_and_unit(rng):
    a, b = draw(rng, 8), draw(rng, 5)
    assert_array_equal(iou_matrix(a, b), iou_matrix(b, a).T)
    assert_allclose(iou_matrix(640 * a + 100, 640 * b + 100), iou_matrix(a, b), rtol=1e-10, atol=1e-12)
    assert_allclose(iou_matrix(a[:, [1, 0, 3, 2]], b[:, [1, 0, 3, 2]]), iou_matrix(a, b), rtol=1e-14)
    assert_array_equal(np.diag(iou_matrix(a, a)), 1)


def test_iou_of_no_boxes(rng):
    none, some = np.zeros((0, 4)), draw(rng, 3)
    assert iou_matrix(none, some).shape == (0, 3)
    assert iou_matrix(some, none).shape == (3, 0)
    assert iou_matrix(none, none).shape == (0, 0)


def test_slips_with_small_or_empty_boxes_cost_their_own_aspect_only(failed_cases):
    topic = TOPICS["iou_matrix"]
    aspects = {case.name: case.aspect for case in topic.cases}
    for name, aspect in [
        ("smoothed_ratio", "stability"),
        ("nan_for_empty_boxes", "edge"),
        ("one_for_empty_boxes", "edge"),
    ]:
        assert {aspects[case] for case in failed_cases(topic, MISTAKES[name])} == {aspect}


@pytest.mark.parametrize("guard", [1e-8, 1e-10, 1e-16])
def test_a_tiny_guard_in_the_denominator_is_forgiven(guard, failed_cases):
    def guarded(boxes1, boxes2):
        near = np.maximum(boxes1[:, None, :2], boxes2[:, :2])
        sides = np.maximum(np.minimum(boxes1[:, None, 2:], boxes2[:, 2:]) - near, 0)
        shared = sides[..., 0] * sides[..., 1]
        area1, area2 = ((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (boxes1, boxes2))
        return shared / (area1[:, None] + area2 - shared + guard)

    assert failed_cases(TOPICS["iou_matrix"], guarded) == set()


# --- non-maximum suppression -------------------------------------------------------------------------------------

CHAIN = np.array([[0.0, 0.0, 5.0, 4.0], [1.0, 0.0, 6.0, 4.0], [2.0, 0.0, 7.0, 4.0]])  # IoU 2/3, 2/3 and 3/7


@pytest.mark.parametrize(
    ("scores", "threshold", "kept"),
    [
        ([0.9, 0.8, 0.7], 0.5, [0, 2]),
        ([0.8, 0.9, 0.7], 0.5, [1]),
        ([0.7, 0.8, 0.9], 0.5, [2, 0]),
        ([0.9, 0.8, 0.7], 0.4, [0]),
        ([0.7, 0.9, 0.8], 0.7, [1, 2, 0]),
        ([0.5, 0.5, 0.5], 0.5, [0, 2]),
        ([0.5, 0.6, 0.6], 0.7, [1, 2, 0]),
    ],
)
def test_nms_by_hand(scores, threshold, kept):
    assert nms(CHAIN, np.array(scores), threshold).tolist() == kept


@pytest.mark.parametrize(("max_boxes", "kept"), [(None, [2, 0]), (0, []), (1, [2]), (2, [2, 0]), (9, [2, 0])])
def test_nms_stops_at_max_boxes(max_boxes, kept):
    assert nms(CHAIN, np.array([0.7, 0.8, 0.9]), 0.5, max_boxes).tolist() == kept


def test_nms_keeps_a_box_exactly_at_the_threshold():
    boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.5]])
    scores = np.array([0.9, 0.8])
    assert nms(boxes, scores, 0.5).tolist() == [0, 1]
    assert nms(boxes, scores, np.nextafter(0.5, 0)).tolist() == [0]


def test_nms_of_nothing_keeps_nothing():
    kept = nms(np.zeros((0, 4)), np.zeros(0), 0.5)
    assert kept.shape == (0,) and kept.dtype == np.int64


def test_nms_keeps_equal_boxes_at_threshold_one_and_touching_boxes_at_zero():
    box = np.array([0.0, 0.0, 1.0, 1.0])
    assert nms(np.stack([box, box]), np.array([0.5, 0.6]), 1).tolist() == [1, 0]
    assert nms(np.stack([box, box + np.array([1.0, 0.0, 1.0, 0.0])]), np.array([0.5, 0.6]), 0).tolist() == [1, 0]


def only_stable_set(boxes, scores, threshold):
    """Search all subsets for the one whose members do not overlap and which dominates every box outside it."""
    overlaps = iou_matrix(boxes, boxes) > threshold
    indices = range(len(boxes))
    found = [
        kept
        for size in range(len(boxes) + 1)
        for kept in itertools.combinations(indices, size)
        if all(
            not any(overlaps[i, j] and scores[j] > scores[i] for j in kept)
            if i in kept
            else any(overlaps[i, j] and scores[j] > scores[i] for j in kept)
            for i in indices
        )
    ]
    assert len(found) == 1
    return sorted(found[0], key=lambda i: -scores[i])


@pytest.mark.parametrize("seed", range(12))
def test_nms_finds_the_only_set_that_explains_every_box(seed):
    """A box is kept if and only if no better kept box overlaps it: exactly one set of boxes is like that."""
    rng = np.random.default_rng(seed)
    boxes, scores = draw(rng, 8), rng.permutation(8) / 8
    assert nms(boxes, scores, 0.2).tolist() == only_stable_set(boxes, scores, 0.2)


def test_nms_follows_the_boxes_when_they_are_shuffled(rng):
    boxes, scores = draw(rng, 50), rng.permutation(50) / 50
    order = rng.permutation(50)
    assert order[nms(boxes[order], scores[order], 0.3)].tolist() == nms(boxes, scores, 0.3).tolist()


def test_nms_of_its_own_answer_changes_nothing(rng):
    boxes, scores = draw(rng, 60), rng.random(60)
    kept = nms(boxes, scores, 0.3)
    assert nms(boxes[kept], scores[kept], 0.3).tolist() == list(range(len(kept)))


@pytest.mark.torch
def test_torch_nms_equals_the_greedy_one_on_crowded_boxes():
    torch = pytest.importorskip("torch")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        boxes, scores = draw(rng, 80), rng.integers(0, 12, 80) / 12
        ours = TOPICS["nms"].torch(torch.from_numpy(boxes), torch.from_numpy(scores), 0.25, max_boxes=30)
        assert ours.tolist() == nms(boxes, scores, 0.25, max_boxes=30).tolist()


def test_rounding_decides_nothing_but_the_cases_at_the_threshold():
    topic = TOPICS["nms"]
    for case, secret in itertools.product(topic.cases, map(str, range(25))):
        inputs = case_inputs(topic, case, secret)
        distance = np.abs(iou_matrix(inputs["boxes"], inputs["boxes"]) - inputs["iou_threshold"])
        exact = distance == 0
        assert (exact | (distance > 1e-3)).all(), case.name
        assert not exact.any() or case.name in ("IoU at the threshold", "threshold 0"), case.name


def test_scores_are_apart_or_equal():
    topic = TOPICS["nms"]
    for case, secret in itertools.product(topic.cases, map(str, range(25))):
        scores = np.sort(case_inputs(topic, case, secret)["scores"].astype("f8"))
        gaps = np.diff(scores)
        closest = 0.9e-5 if "1e-5" in case.name else 1e-3
        assert ((gaps == 0) | (gaps > closest)).all(), case.name
        assert (gaps > 0).all() or "equal scores" in case.name


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_threshold_is_met_exactly_in_every_formula(dtype):
    topic = TOPICS["nms"]
    case = next(case for case in topic.cases if case.name == "IoU at the threshold")
    for secret in map(str, range(25)):
        inputs = case_inputs(topic, case, secret)
        boxes = inputs["boxes"].astype(dtype)
        best = boxes[np.argmax(inputs["scores"])]
        shared = np.prod(np.minimum(best[2:], boxes[:, 2:]) - np.maximum(best[:2], boxes[:, :2]), axis=1)
        union = np.prod(best[2:] - best[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
        assert sorted((shared / union).tolist()) == [0.5, 0.5, 0.75, 1]
        assert sorted((shared - union / 2).tolist())[:2] == [0, 0]
