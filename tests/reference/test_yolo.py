"""IoU and non-maximum suppression from first principles: values worked by hand, counted pixels, brute force."""

import itertools
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course
from grader.oracle import case_inputs

TOPICS = load_course(Path(__file__).parents[2], ["iou", "iou_matrix", "nms", "multiclass_nms"]).topics
iou, iou_matrix, nms, multiclass_nms = (topic.forward for topic in TOPICS.values())
MISTAKES = {mistake.name: mistake.function for topic in TOPICS.values() for mistake in topic.mistakes}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def draw(rng, n, low=0.0, high=1.0):
    corners = np.sort(rng.uniform(low, high, (n, 2, 2)), axis=1)
    return corners.reshape(n, 4)


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
    a, b = np.array(box1, dtype="f8"), np.array(box2, dtype="f8")
    assert iou(a, b) == iou(b, a) == iou_matrix(a[None], b[None]) == iou_matrix(b[None], a[None]) == expected


def test_iou_of_pairs_makes_the_matrix(rng):
    a, b = draw(rng, 6), draw(rng, 7)
    assert_allclose([[iou(x, y) for y in b] for x in a], iou_matrix(a, b), rtol=1e-14)


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


@pytest.mark.parametrize(
    ("name", "boxes1", "boxes2", "message"),
    [
        ("iou_matrix", np.ones((2, 5)), np.ones((3, 4)), r"boxes1 \(2, 5\)"),
        ("iou_matrix", np.ones((2, 4)), np.ones(4), r"boxes2 has shape \(4,\)"),
        ("iou_matrix", np.ones((4, 2)), np.ones((3, 4)), r"boxes1 \(4, 2\)"),
        ("iou", np.ones(5), np.ones(4), r"box1 \(5,\)"),
        ("iou", np.ones(4), np.ones((1, 4)), r"box2 has shape \(1, 4\)"),
    ],
)
def test_iou_of_what_are_no_boxes(name, boxes1, boxes2, message):
    with pytest.raises(ValueError, match=message):
        TOPICS[name].forward(boxes1, boxes2)


def cpu_seconds(function, *args, times=1):
    """Return the least CPU time of some runs: what else runs on the machine makes a single run slower, never faster."""
    spent = []
    for _ in range(times):
        start = time.process_time()
        function(*args)
        spent.append(time.process_time() - start)
    return min(spent)


def loop_over_elements(boxes1, boxes2):
    out = np.zeros((len(boxes1), len(boxes2)))
    for i in range(len(boxes1)):
        for j in range(len(boxes2)):
            a, b = boxes1[i], boxes2[j]
            width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            shared = max(width, 0) * max(height, 0)
            union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
            out[i, j] = shared / union if union > 0 else 0
    return out


def test_iou_matrix_is_a_hundred_times_faster_than_a_loop(rng):
    boxes = draw(rng, 200)
    assert cpu_seconds(loop_over_elements, boxes, boxes) > 100 * cpu_seconds(iou_matrix, boxes, boxes, times=20)


def test_slips_with_small_or_empty_boxes_cost_their_own_aspect_only(failed_cases):
    topic = TOPICS["iou_matrix"]
    aspects = {case.name: case.aspect for case in topic.cases}
    for name, aspect in [
        ("smoothed_ratio", "stability"),
        ("nan_for_empty_boxes", "edge"),
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": np.ones((3, 5))}, r"boxes \(3, 5\)"),
        ({"boxes": np.ones(4)}, r"boxes has shape \(4,\)"),
        ({"scores": np.ones(2)}, r"scores \(2,\) and boxes \(3, 4\)"),
        ({"scores": np.ones((3, 1))}, r"scores has shape \(3, 1\)"),
        ({"classes": np.zeros(4, dtype=int)}, r"classes \(4,\) and boxes \(3, 4\)"),
        ({"iou_threshold": -0.1}, "iou_threshold is -0.1"),
        ({"iou_threshold": 50}, "iou_threshold is 50"),
        ({"max_boxes": -1}, "max_boxes is -1"),
    ],
)
@pytest.mark.parametrize("name", ["nms", "multiclass_nms"])
def test_nms_of_what_does_not_fit(name, change, message):
    good = {"boxes": CHAIN, "scores": np.ones(3), "classes": np.zeros(3, dtype=int), "iou_threshold": 0.5}
    arguments = {key: value for key, value in (good | change).items() if key in TOPICS[name].parameters}
    if set(change) <= set(arguments):
        with pytest.raises(ValueError, match=message):
            TOPICS[name].forward(**arguments)


def naive_nms(boxes, scores, iou_threshold):
    waiting, kept = sorted(range(len(scores)), key=lambda i: -scores[i]), []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        overlap = {i: loop_over_elements(boxes[[best]], boxes[[i]])[0, 0] for i in waiting}
        waiting = [i for i in waiting if overlap[i] <= iou_threshold]
    return kept


def test_nms_is_ten_times_faster_than_a_loop(rng):
    near, sides = rng.random((1000, 2)), rng.uniform(0.3, 0.6, (1000, 2))
    inputs = np.concatenate([near, near + sides], axis=1), rng.permutation(1000) / 1000, 0.5
    assert nms(*inputs).tolist() == naive_nms(*inputs)
    assert cpu_seconds(naive_nms, *inputs) > 10 * cpu_seconds(nms, *inputs, times=10)


def large_case(name):
    return next(case for case in TOPICS[name].cases if case.name.startswith("2,101"))


@pytest.mark.parametrize("name", ["nms", "multiclass_nms"])
def test_the_large_case_is_large_and_light(name, failed_cases):
    """Few boxes survive, so that plain loops finish, and one of them only where all candidates are looked at."""
    inputs = case_inputs(TOPICS[name], large_case(name), "one")
    kept = TOPICS[name].forward(**inputs)
    assert len(inputs["scores"]) > 2048 and len(kept) < 50
    assert kept[-1] == len(inputs["scores"]) - 1

    def best_2048_only(boxes, scores, iou_threshold, max_boxes=None, **classes):
        best = np.sort(np.argsort(-scores, kind="stable")[:2048])
        classes = {key: value[best] for key, value in classes.items()}
        return best[TOPICS[name].forward(boxes[best], scores[best], **classes, iou_threshold=iou_threshold)][:max_boxes]

    assert failed_cases(TOPICS[name], best_2048_only) == {large_case(name).name}


# --- among classes -----------------------------------------------------------------------------------------------


def test_classes_do_not_drop_each_other():
    scores, classes = np.array([0.9, 0.8, 0.7]), np.array([4, 2, 4])
    assert multiclass_nms(CHAIN, scores, classes, 0.5).tolist() == [0, 1, 2]
    assert multiclass_nms(CHAIN, scores, classes, 0.4).tolist() == [0, 1]
    assert multiclass_nms(CHAIN, scores, np.full(3, 7), 0.5).tolist() == nms(CHAIN, scores, 0.5).tolist() == [0, 2]


@pytest.mark.parametrize(("max_boxes", "kept"), [(None, [1, 0, 2]), (0, []), (1, [1]), (2, [1, 0]), (9, [1, 0, 2])])
def test_the_limit_counts_all_classes(max_boxes, kept):
    scores, classes = np.array([0.5, 0.6, 0.5]), np.array([1, 0, 1])
    assert multiclass_nms(CHAIN, scores, classes, 0.5, max_boxes).tolist() == kept


def test_multiclass_nms_is_nms_of_each_class(rng):
    boxes, scores, classes = draw(rng, 90), rng.permutation(90) / 90, rng.choice([0, 3, 11], 90)
    kept = multiclass_nms(boxes, scores, classes, 0.2)
    assert (np.diff(scores[kept]) < 0).all()
    for c in (0, 3, 11):
        (members,) = np.nonzero(classes == c)
        assert kept[classes[kept] == c].tolist() == members[nms(boxes[members], scores[members], 0.2)].tolist()


def test_multiclass_nms_of_nothing_keeps_nothing():
    assert multiclass_nms(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=int), 0.5).shape == (0,)


# --- in torch ----------------------------------------------------------------------------------------------------


@pytest.mark.torch
def test_torch_nms_equals_the_greedy_one_on_crowded_boxes():
    torch = pytest.importorskip("torch")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        boxes, scores = draw(rng, 80), rng.integers(0, 12, 80) / 12
        ours = TOPICS["nms"].torch(torch.from_numpy(boxes), torch.from_numpy(scores), 0.25, max_boxes=30)
        assert ours.tolist() == nms(boxes, scores, 0.25, max_boxes=30).tolist()


@pytest.mark.torch
@pytest.mark.parametrize("name", ["nms", "multiclass_nms"])
def test_torch_nms_goes_on_beyond_a_block(name, rng, monkeypatch):
    """More boxes than a block holds: scattered, and in a chain in which each box depends on the one before."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(sys.modules[TOPICS["nms"].forward.__module__], "BLOCK", 16)
    chain = np.arange(40.0)[:, None] * np.array([1.0, 0.0, 1.0, 0.0]) + np.array([0.0, 0.0, 2.5, 1.0])
    for boxes in (draw(rng, 300), chain):
        inputs = {"boxes": boxes, "scores": 1 - np.arange(len(boxes)) / len(boxes)}
        if name == "multiclass_nms":
            inputs["classes"] = rng.integers(0, 2, len(boxes))
        tensors = {key: torch.from_numpy(array) for key, array in inputs.items()}
        expected = TOPICS[name].forward(**inputs, iou_threshold=0.3).tolist()
        assert TOPICS[name].torch(**tensors, iou_threshold=0.3).tolist() == expected
        assert len(expected) >= 20 or boxes is not chain


@pytest.mark.torch
@pytest.mark.parametrize("name", ["nms", "multiclass_nms"])
def test_torch_nms_waits_for_the_device_in_two_named_steps_only(name, monkeypatch):
    """Without the step that goes on with the rest, nothing but the final selection reads the device."""
    torch = pytest.importorskip("torch")
    from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

    rounds = []
    module = sys.modules[TOPICS["nms"].forward.__module__]
    monkeypatch.setattr(module, "undecided", lambda left, decided: rounds.append(left) or left[module.BLOCK :])
    with FakeTensorMode():
        boxes, scores = torch.empty(600, 4, device="meta"), torch.empty(600, device="meta")
        classes = (torch.empty(600, dtype=torch.int64, device="meta"),) if name == "multiclass_nms" else ()
        with pytest.raises(DynamicOutputShapeException) as error:
            TOPICS[name].torch(boxes, scores, *classes, 0.5)
    assert len(rounds) == 3
    assert str(error.traceback[1].statement).strip().startswith("return order[")


# --- the cases ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nms", "multiclass_nms"])
def test_rounding_decides_nothing_but_the_cases_at_the_threshold(name):
    topic = TOPICS[name]
    for case, secret in itertools.product(topic.cases, map(str, range(25))):
        inputs = case_inputs(topic, case, secret)
        kept = inputs["boxes"][topic.forward(**inputs)]
        distance = np.abs(iou_matrix(kept, inputs["boxes"]) - inputs["iou_threshold"])
        exact = distance == 0
        assert (exact | (distance > 1e-3)).all(), case.name
        assert not exact.any() or case.name in ("IoU at the threshold", "threshold 0"), case.name


@pytest.mark.parametrize("name", ["nms", "multiclass_nms"])
def test_scores_are_apart_or_equal(name):
    topic = TOPICS[name]
    for case, secret in itertools.product(topic.cases, map(str, range(25))):
        scores = np.sort(case_inputs(topic, case, secret)["scores"].astype("f8"))
        gaps = np.diff(scores)
        closest = 0.9e-5 if case.name in ("float32 scores 1e-5 apart", "float32, in pixels") else 4e-4
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
