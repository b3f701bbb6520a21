"""Intersection over union of every pair of boxes (notes, section 10)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic


def iou_matrix(boxes1, boxes2):
    """Compare every box of one list with every box of another by intersection over union (IoU).

    boxes1: float array (N, 4), corners (x1, y1, x2, y2) with x2 >= x1 and y2 >= y1, in any unit; N may be 0
    boxes2: float array (M, 4), likewise, in the same unit and dtype; M may be 0
    returns: float array (N, M), same dtype; entry (i, j) is the area that boxes1[i] and boxes2[j] share, divided by
        the area that they cover together

    Coordinates are continuous: a box is x2 - x1 wide, without "+ 1 pixel". Boxes that are disjoint, or that only
    touch, give 0, and so do two boxes without area. Otherwise the ratio is exact: nothing is added to the union.
    Source: notes, section 10, step (e); Jaccard's index of two sets.
    """
    a, b = boxes1.T[:, :, None], boxes2.T[:, None, :]
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection
    return intersection / np.where(union > 0, union, 1)


def iou_matrix_torch(boxes1, boxes2):
    a, b = boxes1.T[:, :, None], boxes2.T[:, None, :]
    width = a[2].minimum(b[2]) - a[0].maximum(b[0])
    height = a[3].minimum(b[3]) - a[1].maximum(b[1])
    intersection = width.clamp(min=0) * height.clamp(min=0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection
    return intersection / union.where(union > 0, 1)


def pair_by_pair(boxes1, boxes2):
    out = np.zeros((len(boxes1), len(boxes2)), dtype=boxes1.dtype)
    for i, (ax1, ay1, ax2, ay2) in enumerate(boxes1):
        for j, (bx1, by1, bx2, by2) in enumerate(boxes2):
            shared = max(min(ax2, bx2) - max(ax1, bx1), 0) * max(min(ay2, by2) - max(ay1, by1), 0)
            if shared > 0:
                out[i, j] = shared / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared)
    return out


def guarded_division(boxes1, boxes2):
    near = np.maximum(boxes1[:, None, :2], boxes2[None, :, :2])
    far = np.minimum(boxes1[:, None, 2:], boxes2[None, :, 2:])
    shared = np.prod(np.clip(far - near, 0, None), axis=-1)
    area1, area2 = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (boxes1, boxes2))
    return shared / (area1[:, None] + (area2 - shared) + 1e-12)


def _ratio(boxes1, boxes2, side=lambda s: np.maximum(s, 0), extra=0):
    a, b = boxes1.T[:, :, None], boxes2.T[:, None, :]
    width = side(np.minimum(a[2], b[2]) - np.maximum(a[0], b[0]) + extra)
    height = side(np.minimum(a[3], b[3]) - np.maximum(a[1], b[1]) + extra)
    area1, area2 = ((c[2] - c[0] + extra) * (c[3] - c[1] + extra) for c in (a, b))
    return width * height, area1, area2


def negative_sides(boxes1, boxes2):
    shared, area1, area2 = _ratio(boxes1, boxes2, side=lambda s: s)
    union = area1 + area2 - shared
    return shared / np.where(union != 0, union, 1)


def absolute_sides(boxes1, boxes2):
    shared, area1, area2 = _ratio(boxes1, boxes2, side=np.abs)
    union = area1 + area2 - shared
    return shared / np.where(union != 0, union, 1)


def plus_one_pixel(boxes1, boxes2):
    shared, area1, area2 = _ratio(boxes1, boxes2, extra=1)
    return shared / (area1 + area2 - shared)


def sum_instead_of_union(boxes1, boxes2):
    shared, area1, area2 = _ratio(boxes1, boxes2)
    total = area1 + area2
    return shared / np.where(total > 0, total, 1)


def share_of_smaller_box(boxes1, boxes2):
    shared, area1, area2 = _ratio(boxes1, boxes2)
    smaller = np.minimum(area1, area2)
    return shared / np.where(smaller > 0, smaller, 1)


def nan_for_empty_boxes(boxes1, boxes2):
    shared, area1, area2 = _ratio(boxes1, boxes2)
    return shared / (area1 + area2 - shared)


def one_for_empty_boxes(boxes1, boxes2):
    shared, area1, area2 = _ratio(boxes1, boxes2)
    union = area1 + area2 - shared
    return np.where(union > 0, shared / union, 1)


def smoothed_ratio(boxes1, boxes2):
    shared, area1, area2 = _ratio(boxes1, boxes2)
    return shared / (area1 + area2 - shared + 1e-6)


def far_corner_by_maximum(boxes1, boxes2):
    a, b = boxes1.T[:, :, None], boxes2.T[:, None, :]
    shared = (np.maximum(a[2], b[2]) - np.maximum(a[0], b[0])) * (np.maximum(a[3], b[3]) - np.maximum(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / np.where(union != 0, union, 1)


def corners_read_as_sides(boxes1, boxes2):
    as_corners = [np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1) for boxes in (boxes1, boxes2)]
    return iou_matrix(*as_corners)


def whole_pixels(boxes1, boxes2):
    return iou_matrix(np.trunc(boxes1), np.trunc(boxes2))


def transposed(boxes1, boxes2):
    return iou_matrix(boxes2, boxes1)


def _boxes(rng, n, low, high, smallest, largest):
    """Draw n boxes with both sides in [smallest, largest] inside the square from low to high."""
    sides = rng.uniform(smallest, largest, (n, 2))
    near = rng.uniform(low, high - sides)
    return np.concatenate([near, near + sides], axis=1)


def _by_hand(rng):
    shift = 100.0 * rng.integers(0, 5)
    box = np.array([[0.0, 0.0, 200.0, 200.0]])
    others = np.array([[100.0, 100, 300, 300], [0, 0, 200, 100], [300, 300, 500, 500]])
    return {"boxes1": box + shift, "boxes2": others + shift}


def _whole_numbers(rng):
    return {"boxes1": _boxes(rng, 3, 0, 500, 200, 400).round(-1), "boxes2": _boxes(rng, 2, 0, 500, 200, 400).round(-1)}


def _disjoint(rng):
    """Surround one box by boxes that are left of, right of, above, below and diagonal to it, near and touching."""
    side, gap = rng.uniform(100, 200), rng.uniform(1, 300, (8, 1))
    columns, rows = np.divmod(np.delete(np.arange(9), 4), 3)
    near = np.stack([columns - 1, rows - 1], axis=1) * (side + gap)
    touching = np.array([[side, 0.0], [0.0, side], [-side, 0.0], [0.0, -side]])
    near = np.concatenate([near, touching, rng.uniform(-0.4, 0.4, (2, 2)) * side])
    centre = np.array([[0.0, 0.0, side, side]])
    return {"boxes1": centre, "boxes2": np.concatenate([near, near + side], axis=1)}


def _nested(rng):
    outer = _boxes(rng, 4, 0, 600, 200, 300)
    inset = rng.uniform(10, 60, (4, 4)) * np.array([1, 1, -1, -1])
    return {"boxes1": outer, "boxes2": np.concatenate([outer + inset, outer])}


def _without_area(rng):
    points = np.tile(rng.uniform(10, 90, (2, 2)), 2)
    lines = _boxes(rng, 2, 0, 100, 20, 30)
    lines[0, 2], lines[1, 3] = lines[0, 0], lines[1, 1]
    empty = np.concatenate([points, lines])
    return {"boxes1": empty, "boxes2": np.concatenate([empty, np.array([[0.0, 0.0, 100.0, 100.0]])])}


def _pairs(rng, n, m, *box, dtype="f8"):
    return {"boxes1": _boxes(rng, n, *box).astype(dtype), "boxes2": _boxes(rng, m, *box).astype(dtype)}


TOPIC = Topic(
    forward=iou_matrix,
    torch=iou_matrix_torch,
    cases=(
        Case("one box and three others", _by_hand, visible=True),
        Case("whole numbers", _whole_numbers, visible=True),
        Case("boxes in pixels", lambda rng: _pairs(rng, 12, 9, 0, 600, 100, 300)),
        Case("float32", lambda rng: _pairs(rng, 7, 11, 0, 600, 100, 300, dtype="f4")),
        Case("disjoint and touching boxes", _disjoint),
        Case("nested and equal boxes", _nested),
        Case(
            "boxes in units of the image",
            lambda rng: _pairs(rng, 8, 6, 0, 0.1, 0.035, 0.06, dtype="f4"),
            aspect="stability",
        ),
        Case("boxes without area", _without_area, aspect="edge", compare=Exact()),
        Case(
            "no boxes", lambda rng: {"boxes1": np.zeros((0, 4)), "boxes2": _boxes(rng, 3, 0, 60, 20, 40)}, aspect="edge"
        ),
    ),
    mistakes=(
        Mistake(
            negative_sides,
            "Boxes that lie diagonally apart get a positive IoU: both sides of their overlap are negative, "
            "and the product of two negative numbers is not.",
        ),
        Mistake(
            absolute_sides,
            "The sides of the overlap are taken without their sign. A negative side means that the boxes are apart.",
        ),
        Mistake(
            plus_one_pixel,
            "Every side is one too long. Coordinates are continuous here: a box from 0 to 1 is 1 wide.",
        ),
        Mistake(
            sum_instead_of_union, "The shared area is counted twice in the union: each of the two areas contains it."
        ),
        Mistake(share_of_smaller_box, "The shared area is divided by the smaller box; IoU divides it by the union."),
        Mistake(nan_for_empty_boxes, "Two boxes without area give 0/0. Their IoU is 0 by convention."),
        Mistake(
            one_for_empty_boxes, "Two boxes without area have an IoU of 0 by convention, even when they are equal."
        ),
        Mistake(
            smoothed_ratio,
            "A constant in the denominator changes the ratio of small boxes: "
            "in units of the image an area may be 1e-3 and less. Treat a union of 0 on its own.",
        ),
        Mistake(
            far_corner_by_maximum,
            "The overlap ends where the first of the two boxes ends: look at the far corner.",
        ),
        Mistake(
            corners_read_as_sides,
            "The last two numbers of a box are its second corner, not its width and height.",
        ),
        Mistake(whole_pixels, "Coordinates lose their fractions: keep them as floating-point numbers."),
        Mistake(transposed, "Rows belong to boxes1 and columns to boxes2; the result is transposed."),
    ),
    alternates=(pair_by_pair, guarded_division),
)
