"""Non-maximum suppression among the boxes of each class (notes, section 10)."""

import numpy as np

from grader import Case, Indices, Mistake, Speed, Topic
from grader.picture import boxes

from .iou_matrix import iou_matrix
from .nms import (
    at_the_threshold,
    away_from_threshold,
    check_arguments,
    close_scores,
    clusters,
    many_equal_scores,
    moved,
    nms,
    ranking,
    rows_of_neighbours,
    scattered,
    survivors_torch,
    whole_pixels,
)


def multiclass_nms(boxes, scores, classes, iou_threshold, max_boxes=None):
    """Keep the best boxes, as nms does, but let a box drop only boxes of its own class.

    boxes: float array (N, 4), corners (x1, y1, x2, y2) with x2 >= x1 and y2 >= y1, in any unit; N may be 0
    scores: float array (N,), same dtype as boxes; of boxes with equal scores the one with the lower index goes first
    classes: integer array (N,), the class of each box; numbers from 0, not all of which need to occur
    iou_threshold: number in [0, 1]; a box is dropped when a kept box of its class has an IoU with it above this
    max_boxes: the largest number of boxes to keep, of all classes together, or None for no limit; 0 keeps none
    returns: the indices of the kept boxes in `boxes`, best score first, whatever the class (an integer array or a list)

    Boxes of different classes never drop each other, however much they overlap: a rider sits on a horse.
    With max_boxes the best of all kept boxes stay, so that a class of weak boxes may go empty.
    Source: notes, section 10, key steps (a) to (c), class by class.
    """
    check_arguments(iou_threshold, max_boxes, boxes=(boxes, "N 4"), scores=(scores, "N"), classes=(classes, "N"))
    kept = np.zeros(len(scores), dtype=bool)
    for of_class in (np.flatnonzero(classes == c) for c in np.unique(classes)):
        kept[of_class[nms(boxes[of_class], scores[of_class], iou_threshold)]] = True
    order = ranking(scores)
    return order[kept[order]][:max_boxes]


def multiclass_nms_torch(boxes, scores, classes, iou_threshold, max_boxes=None):
    check_arguments(iou_threshold, max_boxes, boxes=(boxes, "N 4"), scores=(scores, "N"), classes=(classes, "N"))
    order = scores.argsort(descending=True, stable=True)
    return order[survivors_torch(boxes[order], iou_threshold, classes[order])][:max_boxes]  # waits for its length


def one_walk(boxes, scores, classes, iou_threshold, max_boxes=None):
    left, kept = ranking(scores), []
    while left.size and len(kept) != max_boxes:
        best, left = left[0], left[1:]
        kept.append(int(best))
        overlap = iou_matrix(boxes[best][None], boxes[left])[0]
        left = left[(overlap <= iou_threshold) | (classes[left] != classes[best])]
    return kept


def classes_far_apart(boxes, scores, classes, iou_threshold, max_boxes=None):
    """Move the boxes of each class to a place of their own, where one suppression serves all."""
    number = np.searchsorted(np.unique(classes), classes).astype(boxes.dtype)
    width = np.ceil(boxes.max(initial=0) - boxes.min(initial=0)) + 1
    return nms(boxes + width * number[:, None], scores, iou_threshold, max_boxes)


def classes_ignored(boxes, scores, classes, iou_threshold, max_boxes=None):
    return nms(boxes, scores, iou_threshold, max_boxes)


def _class_by_class(boxes, scores, classes, iou_threshold, max_boxes=None):
    members = [np.flatnonzero(classes == c) for c in np.unique(classes)]
    kept = [of_class[nms(boxes[of_class], scores[of_class], iou_threshold, max_boxes)] for of_class in members]
    return np.concatenate([np.zeros(0, dtype=np.int64), *kept])


def max_boxes_for_each_class(boxes, scores, classes, iou_threshold, max_boxes=None):
    kept = np.sort(_class_by_class(boxes, scores, classes, iou_threshold, max_boxes))
    return kept[ranking(scores[kept])]


def grouped_by_class(boxes, scores, classes, iou_threshold, max_boxes=None):
    return _class_by_class(boxes, scores, classes, iou_threshold)[:max_boxes]


def equal_scores_by_class(boxes, scores, classes, iou_threshold, max_boxes=None):
    kept = _class_by_class(boxes, scores, classes, iou_threshold)
    return kept[ranking(scores[kept])][:max_boxes]


def classes_one_unit_apart(boxes, scores, classes, iou_threshold, max_boxes=None):
    return nms(boxes + classes[:, None].astype(boxes.dtype), scores, iou_threshold, max_boxes)


def classes_counted_from_zero(boxes, scores, classes, iou_threshold, max_boxes=None):
    known = np.flatnonzero(classes < len(np.unique(classes)))
    return known[multiclass_nms(boxes[known], scores[known], classes[known], iou_threshold, max_boxes)]


def _with_classes(rng, inputs, classes, **rest):
    """Give each box one of the given classes, drawn by chance."""
    return inputs | {"classes": rng.choice(classes, len(inputs["scores"]))} | rest


def _rider_and_horse(rng):
    """Best first: a box, a duplicate of another class (IoU 2/3), a duplicate of its own (0.9), and one apart."""
    order = rng.permutation(4)
    boxes = np.array([[0.0, 0.0, 0.5, 0.5], [0.0, 0.1, 0.5, 0.6], [0.0, 0.0, 0.5, 0.45], [0.6, 0.6, 0.9, 0.9]])
    scores, classes = np.array([0.9, 0.8, 0.7, 0.6]), np.array([3, 5, 3, 5])
    return {"boxes": boxes[order], "scores": scores[order], "classes": classes[order], "iou_threshold": 0.5}


def _pairs_with_equal_scores(rng):
    """Put a box of class 0 and one of class 1 on each of three places, all with one score."""
    order, near = rng.permutation(6), np.repeat([[0.0, 0.0], [0.5, 0.25], [0.125, 0.625]], 2, axis=0)
    boxes = np.concatenate([near, near + 0.25], axis=1)[order]
    return {"boxes": boxes, "scores": np.full(6, 0.5), "classes": np.arange(6)[order] % 2, "iou_threshold": 0.5}


def _in_pixels(rng):
    inputs = _with_classes(rng, close_scores(rng), [0, 1, 2])
    return inputs | {"boxes": inputs["boxes"] * 600}


def _each_its_own(rng):
    return clusters(rng, 4, 3) | {"classes": rng.permutation(13)}


def _of_five_classes(rng, n):
    return _with_classes(rng, whole_pixels(rng, n), np.arange(5))


TOPIC = Topic(
    forward=multiclass_nms,
    torch=multiclass_nms_torch,
    compare=Indices(),
    cases=(
        Case("overlapping boxes of two classes", _rider_and_horse, visible=True),
        Case("equal scores in two classes", _pairs_with_equal_scores, visible=True),
        Case("five classes", lambda rng: _with_classes(rng, scattered(rng, 120, 0.4), np.arange(5))),
        Case("column-major, classes 7 and 79", lambda rng: _with_classes(rng, rows_of_neighbours(rng, 8, 12), [7, 79])),
        Case("equal scores, in a larger array", lambda rng: _with_classes(rng, many_equal_scores(rng), np.arange(4))),
        Case("float32, in pixels", _in_pixels),
        Case("IoU at the threshold", lambda rng: _with_classes(rng, at_the_threshold(rng), [1])),
        Case("at most six boxes", lambda rng: _with_classes(rng, clusters(rng, 12, 5), np.arange(3), max_boxes=6)),
        Case("2,101 boxes in clusters", lambda rng: _with_classes(rng, clusters(rng, 21, 100), [0, 1])),
        Case("each box its own class", _each_its_own, aspect="edge"),
        Case("no boxes", lambda rng: _with_classes(rng, scattered(rng, 0, 0.5), [0]), aspect="edge"),
        Case("none wanted", lambda rng: _with_classes(rng, clusters(rng, 4, 3), [0, 1], max_boxes=0), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            classes_ignored,
            "Boxes of different classes drop each other. They are different objects, however much they overlap.",
        ),
        Mistake(max_boxes_for_each_class, "max_boxes limits the boxes of each class. It counts all classes together."),
        Mistake(grouped_by_class, "The boxes come out class by class. The best score comes first, whatever its class."),
        Mistake(
            equal_scores_by_class,
            "Among equal scores the class decides the order. The lower index goes first, whatever its class.",
        ),
        Mistake(
            classes_one_unit_apart,
            "Moving each class away from the others is a fine idea, but by one unit is not far enough: "
            "boxes in pixels still overlap. The distance must follow from the boxes.",
        ),
        Mistake(
            classes_counted_from_zero,
            "Boxes get lost: the classes that occur need not be 0, 1, 2, ... without a gap.",
        ),
    ),
    alternates=(one_walk, classes_far_apart),
    valid=away_from_threshold,
    speed=Speed(_of_five_classes, moved, (150, 300, 600), "boxes"),
    picture=lambda inputs, expected, actual: boxes(inputs["boxes"], expected, actual),
)
