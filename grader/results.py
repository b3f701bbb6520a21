"""The results of all checks -> the Report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from grader import __version__
from grader.codec import SCHEMA, encode
from grader.execute import Boxes
from grader.model import (
    Assignment,
    CheckRecord,
    CheckResult,
    Excerpt,
    FunctionResult,
    Outcome,
    Plan,
    Report,
    SandboxInfo,
    SandboxRecord,
    Submission,
    SubmissionInfo,
    Timing,
    Verdict,
)
from grader.quote import quote
from grader.report import rendered
from grader.score import score, total
from sandbox.base import Sandbox


def report_of(
    plan: Plan,
    assignment: Assignment,
    submission: Submission,
    sandbox: Sandbox,
    boxes: Boxes,
    results: Sequence[CheckResult],
    started: datetime,
    timings: Mapping[str, Timing] = MappingProxyType({}),
) -> Report:
    """Return the whole report on everything that was planned; its duration ends now."""
    recorded = [_recorded(result, boxes) for result in results]
    functions = tuple(
        replace(
            function,
            excerpts=_quoted(plan, submission, function),
            cpu_seconds=boxes.cpu_seconds.get(function.name),
        )
        for function in score(plan, assignment, submission, recorded, timings)
    )
    return Report(
        schema=SCHEMA,
        grader_version=__version__,
        assignments=assignment.names,
        title=assignment.title,
        framework=plan.framework,
        submission=SubmissionInfo(submission.name, submission.sha256, submission.files, submission.problems),
        sandbox=SandboxInfo(sandbox.name, sandbox.guarantees),
        outcome=outcome_of(functions),
        faults=_faults(plan, functions),
        hundredths=total(functions),
        max_hundredths=sum(function.max_hundredths for function in functions),
        functions=functions,
        started=started.isoformat(timespec="seconds"),
        duration_s=round((datetime.now(UTC) - started).total_seconds(), 3),
        audience="staff",
        sandbox_record=SandboxRecord(sandbox.details, tuple(boxes.records)),
        device=boxes.device,
    )


def files_of(report: Report, whole: Report | None = None) -> dict[str, bytes]:
    """Return the files of a grading by name: what students read of it, and everything, for staff.

    results.json is the last, since its presence says that the others are there.
    """
    staff = {} if whole is None else {"staff.json": encode(whole)}
    return {**rendered(report), **staff, "results.json": encode(report)}


def _recorded(result: CheckResult, boxes: Boxes) -> CheckResult:
    """Add the seconds that a check took to what is known of it."""
    return replace(result, record=replace(result.record or CheckRecord(), seconds=boxes.seconds.get(result.id)))


def _quoted(plan: Plan, submission: Submission, function: FunctionResult) -> tuple[Excerpt, ...]:
    gradients = {check.called for check in plan.checks if check.function == function.name and check.kind == "gradient"}
    return quote(submission, function, next(iter(gradients - {function.name}), ""))


def outcome_of(functions: Sequence[FunctionResult]) -> Outcome:
    """Return whether all, some or none of the functions have a score."""
    scored = [function.hundredths is not None for function in functions]
    return "graded" if all(scored) else "partial" if any(scored) else "fault"


def _faults(plan: Plan, functions: Sequence[FunctionResult]) -> tuple[str, ...]:
    reasons = [
        result.summary for function in functions for result in function.checks if result.verdict is Verdict.FAULT
    ]
    return tuple(dict.fromkeys([*plan.faults.values(), *reasons]))
