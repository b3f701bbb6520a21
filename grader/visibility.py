"""The student's report, made from the whole one: what is hidden, not due yet or kept back is left out here alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from grader.explain import OUTLINES
from grader.model import CheckResult, Detail, Exhibit, FunctionResult, Mismatch, Report, Verdict

FACTOR = re.compile(r"-?\d[\d.]*(?:e[-+]?\d+)? times what is expected")


def public(report: Report, now: datetime) -> Report:
    """Return what students may read of a report at the time `now`, which has an offset from UTC.

    A hidden check keeps its verdict, category, outline, place and a hint without numbers; what `detail` keeps back of a
    visible one is left out too. A report that is for students already is returned as it is.
    """
    if report.audience == "student":
        return report
    functions = tuple(_function(function, now) for function in report.functions)
    return replace(
        report,
        audience="student",
        functions=functions,
        faults=_faults(report, functions),
        sandbox_record=None,
    )


def shown(check: CheckResult, due: datetime | None, now: datetime) -> bool:
    """Return whether students may read the numbers of a check at the time `now`."""
    if check.visibility == "after_due_date":
        return check.visible and due is not None and now >= due
    return check.visible and check.visibility == "visible"


def _function(function: FunctionResult, now: datetime) -> FunctionResult:
    checks = tuple(_check(check, function.detail, shown(check, function.due, now)) for check in function.checks)
    # Which definitions are quoted, and from where, tells what is wrong with them.
    excerpts = () if function.detail == "none" else function.excerpts
    return replace(function, checks=checks, cpu_seconds=None, excerpts=excerpts)


def _check(check: CheckResult, detail: Detail, visible: bool) -> CheckResult:
    if not visible:
        # The smallest example stays: it is made of public inputs, and answered where no hidden ones have been.
        check = replace(outlined(check), visible=False, case="", exhibit=None, picture=None, error="", printed="")
    if detail == "actual-only":
        check = _without_expected(check)
    if detail == "none":
        check = replace(outlined(check), exhibit=None, smallest=None, picture=None, error="", printed="")
        check = replace(check, diagnosis="", hint="", location=None, source="")
    # What a check prints that passes teaches nobody anything, and could fill the report.
    printed = "" if check.verdict is Verdict.PASS else check.printed
    return replace(check, outline="", record=None, printed=printed)


def outlined(check: CheckResult) -> CheckResult:
    """Return the check with the words and the hint that show nothing of its case."""
    mismatch = check.mismatch and Mismatch(check.mismatch.category, check.outline)
    hint = OUTLINES.get(check.diagnosis, check.hint) if check.verdict is Verdict.ERROR else check.hint
    return replace(check, summary=check.outline, mismatch=mismatch, hint=_without_factor(hint))


def _without_expected(check: CheckResult) -> CheckResult:
    """Return the check without the expected values, and without errors, which added to the answer give them away."""
    if check.verdict is Verdict.FAIL:
        mismatch, hint = _actual(check.mismatch, check.outline), _without_factor(check.hint)
        check = replace(check, summary=check.outline, mismatch=mismatch, hint=hint)
    return replace(check, exhibit=_given(check.exhibit), smallest=_given(check.smallest), picture=None)


def _actual(mismatch: Mismatch | None, outline: str) -> Mismatch | None:
    if mismatch is None:
        return None
    difference = mismatch.difference and replace(mismatch.difference, expected="")
    return Mismatch(
        mismatch.category,
        outline,
        difference,
        actual_shape=mismatch.actual_shape,
        actual_dtype=mismatch.actual_dtype,
        result=mismatch.result,
    )


def _without_factor(hint: str) -> str:
    """Return the hint without the factor between the answer and what is expected, of which it is the other half."""
    return FACTOR.sub("a constant times what is expected", hint)


def _given(exhibit: Exhibit | None) -> Exhibit | None:
    return exhibit and replace(exhibit, expected="")


def _faults(report: Report, functions: tuple[FunctionResult, ...]) -> tuple[str, ...]:
    """Return the faults, in outline those that only checks tell that are not visible."""
    whole = [check for function in report.functions for check in function.checks]
    told = [check for function in functions for check in function.checks]
    pairs = [(a.summary, b.summary) for a, b in zip(whole, told, strict=True) if a.verdict is Verdict.FAULT]
    seen = {before for before, after in pairs if before == after}
    kept = {before: after for before, after in pairs if before not in seen}
    return tuple(dict.fromkeys(kept.get(fault, fault) for fault in report.faults))
