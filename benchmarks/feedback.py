"""What the feedback is worth: every mistake of the course through the whole pipeline, beside the right solution."""

from __future__ import annotations

import argparse
import math
import re
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from grader.assignment import assignment_names, load_assignment
from grader.course import Course, load_course
from grader.model import Aspect, Assignment, Definition, GradedFunction, Location, Report, Submission
from grader.pipeline import Prepared, Request, grade
from grader.plan import plan
from grader.topic import Mistake, Topic
from grader.trials import Trials
from sandbox.inprocess import InProcessSandbox

ROOT = Path(__file__).resolve().parent.parent
SHAPE = re.compile(r"^\S+ \(([\d, ]*)\)")
PLACE = Location("submission.py", 1)


@dataclass(frozen=True)
class Graded:
    """What came of one mistake: how it was named, the numbers of its smallest examples, and the added seconds."""

    named: frozenset[str]
    numbers: tuple[int, ...]
    seconds: float


def main() -> None:
    """Print the figures of the goals, and every mistake that is not named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="*", help="default: the whole course")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    names = [f.name for f in load_assignment(ROOT, assignment_names(ROOT)).functions]
    course = load_course(ROOT, options.functions or names)
    found: dict[tuple[str, str], Graded] = {}
    for name, topic in course.topics.items():
        found |= {(name, mistake): graded for mistake, graded in figures(topic).items()}
    show(found)


def figures(topic: Topic) -> dict[str, Graded]:
    """Grade every mistake of a topic."""
    prepared, right = prepared_for(topic), references(topic)
    timed(prepared, right)  # what is computed once for a class is computed here
    _, base = timed(prepared, right)
    graded = {}
    for mistake in topic.mistakes:
        wrong = {name: mistake.function for name in right if is_of(mistake, name, topic)}
        timed(prepared, right | wrong)
        report, seconds = timed(prepared, right | wrong)
        graded[mistake.name] = Graded(
            frozenset(check.diagnosis for check in report.functions[0].checks if check.diagnosis),
            tuple(n for check in report.functions[0].checks if check.smallest for n in sizes(check.smallest.inputs)),
            seconds - base,
        )
    return graded


def show(found: Mapping[tuple[str, str], Graded]) -> None:
    """Print the table, then what is not named."""
    named = [key for key, graded in found.items() if key[1] in graded.named]
    misnamed = [key for key, graded in found.items() if graded.named - {key[1]}]
    examples = [n for graded in found.values() for n in graded.numbers]
    added = [graded.seconds for graded in found.values()]
    with_example = sum(bool(graded.numbers) for graded in found.values())
    print("| figure | measured | goal |\n|---|---|---|")
    print(f"| mistakes named | {len(named)} of {len(found)} ({100 * len(named) / len(found):.1f} %) | 95 % |")
    print(f"| mistakes taken for another | {len(misnamed)} | 0 |")
    print(f"| mistakes with a smallest example | {with_example} | |")
    print(f"| numbers in an input of a smallest example, median | {statistics.median(examples):g} | 6 |")
    print(f"| added to the grading of a wrong function, median | {statistics.median(added):.2f} s | |")
    print(f"| added, 95th of 100 | {sorted(added)[int(0.95 * len(added))]:.2f} s | |")
    print(f"| added, at most | {max(added):.2f} s | 2 |")
    for function, mistake in sorted(found.keys() - set(named)):
        print(f"not named: {function}, {mistake}")
    for (function, mistake), graded in found.items():
        if graded.seconds > 2:
            print(f"slow: {function}, {mistake}: {graded.seconds:.2f} s")


def prepared_for(topic: Topic) -> Prepared:
    graded = GradedFunction(topic.name, 100, dict.fromkeys(Aspect, 1), 60.0)
    assignment = Assignment((topic.name,), topic.name, (graded,))
    checks = plan(assignment, Course(ROOT, {topic.name: topic}, {}), "numpy", "feedback")
    places = {name: Definition(name, "submission", PLACE) for name in references(topic)}
    submission = Submission("submission", "", (PLACE.file,), (), places, {}, ())
    trials = Trials({topic.name: topic}, "numpy", "feedback")
    return Prepared(Request(ROOT, ROOT), assignment, submission, checks, trials, datetime.now(UTC))


def references(topic: Topic) -> dict[str, Callable[..., Any]]:
    found = {topic.name: topic.forward}
    return found | ({topic.backward.__name__: topic.backward} if topic.backward else {})


def is_of(mistake: Mistake, name: str, topic: Topic) -> bool:
    return (name != topic.name) == mistake.gradient


def timed(prepared: Prepared, functions: Mapping[str, Callable[..., Any]]) -> tuple[Report, float]:
    begin = time.process_time()
    with np.errstate(all="ignore"):
        report = grade(prepared, InProcessSandbox(functions, lambda file: None))
    return report, time.process_time() - begin


def sizes(inputs: Mapping[str, str]) -> list[int]:
    """Return how many numbers each input holds, as it is printed."""
    found = []
    for text in inputs.values():
        shape = SHAPE.match(text)
        found.append(math.prod(int(n) for n in shape[1].split(",") if n.strip()) if shape else 1)
    return found


if __name__ == "__main__":
    main()
