"""GitHub Classroom's autograding reporter: one base64 result for each function, as outputs of the step."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from grader.codec import to_json
from grader.export.text import cut, feedback, headline, name, points
from grader.model import FunctionResult, Report
from grader.score import apportion

# An environment variable holds 131,072 bytes, and base64 makes four of three.
RUNNER_BYTES = 96_000
# A job's outputs hold 1 MB, counted in UTF-16, where a character of base64 takes two bytes.
JOB_BYTES = 360_000
# The reporter's table shows passed / tests of the maximum, so there are as few equal tests as give the points.
MOST_TESTS = 100
RUNNERS = "runners"
LONGEST_NAME = 60


def files(report: Report) -> Mapping[str, bytes]:
    """Return outputs.txt for $GITHUB_OUTPUT: `name=result` for each function, and `runners`, the list of the names."""
    names = runner_names([function.name for function in report.functions])
    limit = min(RUNNER_BYTES, JOB_BYTES // max(1, len(names)))
    lines = [f"{RUNNERS}={','.join(names)}"]
    for runner, function in zip(names, report.functions, strict=True):
        lines.append(f"{runner}={base64.b64encode(result(function, limit)).decode()}")
    return {"outputs.txt": "".join(f"{line}\n" for line in lines).encode()}


def runner_names(functions: Sequence[str]) -> list[str]:
    """Return a name of letters and digits for each function, all different and none the list's own."""
    names: list[str] = []
    for function in functions:
        plain = base = re.sub(r"[^a-z0-9]", "", function[:LONGEST_NAME].lower()) or "function"
        number = 1
        while plain in (RUNNERS, *names):
            number += 1
            plain = f"{base}{number}"
        names.append(plain)
    return names


def result(function: FunctionResult, limit: int) -> bytes:
    """Return one runner's result as JSON of at most `limit` bytes.

    Its tests weigh the same, and as many pass as give the points. The first that does not carries the feedback as
    `test_code` and a sentence as `message`: versions of the reporter differ in which they print. What is not graded
    because of us has status error and no points to lose.
    """
    told = cut(feedback(function), 4000)
    while len(data := _json(function, told)) > limit and told:
        told = cut(told, len(told) // 2)
    return data


def _json(function: FunctionResult, told: str) -> bytes:
    graded = function.hundredths is not None
    earned, maximum = function.hundredths or 0, function.max_hundredths if graded else 0
    status = "error" if not graded else "pass" if earned >= maximum else "fail"
    result = {"version": 1, "status": status, "max_score": points(maximum), "tests": _tests(function, status, told)}
    return to_json(result)


def _tests(function: FunctionResult, status: str, told: str) -> list[dict[str, object]]:
    earned, maximum = function.hundredths or 0, function.max_hundredths
    part = Fraction(earned, maximum).limit_denominator(MOST_TESTS) if maximum else Fraction(1)
    if status == "fail" and part == 1:  # nearly everything is not everything
        part = Fraction(MOST_TESTS - 1, MOST_TESTS)
    if not part and earned:
        part = Fraction(1, MOST_TESTS)
    count, passed = (1, 0) if status == "error" else (part.denominator, part.numerator)
    scores = iter(apportion(earned, [1] * passed))
    tests: list[dict[str, object]] = []
    for position in range(count):
        passes = position < passed
        tests.append(
            {
                "name": name(function.name) if count == 1 else f"{name(function.name)} {position + 1} of {count}",
                "status": "pass" if passes else "error" if status == "error" else "fail",
                "score": points(next(scores)) if passes else 0,
                "message": headline(function) if position == passed else "",
                "test_code": told if position == passed else "",
                "filename": name(function.location.file) if function.location else "",
                "line_no": function.location.line if function.location and function.location.cell is None else 0,
            }
        )
    return tests
