"""Classroom 50: result.json in whole numbers, and the text of the release."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from grader.codec import to_json
from grader.export.actions import summary
from grader.export.errors import ExportError
from grader.export.text import cut, feedback, headline, name
from grader.model import FunctionResult, Report
from grader.report import words

SCHEMA = "classroom50/result/v1"
# What the runner of Classroom 50 tells an autograder, by the field that it becomes.
TOLD = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
    "review": "REVIEW_URL",
}
TESTS_BYTES = 1_000_000
RELEASE_BYTES = 100_000
OUTPUT = 20_000


def ready(environment: Mapping[str, str]) -> None:
    """Raise ExportError outside of Classroom 50, whose runner says whose result it is."""
    if missing := [variable for variable in TOLD.values() if not environment.get(variable)]:
        raise ExportError(f"classroom50 needs {missing[0]} in the environment: its runner sets it for autograder.py.")


def files(report: Report, environment: Mapping[str, str]) -> Mapping[str, bytes | None]:
    """Return result.json, in hundredths of a point since only whole numbers are taken, and release-body.md.

    Unless everything is graded there is no result.json: a grade of a part would be collected as the whole. Raises
    ExportError as `ready` does.
    """
    ready(environment)
    body = summary(report, RELEASE_BYTES)
    if report.outcome != "graded":
        return {"result.json": None, "release-body.md": body}
    limit = OUTPUT
    while len(data := to_json(_result(report, environment, limit))) > TESTS_BYTES and limit:
        limit //= 2
    return {"result.json": data, "release-body.md": body}


def _result(report: Report, environment: Mapping[str, str], limit: int) -> dict[str, Any]:
    owner = environment.get("OWNER") or environment.get("USERNAME") or "unknown"
    return {
        "schema": SCHEMA,
        **{field: environment[variable] for field, variable in TOLD.items()},
        "owner": owner,
        "assignment_type": environment.get("ASSIGNMENT_TYPE") or "individual",
        "datetime": _instant(report.started),
        "score": report.hundredths,
        "max-score": report.max_hundredths,
        "tests": [_test(function, limit) for function in report.functions],
    }


def _test(function: FunctionResult, limit: int) -> dict[str, Any]:
    score = function.hundredths or 0
    return {
        "test-name": f"{name(function.name)} ({words.out_of(score, function.max_hundredths)} points)",
        "passed": score >= function.max_hundredths,
        "score": score,
        "max-score": function.max_hundredths,
        "message": headline(function),
        "output": cut(feedback(function), limit),
    }


def _instant(started: str) -> str:
    """Return an instant in UTC as Classroom 50 writes it."""
    try:
        instant = datetime.fromisoformat(started)
    except ValueError as error:
        raise ExportError(f"the results say {started!r} for when they were made, which is no time.") from error
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
