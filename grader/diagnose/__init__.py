"""Say what went wrong: the known mistake whose answers are the student's, else a pattern that needs no list."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.diagnose.evidence import Answer, Diagnosis
from grader.diagnose.known import Known
from grader.diagnose.patterns import recognise
from grader.diagnose.probes import Probe
from grader.diagnose.regimes import not_finite, regime
from grader.execute import Outcomes
from grader.model import Aspect, Check, CheckResult, Plan, Verdict
from grader.oracle import Oracle
from grader.topic import Properties
from sandbox.base import Values

Results = dict[str, CheckResult]


def diagnose(
    plan: Plan,
    results: Sequence[CheckResult],
    outcomes: Outcomes,
    oracle: Oracle,
    probe: Probe | None = None,
) -> tuple[CheckResult, ...]:
    """Give the failed checks of each function a diagnosis where one explains the answers, and else none.

    First over all checks of a kind, values or gradient; where nothing explains those, over the checks of each aspect
    apart, since a second mistake that shows in edge cases must not silence the first. Known mistakes go before
    patterns, and only what both leave open is asked again with `probe`. What goes wrong in here costs a diagnosis,
    never a grade.
    """
    by_id = {result.id: result for result in results}
    for name in dict.fromkeys(check.function for check in plan.checks):
        for kind in ("values", "gradient"):
            checks = [check for check in plan.checks if check.function == name and check.kind == kind]
            with contextlib.suppress(Exception):  # answers are hostile, and may break what only explains them
                _explain(checks, by_id, outcomes, oracle, probe)
    return tuple(by_id[result.id] for result in results)


def _explain(checks: Sequence[Check], by_id: Results, outcomes: Outcomes, oracle: Oracle, probe: Probe | None) -> None:
    if not _left(checks, by_id):
        return
    known = Known(checks, outcomes, oracle)
    groups = [checks, *([c for c in checks if c.aspect is aspect] for aspect in Aspect)]
    for group in groups:
        if (failed := _left(group, by_id)) and (found := known.whole(group) or known.parts(group)):
            stopped = [check for check in group if known.raises_as_well(found.word, check)]
            _tell(found, [*failed, *stopped], by_id)
    for group in groups:
        if (failed := _left(group, by_id)) and (found := _unlisted(group, by_id, outcomes, oracle)):
            _tell(found, failed, by_id)
    if probe is not None and (failed := _left(checks, by_id)):
        wrong = [r for r in by_id.values() if r.verdict is Verdict.FAIL and _is_of(r, checks[0].function)]
        if found := probe.diagnosis(failed, any(result.kind == "values" for result in wrong)):
            _tell(found, failed, by_id)


def _is_of(result: CheckResult, function: str) -> bool:
    return result.id.partition("/")[0] == function


def _left(checks: Sequence[Check], by_id: Mapping[str, CheckResult]) -> list[Check]:
    """Return the checks with a wrong answer that nothing explains yet."""
    return [c for c in checks if by_id[c.id].verdict is Verdict.FAIL and not by_id[c.id].diagnosis]


def _tell(found: Diagnosis, checks: Sequence[Check], by_id: Results) -> None:
    for check in checks:
        by_id[check.id] = replace(by_id[check.id], diagnosis=found.word, hint=found.hint)


def _unlisted(checks: Sequence[Check], by_id: Results, outcomes: Outcomes, oracle: Oracle) -> Diagnosis | None:
    """Return what the answers that nothing explains yet show without any list, if they show it together."""
    left = _left(checks, by_id)
    right = [check for check in checks if by_id[check.id].verdict is Verdict.PASS]
    answers = [answer for check in (*left, *right) if (answer := _answer(check, by_id, outcomes, oracle))]
    if sum(answer.wrong for answer in answers) < len(left):
        return None
    return recognise(answers) or regime(answers) or not_finite(answers)


def _answer(check: Check, by_id: Results, outcomes: Outcomes, oracle: Oracle) -> Answer | None:
    replies = outcomes[check.id]
    if len(replies) != 1 or not isinstance(replies[0], Values) or isinstance(oracle.policy(check), Properties):
        return None
    return Answer(oracle.arguments(check), oracle.expected(check), replies[0].value, by_id[check.id].verdict)
