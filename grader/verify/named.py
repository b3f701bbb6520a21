"""The proof that hints are honest: each known mistake goes through judging and diagnosis, as a student's answers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from grader.course import Course
from grader.diagnose import diagnose
from grader.execute import Outcome, Outcomes
from grader.judge import judge
from grader.model import (
    Aspect,
    Assignment,
    Check,
    CheckResult,
    Definition,
    GradedFunction,
    Location,
    Plan,
    Submission,
    Verdict,
)
from grader.plan import plan
from grader.topic import Mistake, Topic
from grader.trials import Trials
from grader.verify.trial import call
from sandbox.base import Raised, Values
from sandbox.fake import carried

PLACE = Location("submission.py", 1)


class Bench:
    """The checks of one topic, to which any implementation can answer on the host: for code that is trusted."""

    def __init__(self, topic: Topic, secret: str) -> None:
        self._topic = topic
        self._trials = Trials({topic.name: topic}, "numpy", secret)
        graded = GradedFunction(topic.name, 100, dict.fromkeys(Aspect, 1), 60.0)
        assignment = Assignment((topic.name,), topic.name, (graded,))
        self.plan: Plan = plan(assignment, Course(Path(), {topic.name: topic}, {}), "numpy", secret)
        self._right: Outcomes = {check.id: self._outcome(check, self._reference(check)) for check in self._called()}

    def results(self, function: Callable[..., Any], gradient: bool = False) -> tuple[CheckResult, ...]:
        """Return the diagnosed results of an implementation of the forward, or with `gradient` of the backward."""
        kind = "gradient" if gradient else "values"
        asked = {check.id: self._outcome(check, function) for check in self._called() if check.kind == kind}
        outcomes = {**self._right, **asked}
        return diagnose(self.plan, judge(self.plan, outcomes, self._submission(), self._trials), outcomes, self._trials)

    def diagnoses(self, mistake: Mistake) -> frozenset[str]:
        """Return what the failed checks of a mistake are diagnosed as; empty when nothing is said."""
        results = self.results(mistake.function, mistake.gradient)
        return frozenset(r.diagnosis for r in results if r.verdict is not Verdict.PASS and r.diagnosis)

    def _called(self) -> Iterator[Check]:
        return (check for check in self.plan.checks if check.kind in ("values", "gradient"))

    def _reference(self, check: Check) -> Callable[..., Any]:
        backward = self._topic.backward
        return backward if check.kind == "gradient" and backward is not None else self._topic.forward

    def _outcome(self, check: Check, function: Callable[..., Any]) -> tuple[Outcome, ...]:
        try:
            return tuple(Values(carried(call(function, inputs))) for inputs in self._given(check))
        except Exception as error:
            return (Raised(type(error).__name__, str(error)),)

    def _given(self, check: Check) -> Iterator[dict[str, Any]]:
        arguments = self._trials.arguments(check)
        if check.kind == "values" and self._topic.is_random:
            for seed in self._trials.seeds(check):
                yield {**arguments, "rng": np.random.default_rng(seed)}
        else:
            yield arguments

    def _submission(self) -> Submission:
        names = {check.called for check in self._called()}
        definitions = {name: Definition(name, "submission", PLACE) for name in names}
        return Submission("submission", "", (PLACE.file,), (), definitions, {}, ())
