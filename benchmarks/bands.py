"""How fast other right solutions of the timed functions are, in multiples of the reference's CPU time.

`make bench-bands` pins every library to one thread and prints the tables of docs/timing-bands.md: for each function
the alternates of its topic, the solution in examples/, a plain loop, and torch by hand beside the torch reference, on
freshly varied arguments of the judged size. A multiple is the median of pairs measured in turn; the share is what the
assignment's band gives for it. A solution that does not agree with the reference stops the run.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import solutions

from grader.assignment import assignment_names, load_assignment
from grader.course import load_course
from grader.model import Band
from grader.topic import Topic

ROOT = Path(__file__).resolve().parent.parent
LONG_ENOUGH_S = 0.01


def main() -> None:
    """Print the tables of a framework."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="*", help="default: all timed functions")
    parser.add_argument("--framework", choices=("numpy", "torch"), default="numpy")
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    topics = load_course(ROOT).topics
    graded = load_assignment(ROOT, assignment_names(ROOT)).functions
    timed = {f.name: f.band for f in graded if f.band and (not arguments.functions or f.name in arguments.functions)}
    print("| function | unit | sizes | reference ms | exponents | vary / reference |\n|---|---|---|---|---|---|")
    for name in timed:
        print_sizes(topics[name], arguments.framework, arguments.rounds)
    print("\n| function | band | solution | multiple | share |\n|---|---|---|---|---|")
    for name, band in timed.items():
        for label, solution in others(topics[name], arguments.framework):
            print_solution(topics[name], arguments.framework, band, label, solution, arguments.rounds)


def print_sizes(topic: Topic, framework: str, rounds: int) -> None:
    """Time the reference at three sizes, and varying its arguments at the judged one."""
    rng, speed, seconds, varying = np.random.default_rng(0), topic.speed, [], []
    for size in speed.sizes:
        base = speed.inputs(rng, size)
        calls = [given(speed.vary(rng, **base), framework) for _ in range(rounds)]
        seconds.append(statistics.median(cpu(reference(topic, framework), **inputs) for inputs in calls))
        if size == speed.sizes[1]:
            varying = [cpu(speed.vary, rng=rng, **base) / seconds[-1] for _ in range(rounds)]
    steps = [(b / a, t / s) for a, b, s, t in zip(speed.sizes, speed.sizes[1:], seconds, seconds[1:], strict=False)]
    print(
        f"| {topic.name} | {speed.unit} | {', '.join(f'{size:,}' for size in speed.sizes)} "
        f"| {', '.join(f'{1e3 * s:.2f}' for s in seconds)} "
        f"| {', '.join(f'{math.log(cost) / math.log(growth):.1f}' for growth, cost in steps)} "
        f"| {100 * statistics.median(varying):.0f} % |",
        flush=True,
    )


def print_solution(
    topic: Topic, framework: str, band: Band, label: str, solution: Callable[..., Any], rounds: int
) -> None:
    """Time a solution and the reference in turn on the same arguments, fewer times if it takes seconds."""
    rng, ratios, speed = np.random.default_rng(1), [], topic.speed
    base = speed.inputs(rng, speed.sizes[1])
    agree(f"{topic.name}, {label}", solution, reference(topic, framework), given(speed.vary(rng, **base), framework))
    started = time.process_time()
    while len(ratios) < rounds and (time.process_time() - started < 5 or len(ratios) < 3):
        inputs = given(speed.vary(rng, **base), framework)
        ratios.append(cpu(solution, **inputs) / cpu(reference(topic, framework), **inputs))
    ratio = statistics.median(ratios)
    share = min(1.0, max(0.0, 1 - math.log(ratio / band.full) / math.log(band.none / band.full)))
    print(
        f"| {topic.name} | {band.full:g} to {band.none:g} | {label} | {ratio:.1f} | {100 * share:.0f} % |", flush=True
    )


def agree(name: str, solution: Callable[..., Any], trusted: Callable[..., Any], inputs: Mapping[str, Any]) -> None:
    """Stop when a solution that is to be timed does not compute the same."""
    answers = (solution(**inputs), trusted(**inputs))
    parts = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    if not all(np.allclose(np.asarray(a), np.asarray(b)) for a, b in zip(*parts, strict=True)):
        sys.exit(f"{name}: does not agree with the reference")


def reference(topic: Topic, framework: str) -> Callable[..., Any]:
    return topic.torch if framework == "torch" else topic.forward


def given(inputs: Mapping[str, Any], framework: str) -> dict[str, Any]:
    """Return the arguments as a submission of the framework gets them."""
    if framework == "numpy":
        return dict(inputs)
    import torch

    return {name: torch.from_numpy(v.copy()) if isinstance(v, np.ndarray) else v for name, v in inputs.items()}


def cpu(function: Callable[..., Any], **inputs: Any) -> float:
    """Return the CPU seconds of one call, a mean over enough calls to make the clock's steps small."""
    count, started, spent = 0, time.process_time(), 0.0
    while spent < LONG_ENOUGH_S:
        function(**inputs)
        count, spent = count + 1, time.process_time() - started
    return spent / count


def others(topic: Topic, framework: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield other right solutions of a topic with what to call them."""
    folder = "good_numpy" if framework == "numpy" else "torch"
    if framework == "numpy":
        yield from ((f"`{alternate.__name__}`", alternate) for alternate in topic.alternates)
    yield f"examples/{folder}", example(folder, topic.name)
    kind, found = ("loop", solutions.LOOPS) if framework == "numpy" else ("by hand", solutions.TORCH_BY_HAND)
    yield from ((f"{kind}: {label}", solution) for name, label, solution in found if name == topic.name)


@functools.cache
def example(folder: str, name: str) -> Callable[..., Any]:
    sys.path.insert(0, str(ROOT / "examples" / folder))
    modules = [importlib.import_module(module) for module in ("classifier", "batch_norm", "convnets", "yolo")]
    (found,) = {vars(module)[name] for module in modules if name in vars(module)}
    return found


if __name__ == "__main__":
    main()
