"""Known mistakes: the wrong implementation whose answers are the student's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grader.compare import compare
from grader.diagnose.evidence import Diagnosis
from grader.execute import Outcomes
from grader.model import Check
from grader.oracle import Expected, Oracle
from grader.topic import Mistake, Properties
from sandbox.base import Raised, Values


class Known:
    """The known mistakes of one function, held against the answers to its checks of one kind."""

    def __init__(self, checks: Sequence[Check], outcomes: Outcomes, oracle: Oracle) -> None:
        self._oracle = oracle
        self._mistakes = oracle.mistakes(checks[0])
        replies = {check.id: outcomes[check.id] for check in checks}
        self._answers = {
            name: [reply.value for reply in given if isinstance(reply, Values)]
            for name, given in replies.items()
            if all(isinstance(reply, Values) for reply in given)
        }
        self._raised = {name: given[-1].error for name, given in replies.items() if isinstance(given[-1], Raised)}

    def whole(self, checks: Sequence[Check]) -> Diagnosis | None:
        """Return the one mistake that explains every answer to the checks, right ones included; else nothing."""
        answered = [check for check in checks if check.id in self._answers]
        matching = [m for m in self._mistakes if all(self._explains(m, check) for check in answered)]
        return Diagnosis(matching[0].name, matching[0].hint) if answered and len(matching) == 1 else None

    def parts(self, checks: Sequence[Check]) -> Diagnosis | None:
        """Return two mistakes, each of which alone explains some of several results in every answer; else nothing."""
        answered = [check for check in checks if check.id in self._answers]
        if not answered or any(self._is_random(check) for check in answered):
            return None
        found: dict[str, Mistake] = {}
        for position in range(len(self._oracle.expected(answered[0]).names)):
            if all(self._leaf_is(check, position, self._oracle.expected(check)) for check in answered):
                continue
            fitting = [m for m in self._mistakes if all(self._part_is(m, check, position) for check in answered)]
            # Many mistakes leave most results right, and some spoil one result in the same way: that names nothing.
            if len(fitting) != 1:
                return None
            found[fitting[0].name] = fitting[0]
        if not found:
            return None
        return Diagnosis("+".join(found), " ".join(mistake.hint for mistake in found.values()))

    def raises_as_well(self, word: str, check: Check) -> bool:
        """Return whether a named mistake stops at a check with the student's own kind of exception."""
        error = self._raised.get(check.id)
        mistake = next((m for m in self._mistakes if m.name == word), None)
        if error is None or mistake is None:
            return False
        mistaken = self._oracle.mistaken(check, mistake)
        return isinstance(mistaken, Exception) and type(mistaken).__name__ == error

    def _explains(self, mistake: Mistake, check: Check) -> bool:
        mistaken = self._oracle.mistaken(check, mistake)
        if isinstance(mistaken, Exception):  # wrong on purpose: it may fail in any way
            return False
        answers = self._answers[check.id]
        if len(answers) != len(mistaken):
            return False
        return all(_same(one, other, self._oracle) for one, other in zip(mistaken, answers, strict=True))

    def _part_is(self, mistake: Mistake, check: Check, position: int) -> bool:
        mistaken = self._oracle.mistaken(check, mistake)
        return not isinstance(mistaken, Exception) and self._leaf_is(check, position, mistaken[0])

    def _leaf_is(self, check: Check, position: int, expected: Expected) -> bool:
        actual = self._answers[check.id][0]
        want = expected.value
        if not isinstance(want, tuple) or not isinstance(actual, tuple) or len(want) != len(actual):
            return False
        if position >= len(want) or len(expected.errors) != len(want):
            return False
        part = replace(expected, value=want[position], errors=(expected.errors[position],), names=())
        return _same(part, actual[position], self._oracle)

    def _is_random(self, check: Check) -> bool:
        return isinstance(self._oracle.policy(check), Properties)


def _same(expected: Expected, actual: object, oracle: Oracle) -> bool:
    try:
        return compare(expected, actual, oracle.framework) is None
    except Exception:  # a wrong implementation may answer with anything
        return False
