"""Throw away the boxes that the detector does not believe in (notes, section 10)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.picture import found_boxes

from .class_scores import class_scores, class_scores_torch


def filter_boxes(confidence, boxes, class_probs, threshold):
    """Keep the boxes whose class score reaches a threshold.

    confidence: float array of any shape (...), the probability of an object in each box
    boxes: float array (..., 4), four numbers per box, passed on as they are; same dtype
    class_probs: float array (..., C), the probability of each class, given that there is an object; same dtype
    threshold: number; a box stays when its score is greater than this or equal
    returns: (scores, boxes, classes) of the K boxes that stay
        scores: float array (K,), same dtype: p_c * c_i for the best class i, as in class_scores
        boxes: float array (K, 4), same dtype
        classes: integer array (K,), the best class of each box, of equal ones the lowest

    The leading axes become one, in the order of the indices (the last of them runs fastest, "row-major"), whatever the
    layout in memory; the boxes that stay keep this order. There may be no boxes at all, and K may be 0.
    Source: notes, section 10, summary (d).
    """
    check_boxes(confidence, boxes)
    scores, classes = class_scores(confidence, class_probs)
    keep = scores >= threshold
    return scores[keep], boxes[keep], classes[keep]


def filter_boxes_torch(confidence, boxes, class_probs, threshold):
    check_boxes(confidence, boxes)
    scores, classes = class_scores_torch(confidence, class_probs)
    keep = scores >= threshold
    return scores[keep], boxes[keep], classes[keep]  # waits for the device: K depends on the data


def check_boxes(confidence, boxes):
    """Raise ValueError unless there are four numbers for each confidence."""
    if tuple(boxes.shape) != (*confidence.shape, 4):
        raise ValueError(f"confidence {tuple(confidence.shape)} and boxes {tuple(boxes.shape)} do not fit")


def flattened_first(confidence, boxes, class_probs, threshold):
    products = confidence.reshape(-1, 1) * class_probs.reshape(-1, class_probs.shape[-1])
    scores, classes = products.max(axis=1), products.argmax(axis=1)
    (kept,) = np.nonzero(scores >= threshold)
    return scores[kept], boxes.reshape(-1, 4)[kept], classes[kept]


def box_by_box(confidence, boxes, class_probs, threshold):
    kept = []
    for index in np.ndindex(confidence.shape):
        best = int(np.argmax(class_probs[index]))
        score = confidence[index] * class_probs[index][best]
        if not score < threshold:
            kept.append((score, boxes[index], best))
    scores, corners, classes = zip(*kept, strict=True) if kept else ((), (), ())
    corners = np.array(corners, dtype=boxes.dtype).reshape(-1, 4)
    return np.array(scores, dtype=boxes.dtype), corners, np.array(classes, dtype=np.int64)


def must_exceed_threshold(confidence, boxes, class_probs, threshold):
    scores, classes = class_scores(confidence, class_probs)
    keep = scores > threshold
    return scores[keep], boxes[keep], classes[keep]


def filtered_by_confidence(confidence, boxes, class_probs, threshold):
    scores, classes = class_scores(confidence, class_probs)
    keep = confidence >= threshold
    return scores[keep], boxes[keep], classes[keep]


def filtered_by_class_probability(confidence, boxes, class_probs, threshold):
    scores, classes = class_scores(confidence, class_probs)
    keep = class_probs.max(axis=-1) >= threshold
    return scores[keep], boxes[keep], classes[keep]


def boxes_first(confidence, boxes, class_probs, threshold):
    scores, corners, classes = filter_boxes(confidence, boxes, class_probs, threshold)
    return corners, scores, classes


def best_score_first(confidence, boxes, class_probs, threshold):
    scores, corners, classes = filter_boxes(confidence, boxes, class_probs, threshold)
    order = np.argsort(-scores, kind="stable")
    return scores[order], corners[order], classes[order]


def set_to_zero(confidence, boxes, class_probs, threshold):
    scores, classes = class_scores(confidence, class_probs)
    keep = scores >= threshold
    return (scores * keep).ravel(), (boxes * keep[..., None]).reshape(-1, 4), (classes * keep).ravel()


def _detections(rng, shape, num_classes, threshold, dtype="f8"):
    """Draw boxes half of which pass: scores 0.02 from the threshold, the best class leading by 0.02 or more."""
    class_probs = rng.uniform(0, 0.55, (*shape, num_classes))
    best = rng.uniform(0.6, 0.95, shape)
    np.put_along_axis(class_probs, rng.integers(0, num_classes, (*shape, 1)), best[..., None], axis=-1)
    size = int(np.prod(shape))
    passes = rng.permutation(np.arange(size) % 2 == 0).reshape(shape)
    score = np.where(passes, rng.uniform(threshold + 0.02, 0.58, shape), rng.uniform(0.01, threshold - 0.02, shape))
    corners = np.sort(rng.random((*shape, 2, 2)), axis=-2).reshape(*shape, 4)
    arrays = {"confidence": score / best, "boxes": corners, "class_probs": class_probs}
    return {name: array.astype(dtype) for name, array in arrays.items()} | {"threshold": threshold}


def _by_hand(rng):
    order = rng.permutation(3)
    boxes = np.array([[0.0, 0.0, 1.0, 2.0], [1.0, 1.0, 3.0, 2.0], [4.0, 4.0, 6.0, 5.0]])
    class_probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    confidence = np.array([0.9, 0.8, 0.4])
    return {"confidence": confidence[order], "boxes": boxes[order], "class_probs": class_probs[order], "threshold": 0.5}


def _at_the_threshold(rng):
    """Eighths multiply without rounding: of four boxes one lies below 3/8, two at it and one above."""
    order = rng.permutation(4)
    confidence, best = np.array([0.375, 0.5, 0.625, 0.25])[order], np.array([1.0, 0.75, 0.875, 0.875])[order]
    arrays = {"confidence": confidence, "boxes": rng.integers(0, 8, (4, 4)).astype("f8")}
    return arrays | {"class_probs": np.stack([1 - best, best], axis=1), "threshold": 0.375}


def _laid_out(inputs, layout):
    return inputs | {name: layout(inputs[name]) for name in ("confidence", "boxes", "class_probs")}


TOPIC = Topic(
    forward=filter_boxes,
    torch=filter_boxes_torch,
    cases=(
        Case("three boxes", _by_hand, visible=True),
        Case("scores at the threshold", _at_the_threshold, visible=True, compare=Exact()),
        Case("a grid with anchors", lambda rng: _detections(rng, (4, 4, 3), 5, 0.35)),
        Case("float32", lambda rng: _detections(rng, (30,), 8, 0.3, "f4")),
        Case("column-major arrays", lambda rng: _laid_out(_detections(rng, (3, 4), 3, 0.4), np.asfortranarray)),
        Case(
            "every second box of larger arrays",
            lambda rng: _laid_out(_detections(rng, (6, 8), 3, 0.3), lambda array: array[::2, 1::2]),
        ),
        Case("threshold 0", lambda rng: _detections(rng, (5,), 3, 0.3) | {"threshold": 0}, aspect="edge"),
        Case("none stays", lambda rng: _detections(rng, (2, 3), 4, 0.3) | {"threshold": 0.9}, aspect="edge"),
        Case("no boxes", lambda rng: _detections(rng, (0,), 3, 0.3), aspect="edge"),
    ),
    mistakes=(
        Mistake(must_exceed_threshold, "A box whose score equals the threshold is dropped; it stays."),
        Mistake(
            filtered_by_confidence,
            "The confidence decides alone. An object that may be anything does not score: the class counts too.",
        ),
        Mistake(
            filtered_by_class_probability,
            "The class probability decides alone. In an empty cell it means nothing: weigh it with the confidence.",
        ),
        Mistake(boxes_first, "The results come in the wrong order: scores, boxes, classes."),
        Mistake(best_score_first, "The boxes are sorted by score. They keep their order here; sorting comes later."),
        Mistake(
            set_to_zero,
            "Boxes below the threshold are set to zero but still there: the results hold the other boxes alone.",
        ),
    ),
    alternates=(flattened_first, box_by_box),
    picture=lambda inputs, expected, actual: found_boxes(expected[1], actual[1]),
)
