"""A report -> what a batch keeps of it: small, and all that the gradebook and the class page ask for."""

from __future__ import annotations

from collections.abc import Iterator

from grader.batch.model import RECORD_SCHEMA, Failing, FunctionDigest, Record
from grader.model import CheckResult, FunctionResult, Report, Verdict
from grader.report import words
from grader.report.escape import excerpt
from grader.report.words import Status
from grader.visibility import outlined

# Characters kept of a text: an exception can say anything at any length.
TEXT = 300


def record_of(report: Report, *, key: str, folder: str, name: str) -> Record:
    """Return what is kept of a staff report; key, folder and name are those of the batch."""
    return Record(
        RECORD_SCHEMA,
        key,
        folder,
        name,
        report.outcome,
        report.hundredths,
        report.max_hundredths,
        tuple(map(digest_of, report.functions)),
        excerpt(report.faults[0], TEXT) if report.faults else "",
        report.duration_s,
    )


def digest_of(function: FunctionResult) -> FunctionDigest:
    """Return what is kept of one function."""
    status = words.status(function)
    failing = tuple(_failing(function))
    if status in (Status.MISSING, Status.UNSTARTED):
        failing = failing[:1]
    return FunctionDigest(
        function.name,
        function.hundredths,
        function.max_hundredths,
        status.word,
        len(function.checks),
        failing,
        function.cpu_seconds,
        function.timing.ratio if function.timing else None,
    )


def _failing(function: FunctionResult) -> Iterator[Failing]:
    told: set[tuple[Verdict, str, str]] = set()
    for check in function.checks:
        if check.verdict is Verdict.PASS:
            continue
        if _waits(check, function):
            yield Failing(check.id, None, "not judged", "", "", "", "")
            continue
        safe = outlined(check)
        failure, outline = words.failure(check), safe.summary
        if check.kind == "speed":
            failure = outline = "too slow"
        alike = (check.verdict, check.diagnosis, "" if check.diagnosis else outline)
        texts = ("", "", "") if alike in told else (safe.hint, check.summary, outline)
        told.add(alike)
        yield Failing(check.id, check.verdict, failure, check.diagnosis, *(excerpt(text, TEXT) for text in texts))


def _waits(check: CheckResult, function: FunctionResult) -> bool:
    """Tell whether a check waits for others: only what is right is timed, or looked at for dtype and purity."""
    if check.verdict in (Verdict.MISSING, Verdict.FAULT):
        return False
    if check.kind == "speed":
        return function.timing is None
    return check.kind in ("dtype", "purity") and check.mismatch is None
