"""The results of all checks -> the Report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from grader import __version__
from grader.codec import SCHEMA
from grader.model import (
    Assignment,
    CheckResult,
    FunctionResult,
    Outcome,
    Plan,
    Report,
    SandboxInfo,
    Submission,
    SubmissionInfo,
    Timing,
    Verdict,
)
from grader.score import score, total
from sandbox.base import Sandbox


def report_of(
    plan: Plan,
    assignment: Assignment,
    submission: Submission,
    sandbox: Sandbox,
    results: Sequence[CheckResult],
    started: datetime,
    timings: Mapping[str, Timing] = MappingProxyType({}),
) -> Report:
    """Return the report on everything that was planned; its duration ends now."""
    functions = score(plan, assignment, submission, results, timings)
    return Report(
        schema=SCHEMA,
        grader_version=__version__,
        assignments=assignment.names,
        title=assignment.title,
        framework=plan.framework,
        submission=SubmissionInfo(submission.name, submission.sha256, submission.files, submission.problems),
        sandbox=SandboxInfo(sandbox.name, sandbox.guarantees),
        outcome=_outcome(functions),
        faults=_faults(plan, functions),
        hundredths=total(functions),
        max_hundredths=sum(function.max_hundredths for function in functions),
        functions=functions,
        started=started.isoformat(timespec="seconds"),
        duration_s=round((datetime.now(UTC) - started).total_seconds(), 3),
    )


def _outcome(functions: Sequence[FunctionResult]) -> Outcome:
    scored = [function.hundredths is not None for function in functions]
    return "graded" if all(scored) else "partial" if any(scored) else "fault"


def _faults(plan: Plan, functions: Sequence[FunctionResult]) -> tuple[str, ...]:
    reasons = [
        result.summary for function in functions for result in function.checks if result.verdict is Verdict.FAULT
    ]
    return tuple(dict.fromkeys([*plan.faults.values(), *reasons]))
