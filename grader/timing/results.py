"""Timings -> results of the checks of speed; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from grader.model import Check, CheckResult, Pace, Plan, Timing, Verdict

RIGHT_FIRST = "{} is timed once every value is right"


def right(plan: Plan, results: Sequence[CheckResult]) -> set[str]:
    """Return the functions with a check of speed whose values are all right: only those are timed."""
    verdicts: dict[str, set[Verdict]] = {}
    by_id = {result.id: result for result in results}
    for check in plan.checks:
        if check.kind == "values":
            verdicts.setdefault(check.function, set()).add(by_id[check.id].verdict)
    timed = [check.function for check in plan.checks if check.kind == "speed"]
    return {function for function in timed if verdicts.get(function) == {Verdict.PASS}}


def speed_results(plan: Plan, timings: Mapping[str, Timing], lost: Collection[str]) -> Iterator[CheckResult]:
    """Yield the result of each check of speed; `lost` names functions that a fault of ours keeps from a grade."""
    for check in plan.checks:
        if check.kind == "speed":
            timing = timings.get(check.function)
            yield _untimed(check, check.function in lost) if timing is None else _timed(check, timing)


def _timed(check: Check, timing: Timing) -> CheckResult:
    slow = timing.pace is Pace.SLOW
    verdict = Verdict.FAIL if slow else Verdict.PASS
    share = timing.share if slow else None
    return CheckResult(
        check.id, "", check.kind, check.aspect, verdict, True, timing.reason, share=share, outline=timing.reason
    )


def _untimed(check: Check, lost: bool) -> CheckResult:
    verdict = Verdict.FAULT if lost else Verdict.FAIL
    summary = RIGHT_FIRST.format(check.function)
    return CheckResult(check.id, "", check.kind, check.aspect, verdict, True, summary, outline=summary)
