"""The smallest example: inputs that a student can check by hand, on which the function fails as it did before."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grader import oracle, simpler
from grader.execute import Boxes, Outcomes
from grader.model import Assignment, Check, CheckResult, Exhibit, Plan, Submission
from grader.promise import public_draws
from grader.report.findings import urgency
from grader.search import Failure, Point, Search, Stop, Student, failure
from grader.topic import Properties, Topic
from grader.trials import Trials


@dataclass(frozen=True, slots=True)
class Origin:
    """Public inputs that fail, to start from; `shown` tells whether the report shows them anyway."""

    check: Check
    point: Point
    failure: Failure
    shown: bool


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
        first = min(failed, key=lambda check: urgency(by_id[check.id]))
        failures = {c.id: f for c in failed if (f := failure(by_id[c.id], outcomes[c.id]))}
        student = Student(submission, boxes, deadlines[first.function])
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                smallest = _smallest(first, checks, failures, trials, student)
        except Exception:  # a reference, a case and a box can fail in any way
            smallest = None
        if smallest is not None:
            found[first.id] = smallest
    return tuple(replace(r, smallest=found[r.id]) if r.id in found else r for r in results)


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
    topic = trials.topics[first.function]
    # A case may be judged more strictly than its topic, since its own inputs allow it.
    cases = tuple(replace(case, compare=None) for case in topic.cases)
    base = Trials({topic.name: replace(topic, cases=cases)}, trials.framework, "")
    origins = _origins([check for check in checks if check.visible], failures, trials, base, student)
    for origin in origins:
        if origin.failure[:2] != failures[first.id][:2] or not _is_usable(origin, base):
            continue
        search = Search(origin.check, origin.point, origin.failure, base, student)
        search.run()
        if origin.shown and simpler.count(search.best.inputs) >= simpler.count(origin.point.inputs):
            return None
        return search.example()
    return None


def _is_usable(origin: Origin, base: Trials) -> bool:
    """Tell whether the topic's policy can judge the inputs: calibration may leave the domain at its very edge."""
    try:
        base.at(origin.check, *origin.point).expected(origin.check)
    except ValueError:
        return False
    return True


def _origins(
    visible: Sequence[Check], failures: Mapping[str, Failure], trials: Trials, base: Trials, student: Student
) -> Iterator[Origin]:
    """Return the failed visible cases, the fewest numbers first; when none has failed, fresh draws that do."""
    failed = [check for check in visible if check.id in failures]
    for check in sorted(failed, key=lambda check: simpler.count(trials.inputs(check))):
        inputs = trials.inputs(check)
        dout = trials.arguments(check)["dout"] if check.kind == "gradient" else None
        yield Origin(check, Point(inputs, dout), failures[check.id], shown=True)
    if failed or not visible:
        return
    for draw in public_draws(base.topics[visible[0].function]):
        for check in (check for check in visible if check.case == draw.case.name):
            topic = base.topics[check.function]
            dout = oracle.cotangent(topic, draw.case, draw.inputs, draw.seed) if check.kind == "gradient" else None
            try:
                _, failed_so = student.answer(check, base.at(check, draw.inputs, dout))
            except Stop:
                return
            if failed_so:
                yield Origin(check, Point(draw.inputs, dout), failed_so, shown=False)
