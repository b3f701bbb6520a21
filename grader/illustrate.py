"""Give wrong answers a picture: at most one for each function and kind, and never of a hidden case."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from grader import oracle
from grader.execute import Outcomes
from grader.model import Check, CheckResult, Picture, Plan, Verdict
from grader.picture import scatter
from grader.topic import Properties
from grader.tree import unwrap
from grader.trials import Trials
from sandbox.base import Values

# What the makers of `grader.picture` keep to; a hook that builds its own picture does so too, or is not shown.
_MOST_NUMBERS = 5_000


def illustrate(
    plan: Plan, results: Sequence[CheckResult], outcomes: Outcomes, trials: Trials
) -> tuple[CheckResult, ...]:
    """Give the first failed check of each function, kind and visibility that can be drawn its picture."""
    by_id = {result.id: result for result in results}
    drawn = set()
    for check in plan.checks:
        # A case that is shown later must not take the place of one that is shown now.
        key = check.function, check.kind, check.visibility
        result = by_id.get(check.id)
        if result is None or check.visibility == "hidden" or result.verdict is not Verdict.FAIL or key in drawn:
            continue
        picture = None
        # A hook that meets what a student's function returned may fail in any way, and then there is no picture.
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            picture = _picture(check, result, outcomes, trials)
        if isinstance(picture, Picture) and _is_small(picture):
            drawn.add(key)
            by_id[check.id] = replace(result, picture=picture)
    return tuple(by_id[result.id] for result in results)


def _picture(check: Check, result: CheckResult, outcomes: Outcomes, trials: Trials) -> Picture | None:
    if check.kind not in ("values", "gradient"):
        return None
    replies = outcomes[check.id]
    answers = [unwrap(reply.value) for reply in replies if isinstance(reply, Values)]
    if not answers or len(answers) != len(replies):
        return None
    topic, inputs = trials.topics[check.function], trials.inputs(check)
    if check.kind == "values":
        if topic.picture is None:
            return None
        if isinstance(trials.policy(check), Properties):
            return topic.picture(inputs, None, answers)
        return topic.picture(inputs, unwrap(trials.expected(check).value), answers[0])
    expected, actual = unwrap(trials.expected(check).value), answers[0]
    names = oracle.gradient_names(topic, inputs)
    which = result.mismatch.result if result.mismatch else None
    if which is not None:
        expected, actual, names = expected[which], actual[which], names[which : which + 1]
    return scatter(f"d{names[0]}", expected, actual)


def _is_small(picture: Picture) -> bool:
    return sum(len(row) for series in picture.series for row in series.rows) <= _MOST_NUMBERS
