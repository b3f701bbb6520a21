"""Right solutions of the timed functions, as students write them: plain loops in NumPy, and torch by hand.

torch by hand means tensor operations alone, without the fused kernels of torch.nn.functional.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import references

Solution = tuple[str, str, Callable[..., Any]]  # the function, what to call the solution, the solution


def affine_by_rows(X: Any, W: Any, b: Any) -> Any:
    return np.array([row @ W + b for row in X])


def softmax_by_rows(z: Any) -> Any:
    out = np.empty_like(z)
    for n in range(len(z)):
        e = np.exp(z[n] - z[n].max())
        out[n] = e / e.sum()
    return out


def cross_entropy_by_rows(logits: Any, y: Any) -> Any:
    loss = 0.0
    for n in range(len(logits)):
        z = logits[n] - logits[n].max()
        loss += np.log(np.exp(z).sum()) - z[y[n]]
    return loss / len(logits)


def batch_norm_by_rows(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    mean = sum(x[n] for n in range(len(x))) / len(x)
    std = np.sqrt(sum((x[n] - mean) ** 2 for n in range(len(x))) / len(x) + eps)
    return np.array([gamma * (row - mean) / std + beta for row in x])


def max_pool_by_positions(x: Any, f: int, stride: int, reduce: Callable[..., Any] = np.max) -> Any:
    rows, cols = ((n - f) // stride + 1 for n in x.shape[1:3])
    out = np.empty((len(x), rows, cols, x.shape[3]))
    for n in range(len(x)):
        for r in range(rows):
            for s in range(cols):
                window = x[n, r * stride : r * stride + f, s * stride : s * stride + f]
                out[n, r, s] = reduce(window, axis=(0, 1))
    return out


def avg_pool_by_positions(x: Any, f: int, stride: int) -> Any:
    return max_pool_by_positions(x, f, stride, reduce=np.mean)


def torch_softmax(z: Any) -> Any:
    e = (z - z.amax(dim=-1, keepdim=True)).exp()
    return e / e.sum(dim=-1, keepdim=True)


def torch_cross_entropy(logits: Any, y: Any) -> Any:
    z = logits - logits.amax(dim=1, keepdim=True)
    return (z.exp().sum(dim=1).log() - z.gather(1, y[:, None])[:, 0]).mean()


def torch_batch_norm(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    mean = x.mean(dim=0)
    variance = ((x - mean) ** 2).mean(dim=0)
    return gamma * (x - mean) / (variance + eps).sqrt() + beta


def torch_conv2d(x: Any, W: Any, b: Any, stride: int, pad: int) -> Any:
    import torch

    n, height, width, channels = x.shape
    padded = x.new_zeros((n, height + 2 * pad, width + 2 * pad, channels))
    padded[:, pad : pad + height, pad : pad + width] = x
    windows = padded.unfold(1, len(W), stride).unfold(2, len(W), stride)
    return torch.einsum("nrscij,ijck->nrsk", windows, W) + b


def torch_max_pool(x: Any, f: int, stride: int) -> Any:
    return x.unfold(1, f, stride).unfold(2, f, stride).amax(dim=(-1, -2))


def torch_avg_pool(x: Any, f: int, stride: int) -> Any:
    return x.unfold(1, f, stride).unfold(2, f, stride).mean(dim=(-1, -2))


def torch_iou_matrix(boxes1: Any, boxes2: Any) -> Any:
    near, far = boxes1[:, None, :2].maximum(boxes2[:, :2]), boxes1[:, None, 2:].minimum(boxes2[:, 2:])
    shared = (far - near).clamp(min=0).prod(dim=-1)
    area1, area2 = ((boxes[:, 2:] - boxes[:, :2]).prod(dim=-1) for boxes in (boxes1, boxes2))
    union = area1[:, None] + area2 - shared
    return shared / union.where(union > 0, 1)


def torch_nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    import torch

    left, kept = scores.argsort(descending=True, stable=True), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[torch_iou_matrix(boxes[best][None], boxes[left])[0] <= iou_threshold]
    return torch.stack(kept)


def torch_multiclass_nms(boxes: Any, scores: Any, classes: Any, iou_threshold: float) -> Any:
    import torch

    kept = []
    for c in classes.unique():
        members = torch.nonzero(classes == c)[:, 0]
        kept.append(members[torch_nms(boxes[members], scores[members], iou_threshold)])
    found = torch.cat(kept)
    return found[scores[found].argsort(descending=True)]


LOOPS: tuple[Solution, ...] = (
    ("affine_forward", "row by row", affine_by_rows),
    ("softmax", "row by row", softmax_by_rows),
    ("softmax_cross_entropy", "row by row", cross_entropy_by_rows),
    ("batch_norm", "row by row", batch_norm_by_rows),
    ("conv2d", "image, row, column, filter", references.loop_conv),
    ("max_pool", "image, row, column", max_pool_by_positions),
    ("max_pool", "image, row, column, channel", references.loop_max_pool),
    ("avg_pool", "image, row, column", avg_pool_by_positions),
    ("iou_matrix", "pair by pair", references.loop_iou_matrix),
    ("nms", "box by box", references.loop_nms),
)

TORCH_BY_HAND: tuple[Solution, ...] = (
    ("softmax", "exp and sum", torch_softmax),
    ("softmax_cross_entropy", "log, exp and sum", torch_cross_entropy),
    ("batch_norm", "means", torch_batch_norm),
    ("conv2d", "unfold and einsum", torch_conv2d),
    ("max_pool", "unfold and amax", torch_max_pool),
    ("avg_pool", "unfold and mean", torch_avg_pool),
    ("iou_matrix", "corners", torch_iou_matrix),
    ("nms", "box by box", torch_nms),
    ("multiclass_nms", "class by class, box by box", torch_multiclass_nms),
)
