"""How fast the references are: NumPy against naive loops, torch against torch.nn.functional, side by side in one run.

Every pair is checked for agreement, then timed in turn; medians and the median of the paired ratios are
printed as a Markdown table. `make bench-references` pins every library to one thread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from grader.course import load_course
from grader.topic import Topic

ROOT = Path(__file__).resolve().parent.parent
Row = tuple[str, str, Callable[[], Any], Callable[[], Any], str]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    topics = load_course(ROOT).topics
    print("| what | sizes | ours ms | other ms | other / ours | goal |\n|---|---|---|---|---|---|")
    for row in (*against_loops(topics), *torch_against_numpy(topics)):
        print_row(*row, rounds=rounds)
    print("\n| what | sizes | ours ms | torch.nn.functional ms | ours / functional | goal |\n|---|---|---|---|---|---|")
    for row in against_functional(topics):
        print_row(*row, rounds=rounds, inverse=True)


def print_row(name: str, sizes: str, ours: Any, other: Any, goal: str, rounds: int, inverse: bool = False) -> None:
    """Time a pair in turn and print its row."""
    pairs = []
    for round_ in range(rounds + 2):
        pair = timed(ours), timed(other)
        if round_ >= 2 or pair[1] > 2:  # the first rounds warm up, unless one takes seconds
            pairs.append(pair)
        if sum(map(sum, pairs)) > 20:
            break
    mine, its = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median((a / b if inverse else b / a) for a, b in pairs)
    print(f"| {name} | {sizes} | {1e3 * mine:.2f} | {1e3 * its:.2f} | {ratio:.2f} | {goal} |", flush=True)


def timed(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def agree(name: str, left: Any, right: Any) -> None:
    """Stop when two implementations that are to be compared do not compute the same."""
    if not np.allclose(np.asarray(left), np.asarray(right), rtol=1e-3, atol=1e-4):
        sys.exit(f"{name}: the two do not agree")


# --- naive loops -----------------------------------------------------------------------------------------------------


def loop_conv(x: Any, W: Any, b: Any, stride: int, pad: int) -> Any:
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    n, height, width, _ = x.shape
    f, _, _, filters = W.shape
    out = np.zeros((n, (height - f) // stride + 1, (width - f) // stride + 1, filters))
    for i in range(n):
        for h in range(out.shape[1]):
            for w in range(out.shape[2]):
                for k in range(filters):
                    window = x[i, h * stride : h * stride + f, w * stride : w * stride + f]
                    out[i, h, w, k] = (window * W[..., k]).sum() + b[k]
    return out


def loop_max_pool(x: Any, f: int, stride: int) -> Any:
    n, height, width, channels = x.shape
    out = np.zeros((n, (height - f) // stride + 1, (width - f) // stride + 1, channels))
    for i in range(n):
        for h in range(out.shape[1]):
            for w in range(out.shape[2]):
                for c in range(channels):
                    out[i, h, w, c] = x[i, h * stride : h * stride + f, w * stride : w * stride + f, c].max()
    return out


def loop_iou(one: Any, other: Any) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    area = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    union = area - width * height
    return width * height / union if union > 0 else 0.0


def loop_iou_matrix(boxes1: Any, boxes2: Any) -> Any:
    return np.array([[loop_iou(one, other) for other in boxes2] for one in boxes1])


def loop_nms(boxes: Any, scores: Any, iou_threshold: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if all(loop_iou(boxes[i], boxes[j]) <= iou_threshold for j in kept):
            kept.append(i)
    return kept


def boxes_of(rng: np.random.Generator, count: int, side: float = 0.05) -> tuple[Any, Any]:
    corner = rng.random((count, 2))
    return np.hstack([corner, corner + side * (0.5 + rng.random((count, 2)))]), rng.random(count)


def against_loops(topics: Any) -> Iterator[Row]:
    """Yield the NumPy references beside their naive twins."""
    rng = np.random.default_rng(0)
    x, W, b = rng.standard_normal((4, 32, 32, 8)), rng.standard_normal((3, 3, 8, 16)), rng.standard_normal(16)
    yield pair("conv2d", "4x32x32x8, 3x3x8x16", topics, loop_conv, ">= 50", x=x, W=W, b=b, stride=1, pad=1)
    x = rng.standard_normal((4, 64, 64, 16))
    yield pair("max_pool", "4x64x64x16, f 2", topics, loop_max_pool, ">= 50", x=x, f=2, stride=2)
    boxes, scores = boxes_of(rng, 1000)
    yield pair("nms", "1,000 boxes", topics, loop_nms, ">= 10", boxes=boxes, scores=scores, iou_threshold=0.5)
    yield pair("iou_matrix", "300x300", topics, loop_iou_matrix, ">= 100", boxes1=boxes[:300], boxes2=boxes[300:600])


def pair(name: str, sizes: str, topics: Any, twin: Callable[..., Any], goal: str, **inputs: Any) -> Row:
    reference = topics[name].forward
    agree(name, np.asarray(reference(**inputs)), np.asarray(twin(**inputs)))
    return f"{name}, NumPy against loops", sizes, lambda: reference(**inputs), lambda: twin(**inputs), goal


def torch_against_numpy(topics: Any) -> Iterator[Row]:
    """Yield torch's nms on the CPU beside NumPy's."""
    import torch

    topic = topics["nms"]
    for count, side in ((1000, 0.05), (5000, 0.02)):
        boxes, scores = boxes_of(np.random.default_rng(1), count, side)
        tensors = torch.from_numpy(boxes), torch.from_numpy(scores)
        agree("nms", np.asarray(topic.forward(boxes, scores, 0.5)), topic.torch(*tensors, 0.5).numpy())
        ours = lambda t=tensors: topic.torch(*t, 0.5)  # noqa: E731
        other = lambda b=boxes, s=scores: topic.forward(b, s, 0.5)  # noqa: E731
        yield "nms, torch against NumPy", f"{count:,} boxes", ours, other, "printed"


def against_functional(topics: Any) -> Iterator[Row]:
    """Yield the torch references beside torch.nn.functional, forward and backward, in float32."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    torch.set_num_threads(1)
    torch.manual_seed(0)

    def both(name: str, sizes: str, functional: Callable[..., Any], *arguments: Any) -> Iterator[Row]:
        topic: Topic = topics[name]
        agree(name, topic.torch(*arguments).detach().numpy(), functional(*arguments).detach().numpy())

        def run(function: Callable[..., Any], backward: bool) -> Callable[[], Any]:
            leaves = [
                a.clone().requires_grad_() if isinstance(a, torch.Tensor) and a.is_floating_point() else a
                for a in arguments
            ]

            def step() -> Any:
                out = function(*leaves)
                if backward:
                    torch.autograd.grad(
                        out.sum(), [a for a in leaves if isinstance(a, torch.Tensor) and a.requires_grad]
                    )

            return step

        for backward in (False, True):
            what = f"{name}, forward and backward" if backward else f"{name}, forward"
            yield what, sizes, run(topic.torch, backward), run(functional, backward), "<= 1.2"

    def channels_first(x: Any) -> Any:
        return x.permute(0, 3, 1, 2)

    def channels_last(x: Any) -> Any:
        return x.permute(0, 2, 3, 1)

    logits, labels = torch.randn(512, 1000), torch.randint(0, 1000, (512,))
    yield from both("softmax", "512x1000", lambda z: F.softmax(z, -1), logits)
    yield from both("softmax_cross_entropy", "512x1000", F.cross_entropy, logits, labels)
    x, W, b = torch.randn(8, 32, 32, 16), torch.randn(3, 3, 16, 32), torch.randn(32)

    def convolution(x: Any, W: Any, b: Any, stride: int, pad: int) -> Any:
        weight = W.permute(3, 2, 0, 1).contiguous()
        return channels_last(F.conv2d(channels_first(x), weight, b, stride=stride, padding=pad))

    yield from both("conv2d", "8x32x32x16, 3x3x16x32", convolution, x, W, b, 1, 1)
    gamma, beta = torch.randn(16), torch.randn(16)

    def normalise(x: Any, gamma: Any, beta: Any) -> Any:
        return channels_last(F.batch_norm(channels_first(x), None, None, gamma, beta, training=True, eps=1e-5))

    yield from both("batch_norm", "8x32x32x16", normalise, x, gamma, beta)
    yield from both(
        "max_pool", "8x32x32x16, f 2", lambda x, f, s: channels_last(F.max_pool2d(channels_first(x), f, s)), x, 2, 2
    )
    yield from both(
        "avg_pool", "8x32x32x16, f 2", lambda x, f, s: channels_last(F.avg_pool2d(channels_first(x), f, s)), x, 2, 2
    )


if __name__ == "__main__":
    main()
