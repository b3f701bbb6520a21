import numpy as np

from common import as_floats, box_areas


# ---- cells and boxes ----


def encode_box(box, grid_size):
    x1, y1, x2, y2 = (float(side) * grid_size for side in box)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    col, row = (min(int(place), grid_size - 1) for place in (x, y))
    return row, col, x - col, y - row, y2 - y1, x2 - x1


def decode_box(row, col, b_x, b_y, b_h, b_w, grid_size):
    centre = np.array([col + b_x, row + b_y])
    half = np.array([b_w, b_h]) / 2
    return np.concatenate([centre - half, centre + half]) / grid_size


def unflatten_predictions(volume, num_anchors, num_classes):
    return volume.reshape(*volume.shape[:2], num_anchors, 5 + num_classes)


# ---- scores ----


def class_scores(confidence, class_probs):
    products = np.asarray(confidence)[..., None] * class_probs
    classes = products.argmax(axis=-1)
    return np.take_along_axis(products, classes[..., None], axis=-1)[..., 0], classes


def filter_boxes(confidence, boxes, class_probs, threshold):
    scores, classes = class_scores(confidence, class_probs)
    good = np.nonzero(scores.ravel() >= threshold)[0]
    return scores.ravel()[good], np.reshape(boxes, (-1, 4))[good], classes.ravel()[good]


# ---- overlaps ----


def iou(box1, box2):
    return iou_matrix(np.reshape(box1, (1, 4)), np.reshape(box2, (1, 4)))[0, 0]


def _common_length(low1, high1, low2, high2):
    """How much of every segment of the first kind lies in every one of the second."""
    length = np.minimum.outer(high1, high2) - np.maximum.outer(low1, low2)
    return np.maximum(length, 0, out=length)


def iou_matrix(boxes1, boxes2):
    boxes1, boxes2 = as_floats(boxes1), as_floats(boxes2)
    left1, top1, right1, bottom1 = boxes1.T
    left2, top2, right2, bottom2 = boxes2.T
    inter = _common_length(left1, right1, left2, right2) * _common_length(top1, bottom1, top2, bottom2)
    union = np.add.outer(box_areas(boxes1), box_areas(boxes2)) - inter
    # two empty boxes have no union: their IoU is 0
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


# ---- suppression ----


def nms(boxes, scores, iou_threshold, max_boxes=None):
    scores = np.asarray(scores)
    waiting = np.argsort(-scores, kind="stable")
    chosen = []
    while waiting.size and (max_boxes is None or len(chosen) < max_boxes):
        best, waiting = waiting[0], waiting[1:]
        chosen.append(best)
        overlap = iou_matrix(boxes[best : best + 1], boxes[waiting])[0]
        waiting = waiting[overlap <= iou_threshold]
    return np.array(chosen, dtype=np.int64)


def multiclass_nms(boxes, scores, classes, iou_threshold, max_boxes=None):
    survivors = [np.zeros(0, dtype=np.int64)]
    for label in np.unique(classes):
        own = np.nonzero(classes == label)[0]
        survivors.append(own[nms(boxes[own], scores[own], iou_threshold, max_boxes)])
    kept = np.sort(np.concatenate(survivors))
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    return kept[:max_boxes]


# ---- the whole chain ----


def yolo_postprocess(volume, num_anchors, num_classes, image_shape, score_threshold, iou_threshold, max_boxes):
    cells = unflatten_predictions(volume, num_anchors, num_classes)
    rows, cols = cells.shape[:2]
    height, width = (float(side) for side in image_shape)
    x = (cells[..., 1] + np.arange(cols, dtype=volume.dtype)[None, :, None]) * (width / cols)
    y = (cells[..., 2] + np.arange(rows, dtype=volume.dtype)[:, None, None]) * (height / rows)
    half_h = cells[..., 3] * (height / rows / 2)
    half_w = cells[..., 4] * (width / cols / 2)
    boxes = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=-1)
    scores, boxes, classes = filter_boxes(cells[..., 0], boxes, cells[..., 5:], score_threshold)
    kept = multiclass_nms(boxes, scores, classes, iou_threshold, max_boxes)
    return scores[kept], boxes[kept], classes[kept]
