import torch
import torch.nn.functional as F


def affine_forward(X, W, b):
    return torch.addmm(b, X, W)


def softmax(z):
    return torch.softmax(z, dim=-1)


def cross_entropy(probs, Y):
    target = Y.argmax(dim=1, keepdim=True)
    return -probs.gather(1, target).log().mean()


def adam_step(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = torch.lerp(dw, m, beta1) if isinstance(beta1, float) else beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw.square()
    step = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    return w - lr * step, m, v


def dropout(a, keep_prob, rng, training=True):
    if not training:
        return a, torch.ones_like(a)
    draws = torch.rand(a.shape, generator=rng, dtype=a.dtype, device=a.device)
    mask = (draws < keep_prob).to(a.dtype)
    return a * mask / keep_prob, mask


def batch_norm(x, gamma, beta, eps=1e-5):
    dims = tuple(range(x.dim() - 1))
    var, mu = torch.var_mean(x, dim=dims, correction=0)
    return gamma * (x - mu) * torch.rsqrt(var + eps) + beta


def conv2d(x, W, b, stride, pad):
    images = x.permute(0, 3, 1, 2).contiguous()
    filters = W.permute(3, 2, 0, 1).contiguous()
    out = F.conv2d(images, filters, b, stride=stride, padding=pad)
    return out.permute(0, 2, 3, 1)


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


def nms(boxes, scores, iou_threshold, max_boxes=None):
    order = torch.sort(scores, descending=True, stable=True).indices
    overlaps = iou_matrix(boxes, boxes)
    alive = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    keep = []
    for i in order.tolist():
        if max_boxes is not None and len(keep) == max_boxes:
            break
        if alive[i]:
            keep.append(i)
            alive &= overlaps[i] <= iou_threshold
    return torch.tensor(keep, dtype=torch.long)
