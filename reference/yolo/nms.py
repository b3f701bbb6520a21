"""Non-maximum suppression: one box for each object (notes, section 10)."""

import numpy as np

from grader import Case, Indices, Mistake, Topic

from .iou_matrix import (
    far_corner_by_maximum,
    iou_matrix,
    iou_matrix_torch,
    nan_for_empty_boxes,
    negative_sides,
    plus_one_pixel,
    share_of_smaller_box,
)


def nms(boxes, scores, iou_threshold, max_boxes=None):
    """Keep the best box, drop the boxes that overlap it too much, and go on with the best of the rest.

    boxes: float array (N, 4), corners (x1, y1, x2, y2) with x2 >= x1 and y2 >= y1, in any unit; N may be 0
    scores: float array (N,), same dtype as boxes; of boxes with equal scores the one with the lower index goes first
    iou_threshold: number in [0, 1]; a box is dropped when its IoU with a kept box is greater than this, not equal
    max_boxes: the largest number of boxes to keep, or None for no limit; 0 keeps none
    returns: the indices of the kept boxes in `boxes`, best score first (an integer array or a list)

    A box that was dropped drops no others. The IoU is that of iou_matrix: continuous coordinates, and 0 for two boxes
    without area. There are no classes here: every box competes with every other.
    Source: notes, section 10, key steps (a) to (c).
    """
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size and len(kept) != max_boxes:
        best, order = order[:1], order[1:]
        kept.extend(best)
        order = order[iou_matrix(boxes[best], boxes[order])[0] <= iou_threshold]
    return np.array(kept, dtype=np.int64)


def nms_torch(boxes, scores, iou_threshold, max_boxes=None):
    order = scores.argsort(descending=True, stable=True)
    ranked = boxes[order]
    overlaps = (iou_matrix_torch(ranked, ranked) > iou_threshold).triu(1)
    keep = overlaps.new_ones(len(scores))
    for rank in range(len(scores)):  # the verdict on a box is final once all better boxes have had their turn
        keep = keep & ~(overlaps[rank] & keep[rank])
    return order[keep][:max_boxes]  # the one step that waits for the device: its length depends on the data


def _ranking(scores):
    return np.argsort(-scores, kind="stable")


def _select(order, overlaps, max_boxes=None):
    """Walk through the boxes in the given order; overlaps[i, j] says whether box j, if kept, drops box i."""
    kept = []
    for i in order:
        if not overlaps[i, kept].any():
            kept.append(i)
    return np.array(kept[:max_boxes], dtype=np.int64)


def all_pairs_first(boxes, scores, iou_threshold, max_boxes=None):
    return _select(_ranking(scores), iou_matrix(boxes, boxes) > iou_threshold, max_boxes)


def plain_loops(boxes, scores, iou_threshold, max_boxes=None):
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if max_boxes is not None and len(kept) >= max_boxes:
            break
        x1, y1, x2, y2 = map(float, boxes[i])
        for j in kept:
            u1, v1, u2, v2 = map(float, boxes[j])
            shared = max(0.0, min(x2, u2) - max(x1, u1)) * max(0.0, min(y2, v2) - max(y1, v1))
            if shared > iou_threshold * ((x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared):
                break
        else:
            kept.append(i)
    return kept


def weakest_first(boxes, scores, iou_threshold, max_boxes=None):
    return nms(boxes, -scores, iou_threshold, max_boxes)


def higher_index_first(boxes, scores, iou_threshold, max_boxes=None):
    return _select(np.argsort(scores, kind="stable")[::-1], iou_matrix(boxes, boxes) > iou_threshold, max_boxes)


def drops_at_the_threshold(boxes, scores, iou_threshold, max_boxes=None):
    return _select(_ranking(scores), iou_matrix(boxes, boxes) >= iou_threshold, max_boxes)


def dropped_boxes_drop_others(boxes, scores, iou_threshold, max_boxes=None):
    order = _ranking(scores)
    overlaps = iou_matrix(boxes[order], boxes[order]) > iou_threshold
    return order[~np.triu(overlaps, 1).any(axis=0)][:max_boxes]


def last_kept_only(boxes, scores, iou_threshold, max_boxes=None):
    overlaps = iou_matrix(boxes, boxes) > iou_threshold
    kept = []
    for i in _ranking(scores):
        if not overlaps[i, kept[-1:]].any():
            kept.append(i)
    return np.array(kept[:max_boxes], dtype=np.int64)


def max_boxes_ignored(boxes, scores, iou_threshold, max_boxes=None):
    return nms(boxes, scores, iou_threshold)


def zero_means_no_limit(boxes, scores, iou_threshold, max_boxes=None):
    return nms(boxes, scores, iou_threshold, max_boxes or None)


def limit_before_suppression(boxes, scores, iou_threshold, max_boxes=None):
    return _select(_ranking(scores)[:max_boxes], iou_matrix(boxes, boxes) > iou_threshold)


def places_in_the_ranking(boxes, scores, iou_threshold, max_boxes=None):
    order = _ranking(scores)
    return nms(boxes[order], scores[order], iou_threshold, max_boxes)


def in_input_order(boxes, scores, iou_threshold, max_boxes=None):
    return np.sort(nms(boxes, scores, iou_threshold, max_boxes))


def iou_plus_one_pixel(boxes, scores, iou_threshold, max_boxes=None):
    return _select(_ranking(scores), plus_one_pixel(boxes, boxes) > iou_threshold, max_boxes)


def iou_of_negative_sides(boxes, scores, iou_threshold, max_boxes=None):
    return _select(_ranking(scores), negative_sides(boxes, boxes) > iou_threshold, max_boxes)


def iou_with_far_corner_by_maximum(boxes, scores, iou_threshold, max_boxes=None):
    return _select(_ranking(scores), far_corner_by_maximum(boxes, boxes) > iou_threshold, max_boxes)


def share_instead_of_iou(boxes, scores, iou_threshold, max_boxes=None):
    return _select(_ranking(scores), share_of_smaller_box(boxes, boxes) > iou_threshold, max_boxes)


def nan_drops_empty_boxes(boxes, scores, iou_threshold, max_boxes=None):
    return _select(_ranking(scores), ~(nan_for_empty_boxes(boxes, boxes) <= iou_threshold), max_boxes)


def _scattered(rng, n, threshold, dtype="f8"):
    """Draw boxes in [0, 1] with different scores, no IoU within 2e-3 of the threshold except those equal to it."""
    boxes = np.empty((0, 4))
    while len(boxes) < n:
        near, sides = rng.uniform(0, 0.7, 2), rng.uniform(0.05, 0.3, 2)
        box = np.concatenate([near, near + sides])[None]
        distance = np.abs(iou_matrix(box, boxes) - threshold)
        if ((distance == 0) | (distance > 2e-3)).all():
            boxes = np.concatenate([boxes, box])
    scores = (rng.permutation(n) + 1) / (n + 1)
    return {"boxes": boxes.astype(dtype), "scores": scores.astype(dtype), "iou_threshold": threshold}


def _rows_of_neighbours(rng, rows, columns):
    """Line up equal boxes a fifth of their width apart: neighbours have an IoU of 2/3, the next 3/7, then 1/4."""
    row, column = np.divmod(rng.permutation(rows * columns), columns)
    near = np.stack([column * 0.2 / columns, row * 0.9 / rows], axis=1)
    boxes = np.concatenate([near, near + np.array([1.0 / columns, 0.8 / rows])], axis=1)
    return {"boxes": boxes, "scores": (rng.permutation(len(boxes)) + 1) / (len(boxes) + 1), "iou_threshold": 0.5}


def _shuffled(rng, boxes, scores, **rest):
    order = rng.permutation(len(boxes))
    return {"boxes": np.array(boxes)[order], "scores": np.array(scores)[order], "iou_threshold": 0.5} | rest


def _chain(rng):
    boxes = [[0.0, 0.2, 0.5, 0.6], [0.1, 0.2, 0.6, 0.6], [0.2, 0.2, 0.7, 0.6], [0.8, 0.7, 0.9, 0.9]]
    return _shuffled(rng, boxes, [0.9, 0.8, 0.7, 0.6])


def _equal_scores(rng):
    boxes = [[0.0, 0.0, 0.4, 0.4], [0.0, 0.1, 0.4, 0.5], [0.6, 0.6, 0.9, 0.9], [0.6, 0.1, 0.9, 0.4]]
    return _shuffled(rng, boxes, [0.7, 0.7, 0.7, 0.7])


def _close_scores(rng):
    inputs = _scattered(rng, 40, 0.4, "f4")
    return inputs | {"scores": (0.5 + 1e-5 * rng.permutation(40)).astype("f4")}


def _at_the_threshold(rng):
    """Put four boxes of dyadic corners into one another: IoU with the best 1/2, 1/2 and 3/4, all without rounding."""
    nested = [[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.25], [0.0, 0.0, 0.25, 0.5], [0.0, 0.0, 0.5, 0.375]]
    shift = np.tile(rng.integers(0, 5, 2) / 8, 2)
    return _shuffled(rng, nested + shift, [0.9, *rng.permutation([0.8, 0.7, 0.6])])


def _three_boxes_per_object(rng, max_boxes):
    """Give each of eight objects three boxes with neighbouring scores and IoUs above 2/3."""
    corner = np.stack(np.divmod(rng.permutation(8), 3), axis=1) * 0.3
    near = np.repeat(corner, 3, axis=0) + np.tile([[0.0, 0.0], [0.02, 0.0], [0.04, 0.0]], (8, 1))
    scores = 0.9 - 0.03 * np.arange(24)
    return _shuffled(rng, np.concatenate([near, near + 0.24], axis=1), scores, max_boxes=max_boxes)


def _without_area(rng):
    point = np.tile(rng.uniform(0.1, 0.9, 2), 2)
    line = np.array([0.5, 0.1, 0.5, 0.1 + rng.uniform(0.2, 0.8)])
    return _shuffled(rng, [point, point, line, line, [0.0, 0.0, 1.0, 1.0]], [0.9, 0.8, 0.7, 0.6, 0.5])


TOPIC = Topic(
    forward=nms,
    torch=nms_torch,
    compare=Indices(),
    cases=(
        Case("a chain of three boxes", _chain, visible=True),
        Case("equal scores", _equal_scores, visible=True),
        Case("many boxes", lambda rng: _scattered(rng, 200, 0.4)),
        Case("rows of neighbours", lambda rng: _rows_of_neighbours(rng, 10, 20)),
        Case("many equal scores", lambda rng: _scattered(rng, 60, 0.3) | {"scores": rng.integers(5, 10, 60) / 10}),
        Case("float32 scores 1e-5 apart", _close_scores),
        Case("IoU at the threshold", _at_the_threshold),
        Case("at most three boxes", lambda rng: _three_boxes_per_object(rng, 3)),
        Case("no limit", lambda rng: _three_boxes_per_object(rng, None)),
        Case("threshold 0", lambda rng: _scattered(rng, 30, 0.0), aspect="edge"),
        Case("boxes without area", _without_area, aspect="edge"),
        Case("one box", lambda rng: _scattered(rng, 1, 0.5), aspect="edge"),
        Case("no boxes", lambda rng: _scattered(rng, 0, 0.5), aspect="edge"),
        Case("none wanted", lambda rng: _three_boxes_per_object(rng, 0), aspect="edge"),
    ),
    mistakes=(
        Mistake(weakest_first, "The box with the lowest score goes first: rank by falling score."),
        Mistake(
            higher_index_first, "Equal scores come out in reverse: of two equal scores the lower index goes first."
        ),
        Mistake(
            drops_at_the_threshold,
            "A box whose IoU equals the threshold stays. Only a greater IoU drops it.",
        ),
        Mistake(
            dropped_boxes_drop_others,
            "A box that was dropped still drops others. Only a box that is kept may do so.",
        ),
        Mistake(
            last_kept_only,
            "Each box is compared with the last kept one alone. An earlier one may overlap it too.",
        ),
        Mistake(max_boxes_ignored, "More than max_boxes boxes are kept."),
        Mistake(
            zero_means_no_limit,
            "max_boxes = 0 keeps no box. Only None means that there is no limit, and 0 is not None.",
        ),
        Mistake(
            limit_before_suppression,
            "max_boxes counts the kept boxes. Cutting the candidates down first loses objects to duplicates of others.",
        ),
        Mistake(
            places_in_the_ranking,
            "The indices count in the ranked list. The caller needs to find the boxes in the list it gave.",
        ),
        Mistake(in_input_order, "The right boxes in the wrong order: the best score comes first."),
        Mistake(
            iou_plus_one_pixel,
            "The IoU adds a pixel to every side. With boxes in units of the image all boxes then overlap.",
        ),
        Mistake(
            iou_of_negative_sides,
            "The IoU of boxes that lie diagonally apart comes out positive: both sides of their overlap are negative.",
        ),
        Mistake(
            iou_with_far_corner_by_maximum,
            "The overlap of two boxes ends where the first of them ends: look at its far corner.",
        ),
        Mistake(
            share_instead_of_iou,
            "A small box inside a large one is dropped: the overlap counts against the union, not the smaller box.",
        ),
        Mistake(
            nan_drops_empty_boxes,
            "The IoU of two boxes without area is 0/0 here, and no comparison with NaN holds. It is 0 by convention.",
        ),
    ),
    alternates=(all_pairs_first, plain_loops),
)
