"""Gradescope's results.json: a scored test for each function, and a test without points for each of its checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from grader.codec import to_json
from grader.export.text import about, cut, feedback, headline, name, points
from grader.model import CheckResult, FunctionResult, Report, Verdict
from grader.report import words

VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")
MOST_BYTES = 1_000_000
OUTPUT = 20_000
PLAIN = {"name_format": "text", "output_format": "text"}


def files(report: Report, hidden: str = "visible") -> Mapping[str, bytes]:
    """Return results.json; `hidden` is the visibility of the tests of hidden checks.

    A function that a fault of ours left unscored has a test without a score. When there is no score at all the file
    has none, which Gradescope takes for a run that failed, not for a zero.
    """
    limit = OUTPUT
    while len(data := to_json(_results(report, hidden, limit))) > MOST_BYTES and limit:
        limit //= 2
    return {"results.json": data}


def _results(report: Report, hidden: str, limit: int) -> dict[str, Any]:
    tests: list[dict[str, Any]] = []
    for number, function in enumerate(report.functions, 1):
        tests.append(_function(function, str(number), limit))
        tests.extend(_checks(function, number, hidden, limit))
    return {
        "output": words.standing(report),
        "output_format": "text",
        "execution_time": round(report.duration_s, 2),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _function(function: FunctionResult, number: str, limit: int) -> dict[str, Any]:
    test: dict[str, Any] = {"name": name(function.name), "number": number, **PLAIN}
    if function.hundredths is None:
        return test | {"status": "failed", "output": cut(f"{headline(function)}\n{feedback(function)}", limit)}
    full = function.hundredths >= function.max_hundredths
    scored = {"score": points(function.hundredths), "max_score": points(function.max_hundredths)}
    return test | scored | {"status": "passed" if full else "failed", "output": cut(feedback(function), limit)}


def _checks(function: FunctionResult, number: int, hidden: str, limit: int) -> Iterator[dict[str, Any]]:
    for position, check in enumerate(function.checks, 1):
        yield {
            "name": name(f"{function.name}: {words.label(check)} ({words.ASPECTS[check.aspect]})"),
            "number": f"{number}.{position}",
            "status": "passed" if check.verdict is Verdict.PASS else "failed",
            "output": cut(_said(check), limit),
            "visibility": "visible" if check.visible else hidden,
            **PLAIN,
        }


def _said(check: CheckResult) -> str:
    if check.verdict is Verdict.PASS:
        return ""
    return f"{about(check)} {words.FAULT_NOTE}" if check.verdict is Verdict.FAULT else about(check)
