"""Name the mistake: the known-wrong implementation whose answers are the student's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.compare import compare
from grader.execute import Outcomes
from grader.model import Aspect, Check, CheckResult, Plan, Verdict
from grader.topic import Mistake, Properties
from grader.trials import Trials
from sandbox.base import Values


def diagnose(plan: Plan, results: Sequence[CheckResult], outcomes: Outcomes, trials: Trials) -> tuple[CheckResult, ...]:
    """Give the failed checks of a function a hint where exactly one known mistake answers as the student does.

    First over all checks of a kind, values or gradient; where no mistake explains those, over the checks of each
    aspect apart, since a second mistake that shows in edge cases must not silence the first.
    """
    by_id = {result.id: result for result in results}
    for name in dict.fromkeys(check.function for check in plan.checks):
        for kind in ("values", "gradient"):
            checks = [check for check in plan.checks if check.function == name and check.kind == kind]
            for group in (checks, *([c for c in checks if c.aspect is aspect] for aspect in Aspect)):
                failed = [c for c in group if by_id[c.id].verdict is Verdict.FAIL and not by_id[c.id].hint]
                hint = _hint(group, outcomes, trials) if failed else ""
                by_id |= {check.id: replace(by_id[check.id], hint=hint) for check in failed}
    return tuple(by_id[result.id] for result in results)


def _hint(checks: Sequence[Check], outcomes: Outcomes, trials: Trials) -> str:
    """Return the hint of the one mistake that explains every answer, right ones included; else abstain."""
    answered = [c for c in checks if all(isinstance(reply, Values) for reply in outcomes[c.id])]
    if any(isinstance(trials.policy(check), Properties) for check in answered):
        return ""
    values = {c.id: reply.value for c in answered for reply in outcomes[c.id] if isinstance(reply, Values)}
    gradient = checks[0].kind == "gradient"
    candidates = [m for m in trials.topics[checks[0].function].mistakes if m.gradient == gradient]
    matching = [m for m in candidates if all(_explains(m, c, values, trials) for c in answered)]
    return matching[0].hint if len(matching) == 1 else ""


def _explains(mistake: Mistake, check: Check, values: Mapping[str, object], trials: Trials) -> bool:
    try:
        return compare(trials.mistaken(check, mistake), values[check.id], trials.framework) is None
    except Exception:  # wrong on purpose: it may fail in any way, and then it is not this student's answer
        return False
