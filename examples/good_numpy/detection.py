import numpy as np

from common import as_floats, box_areas


def iou_matrix(boxes1, boxes2):
    boxes1, boxes2 = as_floats(boxes1), as_floats(boxes2)
    top_left = np.maximum(boxes1[:, None, :2], boxes2[None, :, :2])
    bottom_right = np.minimum(boxes1[:, None, 2:], boxes2[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    inter = sides[..., 0] * sides[..., 1]
    union = box_areas(boxes1)[:, None] + box_areas(boxes2)[None, :] - inter
    # two empty boxes have no union: their IoU is 0
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


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
