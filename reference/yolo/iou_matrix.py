"""Intersection over union of every pair of boxes (notes, section 10)."""

import numpy as np

from grader import Case, Exact, Mistake, Speed, Topic
from grader.picture import worst_overlap
from grader.shapes import check_shapes

from .iou import have_area


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
    check_shapes(boxes1=(boxes1, "N 4"), boxes2=(boxes2, "M 4"))
    a, b = boxes1.T[:, :, None], boxes2.T[:, None, :]
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    intersection = np.maximum(width, 0, out=width) * np.maximum(height, 0, out=height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection
    return np.divide(intersection, union, out=intersection, where=union > 0)  # where the union is 0, so is the other


def iou_matrix_torch(boxes1, boxes2):
    check_shapes(boxes1=(boxes1, "N 4"), boxes2=(boxes2, "M 4"))
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


def _parts(boxes1, boxes2, far=np.minimum, least=0.0, extra=0):
    a, b = boxes1.T[:, :, None], boxes2.T[:, None, :]
    width, height = (far(a[i + 2], b[i + 2]) - np.maximum(a[i], b[i]) + extra for i in (0, 1))
    area1, area2 = ((c[2] - c[0] + extra) * (c[3] - c[1] + extra) for c in (a, b))
    return np.maximum(width, least) * np.maximum(height, least), area1 + area2


def _over(shared, whole):
    return shared / np.where(whole != 0, whole, 1)


def negative_sides(boxes1, boxes2):
    shared, areas = _parts(boxes1, boxes2, least=-np.inf)
    return _over(shared, areas - shared)


def plus_one_pixel(boxes1, boxes2):
    shared, areas = _parts(boxes1, boxes2, extra=1)
    return shared / (areas - shared)


def sum_instead_of_union(boxes1, boxes2):
    return _over(*_parts(boxes1, boxes2))


def nan_for_empty_boxes(boxes1, boxes2):
    shared, areas = _parts(boxes1, boxes2)
    return shared / (areas - shared)


def smoothed_ratio(boxes1, boxes2):
    shared, areas = _parts(boxes1, boxes2)
    return shared / (areas - shared + 1e-6)


def far_corner_by_maximum(boxes1, boxes2):
    shared, areas = _parts(boxes1, boxes2, far=np.maximum, least=-np.inf)
    return _over(shared, areas - shared)


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


def _column_major(rng):
    return {name: np.asfortranarray(boxes) for name, boxes in _pairs(rng, 6, 8, 0, 600, 100, 300).items()}


def _every_second_number(rng):
    """Look at every second number of larger arrays; what lies between is no box."""
    wide = {name: rng.standard_normal((14, 8)) for name in ("boxes1", "boxes2")}
    for array in wide.values():
        array[::2, ::2] = _boxes(rng, 7, 0, 600, 100, 300)
    return {name: array[::2, ::2] for name, array in wide.items()}


def _square_matrix(rng, boxes):
    return _pairs(rng, boxes, boxes, 0, 600, 100, 300)


def grown(rng, boxes1, boxes2):
    """Move each side of each box outwards by up to 50 pixels, each by another amount."""
    outwards = np.array([-50.0, -50.0, 50.0, 50.0])
    return {
        name: boxes + outwards * rng.random(boxes.shape) for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2))
    }


TOPIC = Topic(
    forward=iou_matrix,
    torch=iou_matrix_torch,
    cases=(
        Case("one box and three others", _by_hand, visible=True),
        Case("whole numbers", _whole_numbers, visible=True),
        Case("boxes in pixels", lambda rng: _pairs(rng, 12, 9, 0, 600, 100, 300)),
        Case("float32", lambda rng: _pairs(rng, 7, 11, 0, 600, 100, 300, dtype="f4")),
        Case("column-major boxes", _column_major),
        Case("every second number of larger arrays", _every_second_number),
        Case("disjoint and touching boxes", _disjoint),
        Case("nested and equal boxes", _nested),
        Case(
            "boxes in units of the image",
            lambda rng: _pairs(rng, 8, 6, 0, 0.1, 0.035, 0.06, dtype="f4"),
            aspect="stability",
        ),
        Case("boxes without area", _without_area, aspect="edge", compare=Exact()),
        Case("no boxes", lambda rng: _pairs(rng, 0, 3, 0, 60, 20, 40), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            negative_sides,
            "Boxes that lie diagonally apart get a positive IoU: both sides of their overlap are negative, "
            "and the product of two negative numbers is not.",
        ),
        Mistake(
            plus_one_pixel,
            "Every side is one too long. Coordinates are continuous here: a box from 0 to 1 is 1 wide.",
        ),
        Mistake(
            sum_instead_of_union, "The shared area is counted twice in the union: each of the two areas contains it."
        ),
        Mistake(nan_for_empty_boxes, "Two boxes without area give 0/0. Their IoU is 0 by convention."),
        Mistake(
            smoothed_ratio,
            "A constant in the denominator changes the ratio of small boxes: "
            "in units of the image an area may be 1e-3 and less. Treat a union of 0 on its own.",
        ),
        Mistake(
            far_corner_by_maximum,
            "The overlap ends where the first of the two boxes ends: look at the far corner.",
        ),
        Mistake(transposed, "Rows belong to boxes1 and columns to boxes2; the result is transposed."),
    ),
    alternates=(pair_by_pair, guarded_division),
    valid=lambda boxes1, boxes2: have_area(boxes1, boxes2),
    speed=Speed(_square_matrix, grown, (200, 400, 600), "boxes in each list"),
    picture=lambda inputs, expected, actual: worst_overlap(**inputs, expected=expected, actual=actual),
)
