"""The search for simpler inputs: greedy, in steps that each fail as the one before did, within a budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from grader.execute import Boxes, Outcome, run
from grader.exhibit import exhibit, show
from grader.judge import NO_GRADIENT, judge_check
from grader.model import Check, CheckResult, Exhibit, Submission, Verdict
from grader.shrink import simpler
from grader.shrink.promise import Promise
from grader.shrink.simpler import Inputs
from grader.tree import leaves
from grader.trials import Trials
from sandbox.base import Raised, Refused, Values

# For each function and kind: calls of the student's function, inputs thought of, and a bound on what slow code costs.
CALLS, CANDIDATES, SECONDS = 150, 4_000, 5.0


class Failure(NamedTuple):
    """How a check failed: the mismatch's category or the exception's type, and which of several results is wrong.

    No result is any: there is one, or a hidden case does not say.
    """

    verdict: Verdict
    category: str
    result: int | None = None

    def covers(self, other: Failure | None) -> bool:
        """Tell whether another failure is one of this kind."""
        return other is not None and self[:2] == other[:2] and self.result in (None, other.result)


class Point(NamedTuple):
    """The forward's arguments, and for a gradient the one that arrives from above."""

    inputs: Inputs
    dout: Any = None


class Stop(Exception):  # noqa: N818
    """The budget is used up, or the student's function has to be left alone."""


def failure(result: CheckResult, replies: Sequence[Outcome]) -> Failure | None:
    """Return how a check failed, None if it is right or if smaller inputs say nothing about it."""
    if result.verdict is Verdict.FAIL and result.mismatch is not None:
        return Failure(result.verdict, result.mismatch.category, result.mismatch.result)
    last = replies[-1] if replies else None
    if result.verdict is Verdict.ERROR and isinstance(last, Raised) and not last.loading and last.error != NO_GRADIENT:
        return Failure(result.verdict, last.error)
    return None


class Student:
    """The submission's function, called and judged by the stages that grade it, within a budget."""

    def __init__(self, submission: Submission, boxes: Boxes, deadline_s: float) -> None:
        self._submission, self._boxes, self._deadline_s = submission, boxes, deadline_s
        self._calls, self._candidates, self._end = 0, 0, time.monotonic() + SECONDS

    def think(self) -> None:
        """Count inputs that are thought of. Raises Stop when the budget is used up."""
        self._candidates += 1
        if self._candidates > CANDIDATES or self._calls >= CALLS or time.monotonic() > self._end:
            raise Stop

    def answer(self, check: Check, trials: Trials) -> tuple[CheckResult, Failure | None]:
        """Return the result of a check in these trials, and how it failed. Raises Stop for a hang or a crash."""
        self._calls += 1
        replies = tuple(run(check, self._submission, trials, self._boxes, self._deadline_s))
        if not all(isinstance(reply, Values | Raised | Refused) for reply in replies):
            raise Stop
        result = judge_check(check, replies, self._submission, trials)
        return result, failure(result, replies)


class Search:
    """The search from public inputs of one check, `origin`; `best` is the simplest point so far.

    `base` judges by the topic's policies, and `wanted` is the failure that has to stay.
    """

    def __init__(self, check: Check, origin: Point, wanted: Failure, base: Trials, student: Student) -> None:
        self._check, self._wanted, self._base, self._student = check, wanted, base, student
        self._topic = base.topics[check.function]
        self._promise = Promise(self._topic, check, base.at(check, *origin))
        self._alike = simpler.alike(self._topic, origin.inputs)
        self._seen = {_fingerprint(origin)}
        self.best = origin

    def probe(self) -> bool:
        """Tell whether something like an origin that is answered rightly fails; then it is the best. Raises Stop."""
        given, ranges = self._given(), self._promise.ranges
        return (
            any(self._fails(inputs) for inputs in simpler.smaller(self.best.inputs, self._alike, ranges))
            or any(self._fails_plainly(changed) for changed in simpler.rounded(given, ranges))
            or any(self._fails_plainly(simpler.put(given, dict([one]))) for one in simpler.plain(given, ranges))
        )

    def run(self) -> None:
        """Make `best` simpler for as long as that is possible and the budget lasts."""
        try:
            while self._fewer() | self._plainer():
                pass
        except Stop:
            pass

    def example(self) -> Exhibit | None:
        """Return `best` printed with both answers, None when it does not fail once more."""
        trials = self._base.at(self._check, *self.best)
        try:
            result, failed = self._student.answer(self._check, trials)
        except Stop:
            return None
        if not self._wanted.covers(failed):
            return None
        if result.exhibit is not None:
            return result.exhibit
        printed = exhibit(trials.arguments(self._check), show(trials.expected(self._check).value), None)
        return replace(printed, actual=result.summary)

    def _fewer(self) -> bool:
        """Leave out numbers, step by step, and tell whether there was a step."""
        before = self.best
        while any(
            self._fails(inputs) for inputs in simpler.smaller(self.best.inputs, self._alike, self._promise.ranges)
        ):
            pass
        return self.best is not before

    def _plainer(self) -> bool:
        """Make the numbers simple, and tell whether one has changed."""
        before, ranges = self.best, self._promise.ranges
        any(self._fails_plainly(given) for given in simpler.rounded(self._given(), ranges))
        for path, array in simpler.plain(self._given(), ranges):
            self._fails_plainly(simpler.put(self._given(), {path: array}))
        for path, position in simpler.elements(self._given()):
            any(self._fails_plainly(given) for given in simpler.with_element(self._given(), path, position, ranges))
        return self.best is not before

    def _given(self) -> Inputs:
        """Return all that is simplified: the inputs, and the gradient from above under its name."""
        return self.best.inputs if self._check.kind == "values" else {"dout": self.best.dout, **self.best.inputs}

    def _fails_plainly(self, given: Inputs) -> bool:
        if simpler.total_cost(given) >= simpler.total_cost(self._given()):
            return False
        if self._check.kind == "values":
            return self._fails(given)
        return self._fails({name: value for name, value in given.items() if name != "dout"}, given["dout"])

    def _fails(self, inputs: Inputs, dout: Any = None) -> bool:
        """Tell whether the function fails on valid inputs as it is wanted to; then they are the best."""
        self._student.think()
        try:
            if not self._promise.accepts(inputs):
                return False
            point = Point(inputs, self._fitted(inputs, self.best.dout if dout is None else dout))
            if (mark := _fingerprint(point)) in self._seen:
                return False
            self._seen.add(mark)
            trials = self._base.at(self._check, *point)
            if not self._promise.keeps(trials):
                return False
        except Exception:  # the reference refuses these inputs
            return False
        _, failed = self._student.answer(self._check, trials)
        if failed is None or not self._wanted.covers(failed):
            return False
        self.best, self._wanted = point, failed
        return True

    def _fitted(self, inputs: Inputs, dout: Any) -> Any:
        """Return a gradient arriving from above that has the output's shape."""
        if self._check.kind == "values":
            return None
        shape = np.shape(self._topic.forward(**inputs))
        return dout if np.shape(dout) == shape else simpler.cotangent(shape, dout)


def _fingerprint(point: Point) -> bytes:
    parts = [
        repr((path, leaf.shape)).encode() + leaf.tobytes()
        if isinstance(leaf, np.ndarray)
        else repr((path, leaf)).encode()
        for path, leaf in leaves((point.inputs, point.dout))
    ]
    return b"|".join(parts)
