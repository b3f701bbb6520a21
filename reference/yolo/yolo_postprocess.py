"""From the network's volume to the detected objects: the whole chain (notes, section 10)."""

import numpy as np

from grader import Case, Exact, Mistake, Speed, Topic
from grader.picture import found_boxes

from .decode_box import decode_box, decode_box_torch
from .filter_boxes import filter_boxes, filter_boxes_torch
from .iou_matrix import iou_matrix
from .multiclass_nms import multiclass_nms, multiclass_nms_torch
from .nms import nms, ranking
from .unflatten_predictions import unflatten_predictions, unflatten_predictions_torch


def yolo_postprocess(volume, num_anchors, num_classes, image_shape, score_threshold, iou_threshold, max_boxes):
    """Turn a prediction volume into a list of objects: decode, score, filter, suppress.

    volume: float array (S, S, A * (5 + C)): for each anchor of a cell (p_c, b_x, b_y, b_h, b_w, c_1, ..., c_C), already
        activated: p_c, b_x, b_y and all c_i lie in [0, 1]; b_h and b_w are >= 0 and count in cells (see decode_box)
    num_anchors: positive integer A
    num_classes: positive integer C
    image_shape: (height, width) of the image in pixels, two positive integers
    score_threshold: number; a box goes on when its score, p_c * c_i for its best class i, is greater than this or equal
    iou_threshold: number in [0, 1]; a box is dropped when a kept box of its class has an IoU with it above this
    max_boxes: the largest number of boxes to return, of all classes together, or None for no limit
    returns: (scores, boxes, classes) of the K boxes that are left, best score first
        scores: float array (K,), same dtype as volume
        boxes: float array (K, 4), same dtype: corners (x1, y1, x2, y2) in pixels, not clipped to the image
        classes: integer array (K,), counted from 0

    Of equal scores the box that comes first in the volume goes first: by row, then column, then anchor. K may be 0.
    Source: notes, section 10, summary (b) to (e).
    """
    check_image_shape(image_shape)
    p = unflatten_predictions(volume, num_anchors, num_classes)
    cells, (height, width) = np.arange(len(volume), dtype=volume.dtype), image_shape
    b_x, b_y, b_h, b_w = (p[..., i] for i in range(1, 5))
    corners = decode_box(cells[:, None, None], cells[:, None], b_x, b_y, b_h, b_w, len(volume))
    pixels = corners * np.array([width, height, width, height], dtype=volume.dtype)
    scores, boxes, classes = filter_boxes(p[..., 0], pixels, p[..., 5:], score_threshold)
    kept = multiclass_nms(boxes, scores, classes, iou_threshold, max_boxes)
    return scores[kept], boxes[kept], classes[kept]


def yolo_postprocess_torch(volume, num_anchors, num_classes, image_shape, score_threshold, iou_threshold, max_boxes):
    import torch

    check_image_shape(image_shape)
    p = unflatten_predictions_torch(volume, num_anchors, num_classes)
    cells, (height, width) = torch.arange(len(volume), device=volume.device), image_shape
    b_x, b_y, b_h, b_w = p[..., 1:5].unbind(dim=-1)
    corners = decode_box_torch(cells[:, None, None], cells[:, None], b_x, b_y, b_h, b_w, len(volume))
    x1, y1, x2, y2 = corners.unbind(dim=-1)
    pixels = torch.stack([x1 * width, y1 * height, x2 * width, y2 * height], dim=-1)
    scores, boxes, classes = filter_boxes_torch(p[..., 0], pixels, p[..., 5:], score_threshold)
    kept = multiclass_nms_torch(boxes, scores, classes, iou_threshold, max_boxes)
    return scores[kept], boxes[kept], classes[kept]


def check_image_shape(image_shape):
    if len(image_shape) != 2 or min(image_shape) <= 0:
        raise ValueError(f"image_shape is {image_shape}; (height, width), both positive, is expected")


def anchor_by_anchor(volume, num_anchors, num_classes, image_shape, score_threshold, iou_threshold, max_boxes):
    found, (height, width) = [], image_shape
    for (row, col), anchor in ((cell, a) for cell in np.ndindex(volume.shape[:2]) for a in range(num_anchors)):
        p_c, b_x, b_y, b_h, b_w, *probs = volume[row, col].reshape(num_anchors, -1)[anchor].tolist()
        score = volume.dtype.type(p_c) * volume.dtype.type(max(probs))
        if score >= score_threshold:
            x, y = (col + b_x) * width / len(volume), (row + b_y) * height / len(volume)
            w, h = b_w * width / len(volume), b_h * height / len(volume)
            found.append((score, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], probs.index(max(probs))))
    found.sort(key=lambda box: -box[0])
    kept = []
    for score, box, c in found:
        rivals = [other for _, other, d in kept if d == c]
        if not rivals or iou_matrix(np.array([box]), np.array(rivals)).max() <= iou_threshold:
            kept.append((score, box, c))
    scores, boxes, classes = zip(*kept[:max_boxes], strict=True) if kept[:max_boxes] else ((), (), ())
    boxes = np.array(boxes, dtype=volume.dtype).reshape(-1, 4)
    return np.array(scores, dtype=volume.dtype), boxes, np.array(classes, dtype=np.int64)


def _members(classes):
    return [np.flatnonzero(classes == c) for c in set(classes.tolist())]


def class_by_class(
    volume, num_anchors, num_classes, image_shape, score_threshold, iou_threshold, max_boxes, groups=_members
):
    p = volume.reshape(-1, 5 + num_classes)
    products = p[:, :1] * p[:, 5:]
    found = np.flatnonzero(products.max(axis=1) >= score_threshold)
    p, scores, classes = p[found], products[found].max(axis=1), products[found].argmax(axis=1)
    row, col = np.divmod(found // num_anchors, len(volume))
    near = np.stack([col, row], axis=1).astype(volume.dtype) + p[:, 1:3] - p[:, 4:2:-1] / 2
    cell = (np.array(image_shape[::-1]) / len(volume)).astype(volume.dtype)
    boxes = np.concatenate([near * cell, (near + p[:, 4:2:-1]) * cell], axis=1)
    kept = [group[nms(boxes[group], scores[group], iou_threshold)] for group in groups(classes)]
    kept = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *kept]))
    kept = kept[ranking(scores[kept])][:max_boxes]
    return scores[kept], boxes[kept], classes[kept]


def classes_ignored(**inputs):
    return class_by_class(**inputs, groups=lambda classes: [np.arange(len(classes))])


def without_confidence(volume, num_anchors, num_classes, **rest):
    p = unflatten_predictions(volume, num_anchors, num_classes).copy()
    p[..., 0] = 1
    return yolo_postprocess(p.reshape(volume.shape), num_anchors, num_classes, **rest)


def width_before_height(volume, num_anchors, num_classes, **rest):
    p = unflatten_predictions(volume, num_anchors, num_classes)
    swapped = p[..., [0, 1, 2, 4, 3, *range(5, 5 + num_classes)]].reshape(volume.shape)
    return yolo_postprocess(swapped, num_anchors, num_classes, **rest)


def width_for_height_of_image(image_shape, **rest):
    return yolo_postprocess(image_shape=image_shape[::-1], **rest)


def not_in_pixels(image_shape, **rest):
    return yolo_postprocess(image_shape=(1, 1), **rest)


def clipped_to_image(image_shape, **rest):
    scores, boxes, classes = yolo_postprocess(image_shape=image_shape, **rest)
    return scores, np.clip(boxes, 0, np.array([*image_shape[::-1], *image_shape[::-1]], dtype=boxes.dtype)), classes


def boxes_first(**inputs):
    scores, boxes, classes = yolo_postprocess(**inputs)
    return boxes, scores, classes


def _inputs(p, image_shape=(300, 200), score_threshold=0.5, iou_threshold=0.4, max_boxes=10):
    """Make the arguments from predictions (S, S, A, 5 + C)."""
    return {
        "volume": p.reshape(*p.shape[:2], -1),
        "num_anchors": p.shape[2],
        "num_classes": p.shape[3] - 5,
        "image_shape": image_shape,
        "score_threshold": score_threshold,
        "iou_threshold": iou_threshold,
        "max_boxes": max_boxes,
    }


def _by_hand(rng):
    """Let one cell see an object with both anchors (IoU 0.8), and another cell a second one; the rest is empty."""
    p = np.zeros((3, 3, 2, 8))
    first, second = rng.choice(9, 2, replace=False)
    p[divmod(first, 3)] = [[0.9, 0.5, 0.5, 1, 2, 0.1, 0.9, 0], [0.8, 0.5, 0.5, 1, 1.6, 0.1, 0.8, 0.1]]
    p[divmod(second, 3)][1] = [0.9, 0.25, 0.5, 2, 1, 0.7, 0.2, 0.1]
    return _inputs(p, (96, 192))


def _scene(rng, grid_size, num_anchors, num_classes, objects, dtype="f8", **rest):
    """Let some cells see an object with two anchors each, half of the second ones as another class.

    Scores are 0.05 above the threshold 0.5 and at least 0.4 / (2 * objects) apart, or 0.05 below it; the best class
    leads by a tenth; no IoU of the objects' boxes is within 2e-3 of the threshold 0.4.
    """
    shape = (grid_size**2, num_anchors)
    cells = rng.choice(grid_size**2, objects, replace=False)
    score, best = rng.uniform(0.01, 0.45, shape), rng.integers(0, num_classes, shape)
    score[cells, :2] = 0.55 + 0.2 * rng.permutation(2 * objects).reshape(objects, 2) / objects
    best[cells[::2], 1] = best[cells[::2], 0]
    certainty = score ** rng.uniform(0.2, 0.8, shape)
    probs = certainty[..., None] * rng.uniform(0, 0.9, (*shape, num_classes))
    np.put_along_axis(probs, best[..., None], certainty[..., None], axis=-1)
    box, near_threshold = rng.uniform(0.05, 0.95, (*shape, 4)) * (1, 1, 3, 3), True
    while near_threshold:
        box[cells, 0] = rng.uniform(0.05, 0.95, (objects, 4)) * (1, 1, 3, 3)
        box[cells, 1] = box[cells, 0] * rng.uniform(0.93, 1, (objects, 4))
        row, col = np.divmod(cells[:, None], grid_size)
        corners = decode_box(row, col, *np.moveaxis(box[cells, :2], -1, 0), grid_size).reshape(-1, 4)
        near_threshold = (np.abs(iou_matrix(corners, corners) - 0.4) < 2e-3).any()
    p = np.concatenate([(score / certainty)[..., None], box, probs], axis=-1).astype(dtype)
    return _inputs(p.reshape(grid_size, grid_size, num_anchors, -1), **rest)


def _laid_out(inputs, layout):
    return inputs | {"volume": layout(inputs["volume"])}


def _every_second(volume):
    wide = np.zeros([2 * n for n in volume.shape], dtype=volume.dtype)
    wide[::2, ::2, ::2] = volume
    return wide[::2, ::2, ::2]


def _at_the_threshold(rng):
    """Give four cells a small box each, with scores of 3/8, 3/8, 1/2 and 11/32; every number is exact."""
    p, cells = np.zeros((16, 2, 8)), rng.choice(16, 4, replace=False)
    p[cells, 1, 0] = [0.75, 0.5, 0.5, 0.6875]
    p[cells, 1, 1:3], p[cells, 1, 3:5] = rng.integers(1, 4, (4, 2)) / 4, rng.integers(1, 3, (4, 2)) / 4
    p[cells, 1, rng.integers(5, 8, 4)] = [0.5, 0.75, 1.0, 0.5]
    return _inputs(p.reshape(4, 4, 2, 8), (128, 64), score_threshold=0.375)


def _busy_scene(rng, cells):
    """Let one in 24 anchors see an object of one of ten classes; boxes measure 4 by 6 or 6 by 4 cells."""
    p = rng.uniform(0, 0.4, (5 * cells * cells, 85))
    p[:, 3:5] = rng.permuted(np.tile([4, 6], (len(p), 1)), axis=1)
    seen = rng.choice(len(p), len(p) // 24, replace=False)
    p[seen, 5 + rng.integers(0, 10, len(seen))] = 0.9
    return other_cells(rng, **_inputs(p.reshape(cells, cells, 5, 85), (480, 640), max_boxes=100))


def other_cells(rng, volume, num_anchors, num_classes, **rest):
    """Shuffle the predictions among all cells, and draw p_c and the places of the boxes anew.

    Values of p_c differ, and those of objects stay above the threshold. Centres lie on quarters of a cell, so that an
    IoU is I / (768 - I) with a whole number I: none is within 1e-3 of 0.4.
    """
    p = rng.permutation(volume.reshape(-1, 5 + num_classes))
    p[:, 0] = 0.6 + 0.4 * rng.permutation(len(p)) / len(p)
    p[:, 1:3] = rng.integers(0, 4, (len(p), 2)) / 4
    return {"volume": p.reshape(volume.shape), "num_anchors": num_anchors, "num_classes": num_classes, **rest}


def _is_activated(volume, num_anchors, num_classes, **rest):
    """Tell whether the volume holds what activations leave: shares from 0 to 1, and sides that are not negative."""
    p = unflatten_predictions(volume, num_anchors, num_classes)
    shares = np.delete(p, [3, 4], axis=-1)
    return bool(((shares >= 0) & (shares <= 1)).all() and (p[..., 3:5] >= 0).all())


TOPIC = Topic(
    forward=yolo_postprocess,
    torch=yolo_postprocess_torch,
    cases=(
        Case("two objects", _by_hand, visible=True),
        Case("scores at the threshold, two of them equal", _at_the_threshold, visible=True, compare=Exact()),
        Case("grid of four", lambda rng: _scene(rng, 4, 2, 3, 8, image_shape=(240, 400))),
        Case("column-major volume", lambda rng: _laid_out(_scene(rng, 3, 2, 3, 5), np.asfortranarray)),
        Case("every second number of a larger volume", lambda rng: _laid_out(_scene(rng, 5, 2, 3, 9), _every_second)),
        Case("float32, at most three boxes", lambda rng: _scene(rng, 5, 2, 3, 10, "f4", max_boxes=3)),
        Case("the whole 19 x 19 x 425 volume", lambda rng: _scene(rng, 19, 5, 80, 30, "f4", max_boxes=50)),
        Case("nothing found", lambda rng: _scene(rng, 3, 2, 3, 4, score_threshold=0.99), aspect="edge"),
        Case("no limit", lambda rng: _scene(rng, 3, 2, 3, 4, max_boxes=None), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            without_confidence,
            "The scores are the probabilities of the classes alone. In an empty cell they mean nothing: "
            "the probability that there is an object counts too.",
        ),
        Mistake(
            classes_ignored,
            "Boxes of different classes drop each other. Two objects of different classes may overlap: "
            "suppress among the boxes of one class.",
        ),
        Mistake(width_before_height, "The sides of the boxes are exchanged: b_h comes before b_w in the volume."),
        Mistake(
            width_for_height_of_image,
            "image_shape is (height, width). x counts along the width, y along the height.",
        ),
        Mistake(not_in_pixels, "The boxes are in units of the image; pixels are asked for."),
        Mistake(clipped_to_image, "The boxes are cut off at the sides of the image. They are asked for as they are."),
        Mistake(boxes_first, "The results come in the wrong order: scores, boxes, classes."),
    ),
    alternates=(anchor_by_anchor, class_by_class),
    valid=_is_activated,
    speed=Speed(_busy_scene, other_cells, (13, 19, 27), "cells along a side"),
    picture=lambda inputs, expected, actual: found_boxes(expected[1], actual[1]),
)
