import torch


def encode_box(box, grid_size):
    x1, y1, x2, y2 = torch.as_tensor(box) * grid_size
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    col, row = (min(int(place), grid_size - 1) for place in (x, y))
    return row, col, x - col, y - row, y2 - y1, x2 - x1


def decode_box(row, col, b_x, b_y, b_h, b_w, grid_size):
    x, y = col + b_x, row + b_y
    corners = (x - b_w / 2, y - b_h / 2, x + b_w / 2, y + b_h / 2)
    return torch.stack([torch.as_tensor(corner) for corner in corners]) / grid_size


def unflatten_predictions(volume, num_anchors, num_classes):
    return volume.unflatten(-1, (num_anchors, 5 + num_classes))


def class_scores(confidence, class_probs):
    products = confidence.unsqueeze(-1) * class_probs
    return products.amax(dim=-1), products.argmax(dim=-1)


def filter_boxes(confidence, boxes, class_probs, threshold):
    scores, classes = class_scores(confidence, class_probs)
    good = scores >= threshold
    return scores[good], boxes[good], classes[good]


def iou(box1, box2):
    return iou_matrix(box1[None], box2[None])[0, 0]


def iou_matrix(boxes1, boxes2):
    if not boxes1.is_floating_point():
        boxes1, boxes2 = boxes1.to(torch.get_default_dtype()), boxes2.to(torch.get_default_dtype())
    corner1 = torch.maximum(boxes1[:, None, :2], boxes2[:, :2])
    corner2 = torch.minimum(boxes1[:, None, 2:], boxes2[:, 2:])
    inter = (corner2 - corner1).clamp(min=0).prod(dim=2)
    area1 = (boxes1[:, 2:] - boxes1[:, :2]).prod(dim=1)
    area2 = (boxes2[:, 2:] - boxes2[:, :2]).prod(dim=1)
    union = area1[:, None] + area2 - inter
    return torch.where(union > 0, inter / union, torch.zeros_like(inter))


def _greedy(conflicts, scores, max_boxes):
    """Best score first; row i of conflicts says whom box i drives out."""
    order = torch.sort(scores, descending=True, stable=True).indices
    alive = torch.ones(len(scores), dtype=torch.bool, device=scores.device)
    keep = []
    for i in order.tolist():
        if max_boxes is not None and len(keep) == max_boxes:
            break
        if alive[i]:
            keep.append(i)
            alive &= ~conflicts[i]
    return torch.tensor(keep, dtype=torch.long, device=scores.device)


def nms(boxes, scores, iou_threshold, max_boxes=None):
    return _greedy(iou_matrix(boxes, boxes) > iou_threshold, scores, max_boxes)


def multiclass_nms(boxes, scores, classes, iou_threshold, max_boxes=None):
    same_class = classes[:, None] == classes
    return _greedy((iou_matrix(boxes, boxes) > iou_threshold) & same_class, scores, max_boxes)


def yolo_postprocess(volume, num_anchors, num_classes, image_shape, score_threshold, iou_threshold, max_boxes):
    cells = unflatten_predictions(volume, num_anchors, num_classes)
    rows, cols = cells.shape[:2]
    confidence, b_x, b_y, b_h, b_w = cells[..., :5].unbind(-1)
    down = torch.arange(rows, dtype=volume.dtype, device=volume.device).view(rows, 1, 1)
    right = torch.arange(cols, dtype=volume.dtype, device=volume.device).view(1, cols, 1)
    x, y = right + b_x, down + b_y
    corners = torch.stack([x - b_w / 2, y - b_h / 2, x + b_w / 2, y + b_h / 2], dim=-1)
    cell_h, cell_w = image_shape[0] / rows, image_shape[1] / cols
    boxes = corners * torch.tensor([cell_w, cell_h, cell_w, cell_h], dtype=volume.dtype, device=volume.device)
    scores, boxes, classes = filter_boxes(confidence, boxes, cells[..., 5:], score_threshold)
    kept = multiclass_nms(boxes, scores, classes, iou_threshold, max_boxes)
    return scores[kept], boxes[kept], classes[kept]
