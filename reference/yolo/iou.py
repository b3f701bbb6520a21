"""Intersection over union of two boxes (notes, section 10)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.picture import overlap
from grader.shapes import check_shapes


def iou(box1, box2):
    """Divide the area that two boxes share by the area that they cover together (intersection over union, IoU).

    box1: float array (4,), corners (x1, y1, x2, y2) with x2 >= x1 and y2 >= y1, in any unit
    box2: float array (4,), likewise, in the same unit and dtype
    returns: number between 0 and 1: 0 for boxes without common area, 1 for equal boxes (a float or a 0-d array)

    Coordinates are continuous: a box is x2 - x1 wide, without "+ 1 pixel". Boxes that are disjoint, or that only
    touch, give 0, and so do two boxes without area. Otherwise the ratio is exact: nothing is added to the union.
    Source: notes, section 10, step (e); Jaccard's index of two sets.
    """
    check_shapes(box1=(box1, "4"), box2=(box2, "4"))
    near, far = np.maximum(box1[:2], box2[:2]), np.minimum(box1[2:], box2[2:])
    intersection = np.maximum(far - near, 0).prod()
    union = (box1[2:] - box1[:2]).prod() + (box2[2:] - box2[:2]).prod() - intersection
    return intersection / union if union > 0 else intersection


def iou_torch(box1, box2):
    check_shapes(box1=(box1, "4"), box2=(box2, "4"))
    near, far = box1[:2].maximum(box2[:2]), box1[2:].minimum(box2[2:])
    intersection = (far - near).clamp(min=0).prod()
    union = (box1[2:] - box1[:2]).prod() + (box2[2:] - box2[:2]).prod() - intersection
    return intersection / union.where(union > 0, 1)


def number_by_number(box1, box2):
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = box1.tolist(), box2.tolist()
    shared = max(min(ax2, bx2) - max(ax1, bx1), 0) * max(min(ay2, by2) - max(ay1, by1), 0)
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared
    return shared / union if union else 0.0


def through_clipped_corners(box1, box2):
    inside = np.clip(box2.reshape(2, 2), box1[:2], box1[2:])  # the part of box2 that lies in box1
    shared, area1, area2 = (np.diff(box.reshape(2, 2), axis=0).prod() for box in (inside, box1, box2))
    return shared / (area1 + (area2 - shared) + 1e-12)


def _parts(box1, box2, extra=0):
    sides = np.minimum(box1[2:], box2[2:]) - np.maximum(box1[:2], box2[:2]) + extra
    return sides, (box1[2:] - box1[:2] + extra).prod(), (box2[2:] - box2[:2] + extra).prod()


def _over(shared, whole):
    return shared / whole if whole != 0 else 0.0


def negative_sides(box1, box2):
    sides, area1, area2 = _parts(box1, box2)
    return _over(sides.prod(), area1 + area2 - sides.prod())


def plus_one_pixel(box1, box2):
    sides, area1, area2 = _parts(box1, box2, extra=1)
    shared = np.maximum(sides, 0).prod()
    return shared / (area1 + area2 - shared)


def sum_instead_of_union(box1, box2):
    sides, area1, area2 = _parts(box1, box2)
    return _over(np.maximum(sides, 0).prod(), area1 + area2)


def share_of_smaller_box(box1, box2):
    sides, area1, area2 = _parts(box1, box2)
    return _over(np.maximum(sides, 0).prod(), min(area1, area2))


def nan_for_empty_boxes(box1, box2):
    sides, area1, area2 = _parts(box1, box2)
    shared = np.maximum(sides, 0).prod()
    return shared / (area1 + area2 - shared)


def corners_read_as_sides(box1, box2):
    return iou(*(np.concatenate([box[:2], box[:2] + box[2:]]) for box in (box1, box2)))


def _placed(rng, box, other, unit=1.0, dtype="f8"):
    """Scale two boxes, move both by the same random way, and exchange them half of the time."""
    shift = np.tile(rng.uniform(0, 3, 2), 2)
    boxes = [((np.array(corners) + shift) * unit).astype(dtype) for corners in (box, other)]
    first = rng.integers(2)
    return {"box1": boxes[first], "box2": boxes[1 - first]}


def _by_hand(rng):
    shift = rng.integers(0, 6, 2).astype("f8")
    near, far = np.array([0.0, 0.0]) + shift, np.array([1.0, 1.0]) + shift
    return {"box1": np.concatenate([near, near + 2]), "box2": np.concatenate([far, far + 2])}


def _overlapping(rng, unit, dtype="f8"):
    """Put the second box a fifth to two thirds of a side to the lower right, or lower left, of the first one."""
    width, height = rng.uniform(1, 2, 2)
    right, down = rng.uniform(0.2, 0.6, 2) * (width, height) * (rng.choice([-1, 1]), 1)
    return _placed(rng, [0, 0, width, height], [right, down, right + 1.1 * width, down + 0.9 * height], unit, dtype)


def _apart(rng, right, down):
    width, height = rng.uniform(1, 2, 2)
    sign = rng.choice([-1, 1])
    corner = np.array([sign * right * width, down * height])
    return _placed(rng, [0, 0, width, height], [*corner, corner[0] + 0.9 * width, corner[1] + 0.8 * height])


def _nested(rng):
    return _placed(rng, [0, 0, 5, 4], [*rng.uniform(0.5, 1.5, 2), *rng.uniform(2, 3.5, 2)])


def _touching(rng):
    corner = rng.permutation([2.0, rng.integers(0, 3)])
    return {"box1": np.array([0.0, 0.0, 2.0, 2.0]), "box2": np.concatenate([corner, corner + 3])}


def _without_area(rng):
    point = np.tile(rng.integers(1, 9, 2) / 8, 2)
    return {"box1": point, "box2": point.copy()}


def have_area(*boxes):
    """Tell whether all corners are in order, with space between them."""
    return all((box[..., 2:] > box[..., :2]).all() for box in boxes)


TOPIC = Topic(
    forward=iou,
    torch=iou_torch,
    cases=(
        Case("two squares", _by_hand, visible=True),
        Case(
            "diagonally apart",
            lambda rng: {"box1": np.array([0.0, 0, 1, 1]), "box2": np.array([2.0, 2, 4, 3])},
            visible=True,
        ),
        Case("in pixels", lambda rng: _overlapping(rng, 150.0)),
        Case("float32", lambda rng: _overlapping(rng, 150.0, "f4")),
        Case("one in the other", _nested),
        Case("side by side", lambda rng: _apart(rng, 1.5, 0.3)),
        Case("further down and to one side", lambda rng: _apart(rng, 1.3, 1.4)),
        Case("in units of the image", lambda rng: _overlapping(rng, 0.05)),
        Case("touching", _touching, aspect="edge", compare=Exact()),
        Case("two boxes without area", _without_area, aspect="edge", compare=Exact()),
    ),
    mistakes=(
        Mistake(
            negative_sides,
            "Boxes that lie diagonally apart get a positive IoU: both sides of their overlap are negative, "
            "and the product of two negative numbers is not.",
        ),
        Mistake(plus_one_pixel, "Every side is one too long. Coordinates are continuous: from 0 to 1 is a width of 1."),
        Mistake(
            sum_instead_of_union, "The shared area is counted twice in the union: each of the two areas contains it."
        ),
        Mistake(share_of_smaller_box, "The shared area is divided by the smaller box; IoU divides it by the union."),
        Mistake(nan_for_empty_boxes, "Two boxes without area give 0/0. Their IoU is 0 by convention."),
        Mistake(corners_read_as_sides, "The last two numbers of a box are its second corner, not its two sides."),
    ),
    alternates=(number_by_number, through_clipped_corners),
    valid=lambda box1, box2: have_area(box1, box2),
    picture=lambda inputs, expected, actual: overlap(inputs["box1"], inputs["box2"], expected, actual),
)
