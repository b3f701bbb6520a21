"""PrairieLearn's results.json: a score from 0 to 1, and a test for each function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.codec import to_json
from grader.export.text import cut, feedback, headline, name, points
from grader.model import FunctionResult, Report
from grader.report import words

# A larger file fails the whole job.
MOST_BYTES = 1_000_000
OUTPUT = 8_000


def files(report: Report) -> Mapping[str, bytes]:
    """Return results.json of less than 1 MiB.

    Where a fault of ours left anything unscored, the submission is not gradable: the student loses no attempt.
    """
    limit = OUTPUT
    while len(data := to_json(_results(report, limit))) > MOST_BYTES and limit:
        limit //= 2
    return {"results.json": data}


def _results(report: Report, limit: int) -> dict[str, Any]:
    results: dict[str, Any] = {"gradable": report.outcome == "graded", "message": words.standing(report)}
    if report.outcome == "graded":
        whole = report.max_hundredths
        results["score"] = round((report.hundredths or 0) / whole, 6) if whole else 1.0
    else:
        results["format_errors"] = [words.standing(report)]
    return results | {"tests": [_test(function, limit) for function in report.functions]}


def _test(function: FunctionResult, limit: int) -> dict[str, Any]:
    # One test without points hides those of all, and a maximum of zero marks a row that is no test.
    graded = function.hundredths is not None
    return {
        "name": name(function.name),
        "points": points(function.hundredths or 0),
        "max_points": points(function.max_hundredths if graded else 0),
        "message": headline(function),
        "output": cut(feedback(function), limit),
    }
