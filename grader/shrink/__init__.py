"""The smallest example: inputs that a student can check by hand, on which the function fails as it did before."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from grader import oracle
from grader.execute import Boxes, Outcomes
from grader.model import Assignment, Check, CheckResult, Exhibit, Plan, Submission
from grader.report.findings import urgency
from grader.shrink import simpler
from grader.shrink.promise import public_draws
from grader.shrink.search import Failure, Point, Search, Student, failure
from grader.topic import Properties, Topic
from grader.trials import Trials


class Origin(NamedTuple):
    """Public inputs to start from, and the visible check whose inputs they could be."""

    check: Check
    point: Point


def shrink(
    plan: Plan,
    assignment: Assignment,
    submission: Submission,
    results: Sequence[CheckResult],
    outcomes: Outcomes,
    trials: Trials,
    boxes: Boxes,
) -> tuple[CheckResult, ...]:
    """Give the first failed check of each function and kind a smallest example, where there is one.

    First is what the report shows first. No verdict changes, and what goes wrong here costs the example alone.
    """
    by_id, found = {result.id: result for result in results}, dict[str, Exhibit]()
    deadlines = {function.name: function.deadline_s for function in assignment.functions}
    for checks in _kinds(plan):
        failed = [c for c in checks if failure(by_id[c.id], outcomes[c.id])]
        if not failed or not _has_one_answer(trials.topics[failed[0].function]):
            continue
        first = min(failed, key=lambda check: _urgency(by_id[check.id]))
        failures = {c.id: f for c in failed if (f := failure(by_id[c.id], outcomes[c.id]))}
        student = Student(submission, boxes, deadlines[first.function])
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                smallest = _smallest(first, checks, failures, trials, student)
        except Exception:  # the budget is used up; or a reference, a case and a box can fail in any way
            smallest = None
        if smallest is not None:
            found[first.id] = smallest
    return tuple(replace(r, smallest=found[r.id]) if r.id in found else r for r in results)


def _urgency(result: CheckResult) -> tuple[Any, ...]:
    """Return what sorts a failed check in the student's report, where only some of them can be looked at."""
    return urgency(replace(result, visible=result.visibility == "visible"))


def _kinds(plan: Plan) -> list[list[Check]]:
    groups: dict[tuple[str, str], list[Check]] = {}
    for check in plan.checks:
        if check.kind in ("values", "gradient"):
            groups.setdefault((check.function, check.kind), []).append(check)
    return list(groups.values())


def _has_one_answer(topic: Topic) -> bool:
    return not topic.is_random and not isinstance(topic.compare, Properties)


def _smallest(
    first: Check, checks: Sequence[Check], failures: Mapping[str, Failure], trials: Trials, student: Student
) -> Exhibit | None:
    """Return the smallest example that fails as the first check does."""
    topic, wanted = trials.topics[first.function], failures[first.id]
    # A case may be judged more strictly than its topic, since its own inputs allow it.
    cases = tuple(replace(case, compare=None) for case in topic.cases)
    base = Trials({topic.name: replace(topic, cases=cases)}, trials.framework, "")
    visible = [check for check in checks if check.visibility == "visible"]
    shown = [check for check in visible if check.id in failures]
    for origin in _failed([check for check in shown if wanted.covers(failures[check.id])], trials):
        if _is_usable(origin, base):
            search = Search(*origin, failures[origin.check.id], base, student)
            search.run()
            is_smaller = simpler.count(search.best.inputs) < simpler.count(origin.point.inputs)
            return search.example() if is_smaller else None
    return None if shown or not visible else _unseen(visible, wanted, base, student)


def _unseen(visible: Sequence[Check], wanted: Failure, base: Trials, student: Student) -> Exhibit | None:
    """Return the smallest example of what no visible case shows: from fresh draws of them, or from parts of these."""
    drawn = [origin for origin in _drawn(visible, base) if _is_usable(origin, base)]
    for origin in drawn:
        _, failed = student.answer(origin.check, base.at(origin.check, *origin.point))
        if failed is not None and wanted.covers(failed):
            search = Search(*origin, failed, base, student)
            search.run()
            return search.example()
    for origin in drawn[: len(visible)]:
        search = Search(*origin, wanted, base, student)
        if search.probe():
            search.run()
            return search.example()
    return None


def _failed(shown: Sequence[Check], trials: Trials) -> Iterator[Origin]:
    """Return the inputs of failed visible cases, the fewest numbers first."""
    for check in sorted(shown, key=lambda check: simpler.count(trials.inputs(check))):
        dout = trials.arguments(check)["dout"] if check.kind == "gradient" else None
        yield Origin(check, Point(trials.inputs(check), dout))


def _drawn(visible: Sequence[Check], base: Trials) -> Iterator[Origin]:
    """Return fresh draws of visible cases."""
    topic = base.topics[visible[0].function]
    for draw in public_draws(topic):
        for check in (check for check in visible if check.case == draw.case.name):
            dout = oracle.cotangent(topic, draw.case, draw.inputs, draw.seed) if check.kind == "gradient" else None
            yield Origin(check, Point(draw.inputs, dout))


def _is_usable(origin: Origin, base: Trials) -> bool:
    """Tell whether the topic's policy can judge the inputs: calibration may leave the domain at its very edge."""
    try:
        base.at(origin.check, *origin.point).expected(origin.check)
    except ValueError:
        return False
    return True
