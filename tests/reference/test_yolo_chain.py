"""From the volume to the objects: encoding and decoding, splitting, scoring, filtering, and the whole chain."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course
from grader.oracle import case_inputs

NAMES = ["encode_box", "decode_box", "unflatten_predictions", "class_scores", "filter_boxes", "yolo_postprocess"]
TOPICS = load_course(Path(__file__).parents[2], [*NAMES, "iou_matrix"]).topics
encode_box, decode_box, unflatten_predictions, class_scores, filter_boxes, yolo_postprocess, iou_matrix = (
    topic.forward for topic in TOPICS.values()
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def cases(name, secrets=60):
    for case, secret in itertools.product(TOPICS[name].cases, map(str, range(secrets))):
        yield case, case_inputs(TOPICS[name], case, secret)


# --- one box, one cell -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "grid_size", "expected"),
    [
        ((0.25, 0.5, 0.75, 0.75), 4, (2, 2, 0, 0.5, 1, 2)),
        ((0, 0, 1, 1), 1, (0, 0, 0.5, 0.5, 1, 1)),
        ((0, 0, 1, 1), 3, (1, 1, 0.5, 0.5, 3, 3)),
        ((0, 0, 0, 0), 5, (0, 0, 0, 0, 0, 0)),
        ((1, 1, 1, 1), 5, (4, 4, 1, 1, 0, 0)),
        ((1, 0, 1, 0.25), 4, (0, 3, 1, 0.5, 1, 0)),
        ((0.5, 0.125, 0.75, 0.375), 2, (0, 1, 0.25, 0.5, 0.5, 0.5)),
    ],
)
def test_encoding_and_decoding_by_hand(box, grid_size, expected):
    box = np.array(box, dtype="f8")
    assert encode_box(box, grid_size) == expected
    assert_array_equal(decode_box(*expected, grid_size), box)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_decoding_undoes_encoding(dtype, rng):
    for _ in range(100):
        box = np.sort(rng.random((2, 2)), axis=0).ravel().astype(dtype)
        grid_size = int(rng.integers(1, 30))
        row, col, b_x, b_y, b_h, b_w = encode_box(box, grid_size)
        assert 0 <= row < grid_size and 0 <= col < grid_size and 0 <= b_x <= 1 and 0 <= b_y <= 1
        again = decode_box(row, col, b_x, b_y, b_h, b_w, grid_size)
        assert again.dtype == dtype
        assert_allclose(again, box, atol=4 * np.finfo(dtype).eps)


def test_decoding_clips_nothing():
    assert decode_box(0, 0, 0.0, 1.0, 4.0, 2.0, 2).tolist() == [-0.5, -0.5, 0.5, 1.5]


def test_centres_keep_away_from_the_borders_of_cells():
    for case, inputs in cases("encode_box"):
        centre = (inputs["box"][:2].astype("f8") + inputs["box"][2:]) / 2 * inputs["grid_size"]
        distance = np.abs(centre - centre.round())
        stated = case.name.startswith("centre")
        assert (distance > 1e-2).all() or stated, case.name
        assert (distance[distance <= 1e-2] == 0).all(), case.name


# --- volumes and scores ------------------------------------------------------------------------------------------


def test_every_number_finds_its_place():
    grid_size, num_anchors, num_classes = 4, 3, 2
    index = np.indices((grid_size, grid_size, num_anchors * (5 + num_classes)))
    volume = (index[0] * 10_000 + index[1] * 1_000 + index[2]).astype("f8")
    out = unflatten_predictions(volume, num_anchors, num_classes)
    row, col, anchor, number = np.indices((grid_size, grid_size, num_anchors, 5 + num_classes))
    assert_array_equal(out, row * 10_000 + col * 1_000 + anchor * 7 + number)
    assert_array_equal(unflatten_predictions(np.asfortranarray(volume), num_anchors, num_classes), out)
    assert unflatten_predictions(np.zeros((19, 19, 425)), 5, 80).shape == (19, 19, 5, 85)


def test_scores_by_hand():
    scores, classes = class_scores(np.array([0.5, 1.0]), np.array([[0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]))
    assert scores.tolist() == [0.25, 1.0] and classes.tolist() == [1, 2]


def test_of_equal_scores_the_lowest_class_counts():
    scores, classes = class_scores(np.array([0.5, 0.0]), np.array([[0.25, 0.5, 0.5], [0.0, 0.5, 0.25]]))
    assert scores.tolist() == [0.25, 0.0]
    assert classes.tolist() == [1, 0]  # with no confidence at all, all scores are equal


def test_the_best_class_leads_or_ties():
    for name in ("class_scores", "filter_boxes"):
        for case, inputs in cases(name):
            products = np.sort(inputs["confidence"][..., None] * inputs["class_probs"].astype("f8"), axis=-1)
            lead = products[..., -1] - products[..., -2] if products.shape[-1] > 1 else np.ones(1)
            assert (lead > 1e-3).all() or case.name == "equal classes", case.name
            assert ((lead == 0) | (lead > 1e-3)).all(), case.name


def test_filtering_by_hand():
    confidence, class_probs = np.array([[0.5], [1.0], [0.25]]), np.array([[[0.5, 0.5]], [[0.0, 0.75]], [[1.0, 0.0]]])
    boxes = np.arange(12.0).reshape(3, 1, 4)
    scores, kept, classes = filter_boxes(confidence, boxes, class_probs, 0.25)
    assert (
        scores.tolist() == [0.25, 0.75, 0.25]
        and classes.tolist() == [0, 1, 0]
        and kept.tolist() == boxes[:, 0].tolist()
    )
    scores, kept, classes = filter_boxes(confidence, boxes, class_probs, 0.5)
    assert scores.tolist() == [0.75] and classes.tolist() == [1] and kept.tolist() == [[4, 5, 6, 7]]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_filtering_nothing_or_everything_keeps_the_shapes(dtype, rng):
    confidence, boxes = rng.random((2, 3)).astype(dtype), rng.random((2, 3, 4)).astype(dtype)
    class_probs = rng.random((2, 3, 5)).astype(dtype)
    for parts in ((confidence, boxes, class_probs, 2.0), (confidence[:0], boxes[:0], class_probs[:0], 0.1)):
        scores, kept, classes = filter_boxes(*parts)
        assert scores.shape == classes.shape == (0,) and kept.shape == (0, 4)
        assert scores.dtype == kept.dtype == dtype and classes.dtype.kind == "i"


def test_filtering_takes_the_order_of_the_indices(rng):
    confidence, boxes, class_probs = rng.random((3, 4)), rng.random((3, 4, 4)), rng.random((3, 4, 2))
    scores, kept, classes = filter_boxes(*map(np.asfortranarray, (confidence, boxes, class_probs)), 0.0)
    assert_array_equal(kept, boxes.reshape(-1, 4))
    assert_array_equal(scores, (confidence[..., None] * class_probs).max(axis=-1).ravel())
    assert_array_equal(classes, class_probs.argmax(axis=-1).ravel())


def test_scores_keep_away_from_the_threshold_or_meet_it_exactly():
    for case, inputs in cases("filter_boxes"):
        scores = (inputs["confidence"][..., None] * inputs["class_probs"].astype("f8")).max(axis=-1)
        distance = np.abs(scores - inputs["threshold"])
        assert (distance > 1e-3).all() or "at the threshold" in case.name, case.name
        assert ((distance == 0) | (distance > 1e-3)).all(), case.name


# --- the whole chain ---------------------------------------------------------------------------------------------


def volume_of(grid_size, num_anchors, num_classes, found):
    """Make a volume that is empty but for the given {(row, col, anchor): numbers}."""
    p = np.zeros((grid_size, grid_size, num_anchors, 5 + num_classes))
    for place, numbers in found.items():
        p[place] = numbers
    return p.reshape(grid_size, grid_size, -1)


def test_one_object_by_hand():
    volume = volume_of(2, 1, 2, {(0, 1, 0): [0.5, 0.5, 0.25, 0.5, 1.0, 0.25, 0.75]})
    scores, boxes, classes = yolo_postprocess(volume, 1, 2, (80, 200), 0.3, 0.5, None)
    # centre (1.5, 0.25) cells of 100 x 40 pixels, one cell wide, half a cell high
    assert scores.tolist() == [0.375] and classes.tolist() == [1] and boxes.tolist() == [[100, 0, 200, 20]]


def test_objects_compete_within_their_class_only():
    found = {
        (1, 1, 0): [0.5, 0.5, 0.5, 1, 1, 1, 0],
        (1, 1, 1): [0.75, 0.5, 0.5, 1, 1, 1, 0],
        (0, 0, 1): [1.0, 0.5, 0.5, 1, 1, 0, 1],
        (2, 2, 0): [0.25, 0.5, 0.5, 9, 9, 1, 0],
    }
    scores, boxes, classes = yolo_postprocess(volume_of(3, 2, 2, found), 2, 2, (30, 60), 0.25, 0.5, 10)
    assert scores.tolist() == [1, 0.75, 0.25] and classes.tolist() == [1, 0, 0]
    assert_allclose(boxes, [[0, 0, 20, 10], [20, 10, 40, 20], [-40, -20, 140, 70]], atol=1e-12)
    found[1, 1, 0] = [0.5, 0.5, 0.5, 1, 1, 0, 1]  # now it is another object in the same place
    assert yolo_postprocess(volume_of(3, 2, 2, found), 2, 2, (30, 60), 0.25, 0.5, 3)[0].tolist() == [1, 0.75, 0.5]


def test_the_chain_finds_what_encode_box_put_in(rng):
    objects = [(np.array([0.1, 0.2, 0.4, 0.9]), 2), (np.array([0.55, 0.1, 0.95, 0.3]), 0)]
    found = {}
    for (box, c), score in zip(objects, (0.9, 0.8), strict=True):
        row, col, *numbers = encode_box(box, 5)
        found[row, col, 0] = [score, *numbers, *np.eye(3)[c]]
    scores, boxes, classes = yolo_postprocess(volume_of(5, 2, 3, found), 2, 3, (100, 200), 0.5, 0.5, 10)
    assert_allclose(scores, [0.9, 0.8])
    assert classes.tolist() == [2, 0]
    assert_allclose(boxes, [box * [200, 100, 200, 100] for box, _ in objects], rtol=1e-13)


def test_nothing_is_found_in_an_empty_volume():
    scores, boxes, classes = yolo_postprocess(np.zeros((3, 3, 16), dtype="f4"), 2, 3, (30, 40), 0.5, 0.5, 10)
    assert scores.shape == classes.shape == (0,) and boxes.shape == (0, 4)
    assert scores.dtype == boxes.dtype == np.float32


def test_rounding_decides_nothing_in_the_chain():
    """Scores keep away from each other and from the threshold, IoUs of candidates from theirs."""
    for case, inputs in cases("yolo_postprocess", secrets=25):
        free = inputs | {"iou_threshold": 1.0, "max_boxes": None}
        scores, boxes, _ = (array.astype("f8") for array in yolo_postprocess(**free))
        every = yolo_postprocess(**free | {"score_threshold": 0.0})[0].astype("f8")
        to_threshold = np.abs(every - inputs["score_threshold"])
        gaps = -np.diff(scores)
        stated = "at the threshold" in case.name
        assert ((to_threshold > 1e-3) | ((to_threshold == 0) & stated)).all(), case.name
        assert ((gaps > 1e-3) | ((gaps == 0) & stated)).all(), case.name
        assert (np.abs(iou_matrix(boxes, boxes) - inputs["iou_threshold"]) > 1e-3).all(), case.name


def test_the_full_volume_has_few_candidates():
    """Most of its 1,805 boxes fall to the score threshold, so that plain loops finish."""
    case = next(case for case in TOPICS["yolo_postprocess"].cases if "425" in case.name)
    inputs = case_inputs(TOPICS["yolo_postprocess"], case, "one")
    assert inputs["volume"].shape == (19, 19, 425)
    assert 30 <= len(yolo_postprocess(**inputs)[0]) <= 60


@pytest.mark.torch
def test_the_chain_in_torch_waits_for_the_device_in_its_selections_only():
    """The filter is the first step whose shape depends on the data; nothing before it reads the device."""
    torch = pytest.importorskip("torch")
    from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

    with FakeTensorMode(), pytest.raises(DynamicOutputShapeException) as error:
        TOPICS["yolo_postprocess"].torch(torch.empty(3, 3, 16, device="meta"), 2, 3, (30, 40), 0.5, 0.5, 10)
    module = sys.modules[TOPICS["filter_boxes"].forward.__module__]
    last = [entry for entry in error.traceback if str(entry.path) == module.__file__][-1]
    assert str(last.statement).strip().startswith("return ")


# --- what does not fit -------------------------------------------------------------------------------------------

GOOD = {
    "encode_box": {"box": np.array([0.1, 0.1, 0.4, 0.5]), "grid_size": 3},
    "decode_box": {"row": 0, "col": 2, "b_x": 0.5, "b_y": 0.5, "b_h": 1.0, "b_w": 1.0, "grid_size": 3},
    "unflatten_predictions": {"volume": np.zeros((3, 3, 16)), "num_anchors": 2, "num_classes": 3},
    "class_scores": {"confidence": np.ones(2), "class_probs": np.ones((2, 3))},
    "filter_boxes": {
        "confidence": np.ones(2),
        "boxes": np.ones((2, 4)),
        "class_probs": np.ones((2, 3)),
        "threshold": 0.5,
    },
    "yolo_postprocess": {
        "volume": np.zeros((3, 3, 16)),
        "num_anchors": 2,
        "num_classes": 3,
        "image_shape": (30, 40),
        "score_threshold": 0.5,
        "iou_threshold": 0.5,
        "max_boxes": 10,
    },
}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("encode_box", {"box": np.ones(5)}, r"box \(5,\)"),
        ("encode_box", {"box": np.ones((1, 4))}, r"box has shape \(1, 4\)"),
        ("encode_box", {"box": np.array([0.5, 0.1, 0.4, 0.5])}, "x1 <= x2"),
        ("encode_box", {"box": np.array([10.0, 10.0, 40.0, 50.0])}, r"box is \[10. 10. 40. 50.\]"),
        ("encode_box", {"box": np.array([np.nan, 0.1, 0.4, 0.5])}, "box is"),
        ("encode_box", {"grid_size": 0}, "grid_size is 0"),
        ("decode_box", {"row": 3}, "row is 3; 0 to 2"),
        ("decode_box", {"col": -1}, "col is -1"),
        ("decode_box", {"b_h": -0.5}, "b_h is -0.5"),
        ("decode_box", {"grid_size": 0}, "grid_size is 0"),
        ("unflatten_predictions", {"volume": np.zeros((3, 3, 17))}, r"\(3, 3, 17\).*must be 16"),
        ("unflatten_predictions", {"volume": np.zeros((3, 4, 16))}, r"\(3, 4, 16\)"),
        ("unflatten_predictions", {"volume": np.zeros((1, 3, 3, 16))}, r"\(1, 3, 3, 16\)"),
        ("unflatten_predictions", {"num_anchors": 0}, "num_anchors is 0"),
        ("class_scores", {"confidence": np.ones((2, 1))}, r"confidence \(2, 1\) and class_probs \(2, 3\)"),
        ("class_scores", {"class_probs": np.ones((2, 0))}, r"class_probs \(2, 0\)"),
        ("class_scores", {"confidence": np.array([0.5, 1.5])}, "confidence has values from 0.5 to 1.5"),
        ("class_scores", {"class_probs": -np.ones((2, 3))}, "class_probs has values from -1"),
        ("filter_boxes", {"boxes": np.ones((3, 4))}, r"confidence \(2,\) and boxes \(3, 4\)"),
        ("filter_boxes", {"boxes": np.ones((2, 5))}, r"boxes \(2, 5\)"),
        ("filter_boxes", {"class_probs": np.ones((3, 2))}, r"class_probs \(3, 2\)"),
        ("yolo_postprocess", {"volume": np.zeros((3, 3, 15))}, r"\(3, 3, 15\)"),
        ("yolo_postprocess", {"image_shape": (30, 40, 3)}, r"image_shape is \(30, 40, 3\)"),
        ("yolo_postprocess", {"image_shape": (0, 40)}, r"image_shape is \(0, 40\)"),
        ("yolo_postprocess", {"iou_threshold": 2}, "iou_threshold is 2"),
        ("yolo_postprocess", {"max_boxes": -3}, "max_boxes is -3"),
    ],
)
def test_bad_input_is_refused_by_name(name, change, message):
    TOPICS[name].forward(**GOOD[name])
    with pytest.raises(ValueError, match=message):
        TOPICS[name].forward(**GOOD[name] | change)
