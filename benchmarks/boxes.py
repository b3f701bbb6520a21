"""What a box costs: the first answer of a waiting one, small calls, large arrays, and forty submissions in a row."""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from grader.pipeline import Request, grade, prepare
from sandbox.base import Call, Chunk, Framework, Limits, Module, Sandbox, Session, Source, Value, Values
from sandbox.select import choose

ROOT = Path(__file__).resolve().parent.parent
STUDENT = """
import numpy as np

def add(x):
    return x + 1.0

def echo(x):
    return x
"""
SUBMISSIONS, SMALL_CALLS, WAITING = 40, 1000, 3
MODULES = ("classifier.py", "common.py")
FUNCTIONS = ("softmax", "cross_entropy", "affine_forward")
MIB = 1 << 20


def main() -> None:
    """Print one table row per figure and backend."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", default="docker,bubblewrap,process", help="comma-separated")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    print("| backend | figure | median | least | goal (docker) |\n|---|---|---|---|---|")
    for backend in options.backends.split(","):
        for name, unit, values, goal in figures(backend, options.repeats):
            best = max(values) if unit == "MB/s" else min(values)
            print(
                f"| {backend} | {name} | {statistics.median(values):.3g} {unit} | {best:.3g} {unit} | {goal} |",
                flush=True,
            )


def figures(backend: str, repeats: int) -> Iterator[tuple[str, str, list[float], str]]:
    """Yield every figure of a backend: name, unit, measured values, goal."""
    with opened(backend, "numpy") as sandbox:
        yield (
            "first NumPy answer, box waiting",
            "ms",
            [1e3 * first_answer(sandbox, "numpy") for _ in range(repeats)],
            "20",
        )
        with session(sandbox, "numpy") as box:
            small = np.arange(6.0).reshape(2, 3)
            calls = [timed(lambda: answer(box, "add", small)) for _ in range(SMALL_CALLS)]
            yield f"a small call, of {SMALL_CALLS}", "ms", [1e3 * seconds for seconds in calls], "0.3"
            large = np.random.default_rng(0).standard_normal(2 * MIB)
            rates = [2 * large.nbytes / 1e6 / timed(lambda: answer(box, "echo", large)) for _ in range(repeats)]
            yield "16 MiB in and out", "MB/s", rates, "200"
    ratios = [submissions(backend) for _ in range(max(1, repeats // 5))]
    yield f"{SUBMISSIONS} small submissions / (CPU work + 60 ms each)", "x", ratios, "1.3"
    with opened(backend, "torch") as sandbox:
        yield "first torch answer, box waiting", "ms", [1e3 * first_answer(sandbox, "torch") for _ in range(3)], ""


@contextmanager
def opened(backend: str, framework: Framework) -> Iterator[Sandbox]:
    sandbox = choose(backend, framework)  # type: ignore[arg-type]
    try:
        yield sandbox
    finally:
        sandbox.close()


@contextmanager
def session(sandbox: Sandbox, framework: Framework) -> Iterator[Session]:
    source = Source((Module("hw", (Chunk("hw.py", 1, STUDENT),)),), framework)
    box = sandbox.open(source, Limits.for_framework(framework))
    try:
        yield box
    finally:
        box.close()


def first_answer(sandbox: Sandbox, framework: Framework) -> float:
    """Return the seconds from a submission's arrival to its first answer, with a box that has had time to start."""
    sandbox.warm(framework, Limits.for_framework(framework))
    time.sleep(1.5 if framework == "numpy" else 8.0)
    begin = time.perf_counter()
    with session(sandbox, framework) as box:
        answer(box, "add", np.ones(3))
        return time.perf_counter() - begin


def answer(box: Session, function: str, x: Value) -> None:
    reply = box.call(Call("g", "hw", function, {"x": x}), 30.0)
    if not isinstance(reply, Values):
        raise SystemExit(f"{function} ended as {reply}")


def timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


class Counting:
    """A sandbox that adds up the CPU time of its sessions from the moment each is opened."""

    def __init__(self, inner: Sandbox) -> None:
        self.name, self.guarantees, self.details, self._inner = inner.name, inner.guarantees, inner.details, inner
        self.seconds = 0.0

    def warm(self, framework: Framework, limits: Limits, keep: int = 0) -> None:
        self._inner.warm(framework, limits, keep)

    def close(self) -> None:
        self._inner.close()

    def open(self, source: Source, limits: Limits) -> Session:
        box = self._inner.open(source, limits)
        before, close = box.cpu_seconds(), box.close

        def closing() -> None:
            self.seconds += max(0.0, box.cpu_seconds() - before)
            close()

        box.close = closing  # type: ignore[method-assign]
        return box


def submissions(backend: str) -> float:
    """Grade small submissions one after the other; return the wall time beside their CPU work and 60 ms for each."""
    with opened(backend, "numpy") as sandbox, tempfile.TemporaryDirectory() as folder:
        sandbox.warm("numpy", Limits.for_framework("numpy"), keep=WAITING)
        counting = Counting(sandbox)
        request = Request(copied(folder), ROOT, functions=FUNCTIONS)
        one(request, counting)
        counting.seconds, begin, cpu = 0.0, time.perf_counter(), time.process_time()
        for _ in range(SUBMISSIONS):
            one(request, counting)
        wall = time.perf_counter() - begin
        return wall / (time.process_time() - cpu + counting.seconds + 0.06 * SUBMISSIONS)


def copied(folder: str) -> Path:
    for name in MODULES:
        shutil.copy(ROOT / "examples" / "good_numpy" / name, folder)
    return Path(folder)


def one(request: Request, sandbox: Sandbox) -> None:
    report = grade(prepare(request), sandbox)
    if report.hundredths != report.max_hundredths:
        raise SystemExit("a right submission lost marks")


if __name__ == "__main__":
    main()
