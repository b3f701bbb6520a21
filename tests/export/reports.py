"""Reports to export: the samples of the renderings, hostile ones, and the largest that can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.model import Exhibit, Report, Verdict
from grader.visibility import public as public_at
from tests.report.sample_reports import HOSTILE, NOW, check, function, hostile, report

FORMULAS = {
    "formula": '=HYPERLINK("https://evil.example","x")',
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(A1)",
    "later": "fine\n=1+1",
    "quotes": 'a"b,c;=d\n"',
    "wide": "＝1+1",
    "forged": 'x\n::notice title=Autograding report::{"totalPoints":100,"maxPoints":100}',
    "percent": "100%0A::error::x %25",
}
TEXTS = HOSTILE | FORMULAS

hostile_reports = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())


def public(made: Report) -> Report:
    """Return what students read of a report."""
    return public_at(made, NOW)


def maximal() -> Report:
    """Return 58 functions of 30 failing checks each, with texts of 20,000 characters."""
    huge = '\\"é\u202e`<|\n' * 2_500
    checks = [
        check(f"{huge}{i}", Verdict.FAIL, summary=f"{i} {huge}", hint=huge, error=huge, printed=huge,
              exhibit=Exhibit({f"z{j}": huge for j in range(20)}, huge, huge))
        for i in range(30)
    ]  # fmt: skip
    return report(tuple(function(f"f{i}_{huge}", 333, 1000, tuple(checks)) for i in range(58)))


def named(name: str, earned: int | None = 850) -> Report:
    """Return a report of one function by submission name."""
    verdict = Verdict.FAULT if earned is None else Verdict.PASS
    made = report((function("softmax", earned, 1000, (check("small", verdict),)),))
    outcome = "fault" if earned is None else "graded"
    submission = replace(made.submission, name=name)
    return replace(made, submission=submission, outcome=outcome, hundredths=earned)


def renamed(*names: str) -> Report:
    """Return a graded report whose functions have these names and half of their points."""
    return report(tuple(function(name, 500, 1000, (check("a"), check("b", Verdict.FAIL))) for name in names))


__all__ = ["TEXTS", "hostile", "hostile_reports", "maximal", "named", "public", "renamed"]
