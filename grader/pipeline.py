"""The stages as one function: collect, plan, execute, judge, diagnose, illustrate, score."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from grader.assignment import AssignmentError, assignment_names, load_assignment, only
from grader.collect import collect
from grader.course import Course, load_course
from grader.diagnose import diagnose
from grader.diagnose.probes import Probe
from grader.execute import Boxes, Outcomes, execute
from grader.illustrate import illustrate
from grader.judge import judge
from grader.model import (
    Assignment,
    Check,
    CheckResult,
    Plan,
    Report,
    Submission,
    Timing,
    Verdict,
)
from grader.plan import plan, wanted_names
from grader.results import report_of
from grader.shrink import shrink
from grader.timing.boxes import variation
from grader.timing.measure import QUICK, Effort, Stopwatch
from grader.timing.results import right, speed_results
from grader.trials import Trials
from sandbox.base import Device, Framework, Limits, Sandbox, Source

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to grade and how. `assignments` may be empty: then those in which the submission defines a function.

    With `speed`, functions that have a band are timed beside the reference.
    """

    submission: Path
    course: Path
    assignments: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    framework: Framework = "numpy"
    secret: str = ""
    speed: bool = False
    device: Device = "cpu"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that has been understood: everything that grading needs but a box."""

    request: Request
    assignment: Assignment
    submission: Submission
    plan: Plan
    trials: Trials
    started: datetime


def prepare(request: Request) -> Prepared:
    """Load what to grade against, collect the submission and plan its checks.

    Raises CollectError, CourseError and AssignmentError for a wrong request.
    """
    started = datetime.now(UTC)
    assignment, course = material(request)
    submission = collect(request.submission, wanted_names(assignment, course, request.framework))
    if not request.assignments and not request.functions:
        assignment = _inferred(request.course, assignment.names, submission)
    checks = plan(assignment, course, request.framework, request.secret, request.speed)
    trials = Trials(course.topics, request.framework, request.secret)
    return Prepared(request, assignment, submission, checks, trials, started)


def material(request: Request) -> tuple[Assignment, Course]:
    """Return what a request grades, and the topics of that. Raises CourseError and AssignmentError."""
    assignment = asked(request)
    return assignment, load_course(request.course, [function.name for function in assignment.functions])


def asked(request: Request) -> Assignment:
    """Return what a request grades, all assignments when it names none. Raises AssignmentError for a wrong request."""
    names = request.assignments or tuple(assignment_names(request.course))
    assignment = load_assignment(request.course, names)
    if request.functions:
        assignment = only(assignment, request.functions)  # raises for an unknown name
        assignment = only(_holding(request.course, names, request.functions), request.functions)
    return assignment


def grade(prepared: Prepared, sandbox: Sandbox, progress: Progress = lambda done, count, function: None) -> Report:
    """Grade a prepared submission and return the whole report, for staff; `visibility.public` makes the student's.

    Raises SandboxUnavailable when no box can be had.
    """
    modules = (*prepared.submission.modules, *prepared.trials.modules(prepared.plan.checks))
    framework = prepared.request.framework
    limits = Limits.for_framework(framework, prepared.request.device)
    boxes = Boxes(sandbox, Source(modules, framework), limits)
    if any(check.kind == "speed" for check in prepared.plan.checks):
        # Timing takes boxes of its own: they start while values are compared.
        sandbox.warm(framework, limits, keep=2)
    prepared.trials.prepare(prepared.plan.checks)  # while the box starts
    try:
        outcomes = _execute(prepared, boxes, progress)
    finally:
        boxes.close()
    results = judge(prepared.plan, outcomes, prepared.submission, prepared.trials)
    # Answers to small examples are shown: they come from a box that has not seen the inputs of hidden cases.
    again = boxes.anew()
    try:
        results = _explained(prepared, results, outcomes, again)
    finally:
        again.close()
    timings = _time(prepared, sandbox, results, progress)
    results = illustrate(prepared.plan, results, outcomes, prepared.trials)
    return _report(prepared, sandbox, boxes, results, timings)


def _explained(
    prepared: Prepared, results: Sequence[CheckResult], outcomes: Outcomes, boxes: Boxes
) -> tuple[CheckResult, ...]:
    """Give failed checks their smallest examples, and only then ask about hidden inputs for their diagnoses."""
    trials, submission = prepared.trials, prepared.submission
    results = shrink(prepared.plan, prepared.assignment, submission, results, outcomes, trials, boxes)
    deadlines = {function.name: function.deadline_s for function in prepared.assignment.functions}
    probe = Probe(submission, trials, lambda call, function: boxes.call(call, deadlines[function]))
    return diagnose(prepared.plan, results, outcomes, trials, probe)


def stopwatch(prepared: Prepared, sandbox: Sandbox, effort: Effort = QUICK) -> Stopwatch:
    """Return what times the functions of a prepared submission."""
    topics, request = prepared.trials.topics, prepared.request
    modules = (*prepared.submission.modules, *variation(topics.values()))
    source = Source(modules, request.framework)
    return Stopwatch(
        sandbox, request.course, topics, prepared.submission, source, request.secret, effort, request.device
    )


def _time(
    prepared: Prepared, sandbox: Sandbox, results: Sequence[CheckResult], progress: Progress
) -> Mapping[str, Timing]:
    """Time the functions that are right."""
    ready = right(prepared.plan, results)
    bands = {f.name: f.band for f in prepared.assignment.functions if f.name in ready and f.band is not None}
    if not bands:
        return {}
    whole = len(prepared.plan.checks)
    timings = stopwatch(prepared, sandbox).times(bands, lambda name: progress(whole, whole, f"{name}, timed"))
    return {timing.function: timing for timing in timings}


def _execute(prepared: Prepared, boxes: Boxes, progress: Progress) -> Outcomes:
    done = count()

    def report(check: Check) -> None:
        progress(next(done), len(prepared.plan.checks), check.function)

    return execute(prepared.plan, prepared.assignment, prepared.submission, prepared.trials, boxes, report)


def _report(
    prepared: Prepared, sandbox: Sandbox, boxes: Boxes, judged: Sequence[CheckResult], timings: Mapping[str, Timing]
) -> Report:
    lost = {check.id.partition("/")[0] for check in judged if check.verdict is Verdict.FAULT}
    results = (*judged, *speed_results(prepared.plan, timings, lost))
    assignment, submission = prepared.assignment, prepared.submission
    return report_of(prepared.plan, assignment, submission, sandbox, boxes, results, prepared.started, timings)


def _inferred(course: Path, names: Sequence[str], submission: Submission) -> Assignment:
    """Return the assignments in which the submission defines at least one function. Raises AssignmentError."""
    assignment = _holding(course, names, submission.definitions)
    if not assignment.functions:
        raise AssignmentError(
            f"{submission.name} defines no function of the course: check the function names, or give --assignment NAME."
        )
    return assignment


def _holding(course: Path, names: Sequence[str], functions: Collection[str]) -> Assignment:
    """Return those of the named assignments that grade any of the functions."""
    kept = [name for name in names if any(f.name in functions for f in load_assignment(course, [name]).functions)]
    return load_assignment(course, kept)
