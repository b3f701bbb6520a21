"""How fast other right solutions of the timed functions are, in multiples of the reference's CPU time.

`make bench-bands` pins every library to one thread and prints the tables of docs/timing-bands.md: for each function
the alternates of its topic, the solution in examples/good_numpy and a plain loop, on freshly varied arguments of the
judged size. A multiple is the median of pairs measured in turn; the share is what the assignment's band gives for it.
"""

from __future__ import annotations

import argparse
import importlib
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import references

from grader.assignment import assignment_names, load_assignment
from grader.course import load_course
from grader.model import Band
from grader.topic import Speed, Topic

ROOT = Path(__file__).resolve().parent.parent
LONG_ENOUGH_S = 0.01


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="*", help="default: all timed functions")
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    topics = load_course(ROOT).topics
    graded = load_assignment(ROOT, assignment_names(ROOT)).functions
    timed = {f.name: f.band for f in graded if f.band and (not arguments.functions or f.name in arguments.functions)}
    print("| function | unit | sizes | reference ms | exponents | vary / reference |\n|---|---|---|---|---|---|")
    for name in timed:
        print_sizes(topics[name], topics[name].speed, arguments.rounds)
    print("\n| function | band | solution | multiple | share |\n|---|---|---|---|---|")
    for name, band in timed.items():
        for label, solution in solutions(topics[name]):
            print_solution(topics[name], band, label, solution, arguments.rounds)


def print_sizes(topic: Topic, speed: Speed, rounds: int) -> None:
    """Time the reference at three sizes, and varying its arguments at the judged one."""
    rng, seconds, varying = np.random.default_rng(0), [], []
    for size in speed.sizes:
        base = speed.inputs(rng, size)
        seconds.append(statistics.median(cpu(topic.forward, **speed.vary(rng, **base)) for _ in range(rounds)))
        if size == speed.sizes[1]:
            varying = [cpu(speed.vary, rng=rng, **base) / cpu(topic.forward, **base) for _ in range(rounds)]
    exponents = [
        math.log(seconds[i + 1] / seconds[i]) / math.log(speed.sizes[i + 1] / speed.sizes[i]) for i in range(2)
    ]
    print(
        f"| {topic.name} | {speed.unit} | {', '.join(f'{size:,}' for size in speed.sizes)} "
        f"| {', '.join(f'{1e3 * s:.2f}' for s in seconds)} | {', '.join(f'{e:.1f}' for e in exponents)} "
        f"| {100 * statistics.median(varying):.0f} % |",
        flush=True,
    )


def print_solution(topic: Topic, band: Band, label: str, solution: Callable[..., Any], rounds: int) -> None:
    """Time a solution and the reference in turn on the same arguments, fewer times if it takes seconds."""
    rng, ratios, speed = np.random.default_rng(1), [], topic.speed
    base = speed.inputs(rng, speed.sizes[1])
    started = time.process_time()
    while len(ratios) < rounds and (time.process_time() - started < 5 or len(ratios) < 3):
        inputs = speed.vary(rng, **base)
        ratios.append(cpu(solution, **inputs) / cpu(topic.forward, **inputs))
    ratio = statistics.median(ratios)
    share = min(1.0, max(0.0, 1 - math.log(ratio / band.full) / math.log(band.none / band.full)))
    print(
        f"| {topic.name} | {band.full:g} to {band.none:g} | {label} | {ratio:.1f} | {100 * share:.0f} % |", flush=True
    )


def cpu(function: Callable[..., Any], **inputs: Any) -> float:
    """Return the CPU seconds of one call, a mean over enough calls to make the clock's steps small."""
    count, started, spent = 0, time.process_time(), 0.0
    while spent < LONG_ENOUGH_S:
        function(**inputs)
        count, spent = count + 1, time.process_time() - started
    return spent / count


def solutions(topic: Topic) -> list[tuple[str, Callable[..., Any]]]:
    """Return other right solutions of a topic with what to call them."""
    found = [(f"`{alternate.__name__}`", alternate) for alternate in topic.alternates]
    found += [
        ("examples/good_numpy", getattr(module, topic.name)) for module in examples() if defines(module, topic.name)
    ]
    return found + [(f"plain loop, {label}", loop) for name, label, loop in LOOPS if name == topic.name]


def examples() -> list[Any]:
    folder = ROOT / "examples" / "good_numpy"
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return [importlib.import_module(name) for name in ("classifier", "batch_norm", "convnets", "yolo")]


def defines(module: Any, name: str) -> bool:
    return getattr(getattr(module, name, None), "__module__", None) == module.__name__


# --- plain loops, as students write them ---------------------------------------------------------------------------


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


LOOPS: tuple[tuple[str, str, Callable[..., Any]], ...] = (
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


if __name__ == "__main__":
    main()
