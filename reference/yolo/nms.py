"""Non-maximum suppression: one box for each object (notes, section 10)."""

import numpy as np

from grader import Case, Indices, Mistake, Speed, Topic
from grader.picture import boxes
from grader.shapes import check_shapes

from .iou import have_area, number_by_number
from .iou_matrix import iou_matrix, iou_matrix_torch, plus_one_pixel

# In torch, this many boxes are compared with all others at once: memory grows with N, not with its square.
BLOCK = 256


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
    check_arguments(iou_threshold, max_boxes, boxes=(boxes, "N 4"), scores=(scores, "N"))
    return walk(boxes, ranking(scores), iou_threshold, max_boxes)


def nms_torch(boxes, scores, iou_threshold, max_boxes=None):
    check_arguments(iou_threshold, max_boxes, boxes=(boxes, "N 4"), scores=(scores, "N"))
    order = scores.argsort(descending=True, stable=True)
    return order[survivors_torch(boxes[order], iou_threshold)][:max_boxes]  # waits for its length


def check_arguments(iou_threshold, max_boxes, **shapes):
    check_shapes(**shapes)
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"iou_threshold is {iou_threshold}; a number from 0 to 1 is expected")
    if max_boxes is not None and max_boxes < 0:
        raise ValueError(f"max_boxes is {max_boxes}; None or a number from 0 is expected")


def ranking(scores):
    return np.argsort(-scores, kind="stable")


def walk(boxes, order, iou_threshold, max_boxes=None, iou=iou_matrix):
    """Walk through the boxes in the given order: keep the first, strike out what it overlaps, go on with the rest."""
    left, kept = boxes[order], []
    while order.size and len(kept) != max_boxes:
        kept.append(order[0])
        stays = iou(left[[0]], left[1:])[0] <= iou_threshold
        order, left = order[1:][stays], left[1:][stays]
    return np.array(kept, dtype=np.int64)


def survivors_torch(ranked, iou_threshold, classes=None):
    """Tell for each box, best score first, whether it is kept; with classes, a box drops only those of its own.

    Among the best boxes that are left, all those that no better one overlaps are kept at once; what they overlap is
    dropped, and the rest goes on. A few rounds decide a block of boxes, unless they form a long chain.
    """
    import torch

    left, keep = torch.arange(len(ranked), device=ranked.device), ranked.new_zeros(len(ranked)) > 0
    while len(left):
        block = left[:BLOCK]
        overlaps = iou_matrix_torch(ranked[block], ranked[left]) > iou_threshold
        if classes is not None:
            overlaps &= classes[block, None] == classes[left]
        best = ~overlaps[:, : len(block)].triu(1).any(dim=0)
        keep[block] = best
        decided = (overlaps & best[:, None]).any(dim=0)
        decided[: len(block)] |= best
        left = undecided(left, decided)
    return keep


def undecided(left, decided):
    """Go on with the rest: the one step of a round that waits for the device, since its length depends on the data."""
    return left[~decided]


def all_pairs_first(boxes, scores, iou_threshold, max_boxes=None):
    order = ranking(scores)
    stays = iou_matrix(boxes[order], boxes[order]) <= iou_threshold
    keep = np.ones(len(order), dtype=bool)
    for rank in range(len(order)):
        if keep[rank]:
            keep[rank + 1 :] &= stays[rank, rank + 1 :]
    return order[keep][:max_boxes]


def plain_loops(boxes, scores, iou_threshold, max_boxes=None):
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if len(kept) == max_boxes:
            break
        if all(number_by_number(boxes[i], boxes[j]) <= iou_threshold for j in kept):
            kept.append(i)
    return kept


def weakest_first(boxes, scores, iou_threshold, max_boxes=None):
    return nms(boxes, -scores, iou_threshold, max_boxes)


def higher_index_first(boxes, scores, iou_threshold, max_boxes=None):
    return walk(boxes, np.argsort(scores, kind="stable")[::-1], iou_threshold, max_boxes)


def drops_at_the_threshold(boxes, scores, iou_threshold, max_boxes=None):
    return walk(boxes, ranking(scores), np.nextafter(boxes.dtype.type(iou_threshold), -1), max_boxes)


def dropped_boxes_drop_others(boxes, scores, iou_threshold, max_boxes=None):
    order = ranking(scores)
    overlaps = iou_matrix(boxes[order], boxes[order]) > iou_threshold
    return order[~np.triu(overlaps, 1).any(axis=0)][:max_boxes]


def last_kept_only(boxes, scores, iou_threshold, max_boxes=None):
    kept = []
    for i in ranking(scores):
        last = boxes[kept[-1:]]
        if not (iou_matrix(last, boxes[i : i + 1]) > iou_threshold).any():
            kept.append(i)
    return np.array(kept[:max_boxes], dtype=np.int64)


def max_boxes_ignored(boxes, scores, iou_threshold, max_boxes=None):
    return nms(boxes, scores, iou_threshold)


def zero_means_no_limit(boxes, scores, iou_threshold, max_boxes=None):
    return nms(boxes, scores, iou_threshold, max_boxes or None)


def limit_before_suppression(boxes, scores, iou_threshold, max_boxes=None):
    return walk(boxes, ranking(scores)[:max_boxes], iou_threshold)


def in_input_order(boxes, scores, iou_threshold, max_boxes=None):
    return np.sort(nms(boxes, scores, iou_threshold, max_boxes))


def iou_plus_one_pixel(boxes, scores, iou_threshold, max_boxes=None):
    return walk(boxes, ranking(scores), iou_threshold, max_boxes, iou=plus_one_pixel)


def scattered(rng, n, threshold, dtype="f8"):
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


def clusters(rng, n, size):
    """Give each of n disjoint objects `size` boxes with IoUs above 0.68, and one more object a single box.

    That box stands last in the list and has the lowest score; n + 1 boxes survive, and it is one of them.
    """
    per_row = int(np.ceil(np.sqrt(n + 1)))
    corners = np.stack(np.divmod(rng.permutation(n + 1), per_row), axis=1)
    near = np.repeat(corners[:-1], size, axis=0) + rng.uniform(0, 0.08, (n * size, 2))
    near = np.concatenate([rng.permutation(near), corners[-1:]])
    scores = np.append(rng.permutation(n * size) + 2, 1) / (n * size + 2)
    boxes = np.concatenate([near, near + 0.85], axis=1) / per_row
    return {"boxes": boxes.astype("f4"), "scores": scores.astype("f4"), "iou_threshold": 0.5}


def rows_of_neighbours(rng, rows, columns):
    """Line up equal boxes a fifth of their width apart: neighbours have an IoU of 2/3, the next 3/7, then 1/4."""
    row, column = np.divmod(rng.permutation(rows * columns), columns)
    near = np.stack([column * 0.2 / columns, row * 0.9 / rows], axis=1)
    boxes = np.concatenate([near, near + np.array([1.0 / columns, 0.8 / rows])], axis=1)
    scores = (rng.permutation(len(boxes)) + 1) / (len(boxes) + 1)
    return {"boxes": np.asfortranarray(boxes), "scores": scores, "iou_threshold": 0.5}


def shuffled(rng, boxes, scores, **rest):
    order = rng.permutation(len(boxes))
    return {"boxes": np.array(boxes)[order], "scores": np.array(scores)[order], "iou_threshold": 0.5} | rest


def _chain(rng):
    boxes = [[0.0, 0.2, 0.5, 0.6], [0.1, 0.2, 0.6, 0.6], [0.2, 0.2, 0.7, 0.6], [0.8, 0.7, 0.9, 0.9]]
    return shuffled(rng, boxes, [0.9, 0.8, 0.7, 0.6])


def _equal_scores(rng):
    boxes = [[0.0, 0.0, 0.4, 0.4], [0.0, 0.1, 0.4, 0.5], [0.6, 0.6, 0.9, 0.9], [0.6, 0.1, 0.9, 0.4]]
    return shuffled(rng, boxes, [0.7, 0.7, 0.7, 0.7])


def many_equal_scores(rng):
    """Put the boxes into every second place of a larger array; what lies between is no box."""
    wide, inputs = rng.standard_normal((180, 8)), scattered(rng, 90, 0.3)
    wide[::2, ::2] = inputs["boxes"]
    return inputs | {"boxes": wide[::2, ::2], "scores": rng.integers(5, 10, 180)[::2] / 10}


def close_scores(rng):
    return scattered(rng, 40, 0.4, "f4") | {"scores": (0.5 + 1e-5 * rng.permutation(40)).astype("f4")}


def at_the_threshold(rng):
    """Put four boxes of dyadic corners into one another: IoU with the best 1/2, 1/2 and 3/4, all without rounding."""
    nested = [[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.25], [0.0, 0.0, 0.25, 0.5], [0.0, 0.0, 0.5, 0.375]]
    shift = np.tile(rng.integers(0, 5, 2) / 8, 2)
    return shuffled(rng, nested + shift, [0.9, *rng.permutation([0.8, 0.7, 0.6])])


def _without_area(rng):
    point = np.tile(rng.uniform(0.1, 0.9, 2), 2)
    line = np.array([0.5, 0.1, 0.5, 0.1 + rng.uniform(0.2, 0.8)])
    return shuffled(rng, [point, point, line, line, [0.0, 0.0, 1.0, 1.0]], [0.9, 0.8, 0.7, 0.6, 0.5])


def whole_pixels(rng, n):
    """Scatter n boxes of 24 by 16 and 16 by 24 pixels over an area that grows with n; scores are 1 / n apart.

    An IoU of theirs is I / (768 - I), where I is the shared area, a whole number: none is within 1e-3 of 0.4.
    """
    near = rng.integers(0, int(5 * np.sqrt(n)), (n, 2)).astype("f8")
    boxes = np.concatenate([near, near + rng.permuted(np.tile([24, 16], (n, 1)), axis=1)], axis=1)
    return {"boxes": boxes, "scores": rng.permutation(n) / n, "iou_threshold": 0.4}


def moved(rng, boxes, iou_threshold, **others):
    """Shuffle all arrays, each in its own way, and move each box by up to 8 whole pixels along both axes."""
    boxes = rng.permutation(boxes) + np.tile(rng.integers(-8, 9, (len(boxes), 2)), 2)
    others = {name: rng.permutation(array) for name, array in others.items()}
    return {"boxes": boxes, "iou_threshold": iou_threshold, **others}


def away_from_threshold(boxes, iou_threshold, **rest):
    """Tell whether all boxes have an area, and no two of them an IoU so near the threshold that rounding decides."""
    return have_area(boxes) and bool((np.abs(iou_matrix(boxes, boxes) - iou_threshold) > 1e-3).all())


TOPIC = Topic(
    forward=nms,
    torch=nms_torch,
    compare=Indices(),
    cases=(
        Case("a chain of three boxes", _chain, visible=True),
        Case("equal scores", _equal_scores, visible=True),
        Case("rows of neighbours, column-major", lambda rng: rows_of_neighbours(rng, 10, 20)),
        Case("many equal scores, in a larger array", many_equal_scores),
        Case("float32 scores 1e-5 apart", close_scores),
        Case("IoU at the threshold", at_the_threshold),
        Case("at most 15 boxes", lambda rng: clusters(rng, 15, 10) | {"max_boxes": 15}),
        Case("2,101 boxes in clusters", lambda rng: clusters(rng, 21, 100)),
        Case("threshold 0", lambda rng: scattered(rng, 30, 0.0), aspect="edge"),
        Case("boxes without area", _without_area, aspect="edge"),
        Case("no boxes", lambda rng: scattered(rng, 0, 0.5), aspect="edge"),
        Case("none wanted", lambda rng: clusters(rng, 4, 3) | {"max_boxes": 0}, aspect="edge"),
    ),
    mistakes=(
        Mistake(weakest_first, "The box with the lowest score goes first: rank by falling score."),
        Mistake(higher_index_first, "Of two equal scores the higher index goes first. The lower one should."),
        Mistake(drops_at_the_threshold, "A box whose IoU equals the threshold stays. Only a greater IoU drops it."),
        Mistake(dropped_boxes_drop_others, "A box that was dropped still drops others. Only a kept box may do so."),
        Mistake(last_kept_only, "A box is compared with the last kept one alone. An earlier one may overlap it too."),
        Mistake(max_boxes_ignored, "More than max_boxes boxes are kept."),
        Mistake(zero_means_no_limit, "max_boxes = 0 keeps no box. Only None sets no limit, and 0 is not None."),
        Mistake(
            limit_before_suppression,
            "max_boxes counts the kept boxes. Cutting the candidates down first loses objects to duplicates of others.",
        ),
        Mistake(in_input_order, "The right boxes in the wrong order: the best score comes first."),
        Mistake(
            iou_plus_one_pixel, "The IoU adds a pixel to every side: boxes in units of the image then all overlap."
        ),
    ),
    alternates=(all_pairs_first, plain_loops),
    valid=away_from_threshold,
    speed=Speed(whole_pixels, moved, (200, 400, 800), "boxes"),
    picture=lambda inputs, expected, actual: boxes(inputs["boxes"], expected, actual),
)
