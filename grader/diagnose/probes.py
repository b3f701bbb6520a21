"""Diagnoses that ask the student's functions again: in a fresh process, and at neighbouring points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grader.compare import compare
from grader.diagnose.evidence import Diagnosis
from grader.model import Check, Submission
from grader.oracle import Oracle
from grader.tree import is_floating, unwrap
from sandbox.base import Call, Reply, SandboxUnavailable, Values

Ask = Callable[[Call, str], Reply]

# Central differences of float64 functions are good to about the cube root of the unit roundoff.
STEP, AGREEMENT = 1e-5, 1e-5
MOST_NUMBERS = 60
STATE = Diagnosis(
    "state",
    "Right when called for the first time, wrong after other calls: something is kept between calls, as a global, a "
    "default argument that is changed, or an attribute.",
)
OWN_DERIVATIVE = Diagnosis(
    "own-derivative",
    "Your backward is the exact derivative of your forward, and your forward is wrong: look there first.",
)


class Probe:
    """Asks functions of one submission; `ask(call, function)` runs a call with the deadline of a graded function."""

    def __init__(self, submission: Submission, oracle: Oracle, ask: Ask) -> None:
        self._submission, self._oracle, self._ask = submission, oracle, ask

    def diagnosis(self, failed: Sequence[Check], forward_failed: bool) -> Diagnosis | None:
        """Return what asking again shows of checks with wrong answers; a call that gives no value shows nothing."""
        try:
            if self._is_right_at_first(failed[0]):
                return STATE
            if forward_failed and failed[0].kind == "gradient" and any(map(self._is_own_derivative, failed)):
                return OWN_DERIVATIVE
        except SandboxUnavailable:
            return None
        return None

    def _is_right_at_first(self, check: Check) -> bool:
        """Return whether the answer to a check is right when nothing was called before."""
        (call, *others) = self._calls(check)
        if others:
            return False
        # Another group of calls is another process.
        reply = self._ask(replace(call, group=f"{call.group} afresh {check.id}"), check.function)
        if not isinstance(reply, Values):
            return False
        return compare(self._oracle.expected(check), reply.value, self._oracle.framework) is None

    def _is_own_derivative(self, check: Check) -> bool:
        """Return whether the gradient of a small float64 case is that of the student's own forward."""
        arguments = dict(self._oracle.arguments(check))
        dout, expected = arguments.pop("dout", None), self._oracle.expected(check)
        if dout is None or check.called == check.function or expected.dtype != np.float64:
            return False
        names = [name.removeprefix("d") for name in expected.names]
        if not all(is_floating(arguments.get(name)) for name in names):
            return False
        if sum(arguments[name].size for name in names) > MOST_NUMBERS:
            return False
        (call,) = self._calls(check)
        reply = self._ask(call, check.function)
        answers = unwrap(reply.value) if isinstance(reply, Values) else None
        answers = answers if isinstance(answers, tuple) else (answers,)
        if len(answers) != len(names):
            return False
        return all(
            self._is_derivative(check, arguments, name, dout, got) for name, got in zip(names, answers, strict=True)
        )

    def _is_derivative(self, check: Check, arguments: Mapping[str, Any], name: str, dout: Any, got: Any) -> bool:
        point = arguments[name]
        if not isinstance(got, np.ndarray) or got.shape != point.shape or not np.isfinite(got).all():
            return False
        differences = np.empty(point.shape)
        for index in np.ndindex(point.shape):
            sides = []
            for step in (STEP, -STEP):
                moved = point.copy()
                moved[index] += step
                value = self._forward(check, {**arguments, name: moved})
                if value is None or value.shape != np.shape(dout):
                    return False
                sides.append(float(np.sum(dout * value)))
            differences[index] = (sides[0] - sides[1]) / (2 * STEP)
        scale = max(float(np.abs(differences).max(initial=0.0)), 1e-12)
        return bool(np.abs(differences - got).max(initial=0.0) <= AGREEMENT * scale)

    def _forward(self, check: Check, arguments: Mapping[str, Any]) -> np.ndarray | None:
        definition = self._submission.definitions[check.function]
        call = Call(check.function, definition.module, definition.name, arguments)
        reply = self._ask(call, check.function)
        value = unwrap(reply.value) if isinstance(reply, Values) else None
        if isinstance(value, np.ndarray | int | float) and np.isfinite(value).all():
            return np.asarray(value, np.float64)
        return None

    def _calls(self, check: Check) -> list[Call]:
        definition = self._submission.definitions[check.called]
        calls = self._oracle.calls(check, definition.module)
        return [replace(call, function=definition.name) for call in calls]
