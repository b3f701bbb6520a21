import numpy as np
import torch


def softmax(z):
    z = z - z.max(dim=-1, keepdim=True).values
    return z.exp() / z.exp().sum(dim=-1, keepdim=True)


def affine_forward(X, W, b):
    return X @ W + b.detach()


def cross_entropy(probs, Y):
    return -torch.log((probs * Y).sum(dim=1)).mean().item()


def iou_matrix(boxes1, boxes2):
    boxes1, boxes2 = boxes1.numpy()[:, None], boxes2.numpy()[None]
    sides = np.minimum(boxes1[..., 2:], boxes2[..., 2:]) - np.maximum(boxes1[..., :2], boxes2[..., :2])
    inter = np.prod(np.maximum(sides, 0), axis=-1)
    union = np.prod(boxes1[..., 2:] - boxes1[..., :2], -1) + np.prod(boxes2[..., 2:] - boxes2[..., :2], -1) - inter
    return np.where(union > 0, inter / np.maximum(union, 1e-30), 0)
