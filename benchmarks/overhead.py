"""What grading costs above the calls themselves: `grader run` against bare pytest on the same 50 calls, side by side.

Five functions with ten small cases each. Bare pytest imports the student's functions and compares with np.allclose:
no sandbox, no report. Whole processes are timed on the wall, in turn, and medians and paired ratios are printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUBMISSION = ROOT / "examples" / "good_numpy"
GOALS = {"process": 1.5, "docker": 2.0}

CASES = {
    "softmax_classifier/softmax": '{"z": rng.standard_normal((2, 3))}',
    "softmax_classifier/cross_entropy": (
        '{"probs": rng.dirichlet(np.ones(3), 2), "Y": np.eye(3)[rng.integers(0, 3, 2)]}'
    ),
    "batch_norm/batch_norm": (
        '{"x": rng.standard_normal((2, 16, 16, 3)), "gamma": rng.standard_normal(3), "beta": rng.standard_normal(3)}'
    ),
    "convnets/conv2d": (
        '{"x": rng.standard_normal((2, 16, 16, 3)), "W": rng.standard_normal((3, 3, 3, 4)), '
        '"b": rng.standard_normal(4), "stride": 1, "pad": 1}'
    ),
    "yolo/nms": (
        '(lambda corner, size: {"boxes": np.hstack([corner, corner + size]), "scores": rng.permutation(200) / 200.0, '
        '"iou_threshold": 0.5})(rng.random((200, 2)) * 0.8, 0.05 + 0.15 * rng.random((200, 2)))'
    ),
}

TOPIC = """

import dataclasses
import numpy as np

TOPIC = dataclasses.replace(
    TOPIC, backward=None, cases=tuple(Case(f"case {{i}}", lambda rng: {inputs}) for i in range(10))
)
"""

BARE = """
import sys
import numpy as np
import pytest

sys.path.insert(0, {submission!r})
sys.path.insert(0, {course!r})
{imports}

PAIRS = [{pairs}]


@pytest.mark.parametrize("case", range(10))
@pytest.mark.parametrize("pair", range(5))
def test_agrees(pair, case):
    student, topic = PAIRS[pair]
    inputs = topic.cases[case].inputs(np.random.default_rng(case))
    assert np.allclose(student(**inputs), topic.forward(**inputs))
"""


def main() -> None:
    """Build the course and the bare test file, run everything in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--backends", default="process,docker", help="comma-separated")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        course, bare = build(Path(folder))
        commands = {"bare pytest": bare_command(bare)}
        for backend in options.backends.split(","):
            commands[f"grader run, {backend}"] = grader_command(course, Path(folder) / "out", backend)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for round_ in range(options.rounds + 1):
            for name, command in commands.items():
                seconds = timed(command, Path(folder))
                if round_:  # the first round warms the caches
                    times[name].append(seconds)
    print_table(times)
    print(f"\ngrader --help: {1e3 * help_cpu():.0f} ms of CPU (goal: under 100 ms)")


def build(folder: Path) -> tuple[Path, Path]:
    """Write a course of five topics with ten small cases each, and the bare test file; return both places."""
    course = folder / "course"
    shutil.copytree(ROOT / "reference", course / "reference", ignore=shutil.ignore_patterns("__pycache__"))
    for key, inputs in CASES.items():
        with (course / "reference" / f"{key}.py").open("a") as file:
            file.write(TOPIC.format(inputs=inputs))
    names = [key.split("/")[1] for key in CASES]
    (course / "assignments" / "bench").mkdir(parents=True)
    points = "\n".join(f"{name} = 10" for name in names)
    (course / "assignments" / "bench" / "assignment.toml").write_text(f'title = "Bench"\n[points]\n{points}\n')
    bare = folder / "test_bare.py"
    modules = {name: module_of(name) for name in names}
    imports = "\n".join(f"import {module}" for module in sorted(set(modules.values())))
    imports += "".join(f"\nimport reference.{key.replace('/', '.')}" for key in CASES)
    pairs = ", ".join(
        f"({modules[key.split('/')[1]]}.{key.split('/')[1]}, reference.{key.replace('/', '.')}.TOPIC)" for key in CASES
    )
    bare.write_text(BARE.format(submission=str(SUBMISSION), course=str(course), imports=imports, pairs=pairs))
    return course, bare


def module_of(function: str) -> str:
    """Return the module of the example submission that defines the function."""
    return next(p.stem for p in sorted(SUBMISSION.glob("*.py")) if f"\ndef {function}(" in "\n" + p.read_text())


def bare_command(bare: Path) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(bare)]


def grader_command(course: Path, out: Path, backend: str) -> list[str]:
    grader = shutil.which("grader", path=str(Path(sys.executable).parent)) or "grader"
    return [grader, "run", str(SUBMISSION), "--course", str(course), "--sandbox", backend, "--out", str(out)]


def timed(command: list[str], folder: Path) -> float:
    """Return the wall seconds of a command that must end well: full marks here, all passed there."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds


def print_table(times: dict[str, list[float]]) -> None:
    """Print medians and the median of the ratios to bare pytest, round by round."""
    bare = times["bare pytest"]
    print("| command | median s | min s | ratio to bare pytest | goal |\n|---|---|---|---|---|")
    for name, seconds in times.items():
        ratio = statistics.median(mine / its for mine, its in zip(seconds, bare, strict=True))
        goal = GOALS.get(name.rpartition(" ")[2], "")
        print(f"| {name} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | {ratio:.2f} | {goal} |")


def help_cpu(runs: int = 5) -> float:
    """Return the median CPU seconds of `grader --help`."""
    grader = shutil.which("grader", path=str(Path(sys.executable).parent)) or "grader"

    def one() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([grader, "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return statistics.median(one() for _ in range(runs))


if __name__ == "__main__":
    main()
