import numpy as np


def iou_matrix(boxes1, boxes2):
    lo = np.maximum(boxes1[:, None, :2], boxes2[:, :2])
    hi = np.minimum(boxes1[:, None, 2:], boxes2[:, 2:])
    inter = np.prod(np.maximum(hi - lo, 0), axis=2)
    area1 = np.prod(boxes1[:, 2:] - boxes1[:, :2], axis=1)
    area2 = np.prod(boxes2[:, 2:] - boxes2[:, :2], axis=1)
    union = area1[:, None] + area2 - inter
    union[union == 0] = 1
    return inter / union


def nms(boxes, scores, iou_threshold, max_boxes=None):
    order = scores.argsort(kind="stable")[::-1]
    keep = []
    while order.size > 0:
        i = order[0]
        keep.append(i)
        overlap = iou_matrix(boxes[i][None], boxes[order])[0]
        # the box itself has an overlap of 1 and should go too
        order = order[(overlap <= iou_threshold) | (order == i)]
    return keep[:max_boxes]
