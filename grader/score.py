"""Verdicts -> points: pure, in integer hundredths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

from grader.model import Aspect, AspectScore, Assignment, CheckResult, FunctionResult, Plan, Submission, Timing, Verdict


def score(
    plan: Plan,
    assignment: Assignment,
    submission: Submission,
    results: Sequence[CheckResult],
    timings: Mapping[str, Timing] = MappingProxyType({}),
) -> tuple[FunctionResult, ...]:
    """Return every function with its points; a fault anywhere in a function leaves it unscored."""
    by_id = {result.id: result for result in results}
    functions = []
    for graded in assignment.functions:
        checks = tuple(by_id[check.id] for check in plan.checks if check.function == graded.name)
        aspects = aspect_scores(checks, graded.hundredths, graded.shares)
        unscored = graded.name in plan.faults or any(aspect.hundredths is None for aspect in aspects)
        total = None if unscored else sum(aspect.hundredths or 0 for aspect in aspects)
        definition = submission.definitions.get(graded.name)
        functions.append(
            FunctionResult(
                graded.name,
                total,
                graded.hundredths,
                aspects,
                checks,
                definition.location if definition else None,
                plan.faults.get(graded.name, submission.absent.get(graded.name, "")),
                timings.get(graded.name),
                graded.disclosure.detail,
                graded.disclosure.due,
            )
        )
    return tuple(functions)


def aspect_scores(
    checks: Sequence[CheckResult], hundredths: int, shares: Mapping[Aspect, int]
) -> tuple[AspectScore, ...]:
    """Split a function's points over the aspects that it has, and give each its passed part, rounded down.

    The share of an absent aspect goes to the others in proportion; all checks of an aspect weigh the same.
    """
    present = [aspect for aspect in Aspect if any(check.aspect is aspect for check in checks)]
    maxima = apportion(hundredths, [shares.get(aspect, 0) for aspect in present])
    scores = []
    for aspect, maximum in zip(present, maxima, strict=True):
        verdicts = [check.verdict for check in checks if check.aspect is aspect]
        passed = verdicts.count(Verdict.PASS)
        parts = sum(_part(check) for check in checks if check.aspect is aspect)
        earned = None if Verdict.FAULT in verdicts else math.floor(maximum * parts / len(verdicts))
        scores.append(AspectScore(aspect, earned, maximum, passed, len(verdicts)))
    return tuple(scores)


def _part(check: CheckResult) -> Fraction:
    """Return the part of its weight that a check earns."""
    return Fraction(check.verdict is Verdict.PASS) if check.share is None else Fraction(check.share)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split an integer in proportion to the weights, exactly: the largest remainders get the last units."""
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    shares = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares


def total(functions: Iterable[FunctionResult]) -> int | None:
    """Return the sum of what could be scored, None when nothing could."""
    scored = [function.hundredths for function in functions if function.hundredths is not None]
    return sum(scored) if scored else None
