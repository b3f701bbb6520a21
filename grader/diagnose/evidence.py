"""What a diagnosis goes by: the student's answers beside the expected ones, leaf by leaf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.compare import compare, listed, named
from grader.model import Verdict
from grader.oracle import Expected
from grader.topic import Close, Indices
from grader.tree import leaves, unwrap


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A mistake by a stable word, and the hint that it earns."""

    word: str
    hint: str


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One call that came back with a value: what was given, what is expected, what was answered, and the verdict."""

    inputs: Mapping[str, Any]
    expected: Expected
    actual: Any
    verdict: Verdict

    @property
    def wrong(self) -> bool:
        return self.verdict is not Verdict.PASS


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One result of one answer as arrays: the expected one with its error, and the student's."""

    name: str
    want: np.ndarray
    got: np.ndarray
    error: float
    answer: Answer

    def agrees(self, candidate: np.ndarray) -> bool:
        """Return whether the student's result is the candidate, as strictly as it was judged."""
        if candidate.shape != self.got.shape:
            return False
        expected = Expected(candidate, (self.error,), self.answer.expected.dtype, Close(_factor(self.answer)))
        return compare(expected, self.got) is None

    @property
    def wrong(self) -> bool:
        return not self.agrees(self.want)


def pairs(answer: Answer) -> tuple[Pair, ...]:
    """Return the numbers of an answer result by result; nothing when its structure is not the expected one."""
    want, got = answer.expected.value, unwrap(listed(answer.expected.value, answer.actual))
    if isinstance(answer.expected.policy, Indices):
        want, got = (np.asarray(indices) if _is_flat(indices) else indices for indices in (want, got))
    expected, actual = leaves(want), leaves(got)
    if [path for path, _ in expected] != [path for path, _ in actual]:
        return ()
    errors = answer.expected.errors or (0.0,) * len(expected)
    return tuple(
        Pair(named(path, answer.expected.names), np.asarray(a), np.asarray(b), error, answer)
        for (path, a), (_, b), error in zip(expected, actual, errors, strict=True)
        if _is_number(a) and _is_number(b)
    )


def _is_flat(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, int | np.integer) for item in value)


def _factor(answer: Answer) -> float:
    policy = answer.expected.policy
    return policy.factor if isinstance(policy, Close) else Close().factor


def _is_number(value: Any) -> bool:
    array = np.asarray(value) if isinstance(value, np.ndarray | np.generic | int | float) else None
    return array is not None and array.dtype.kind in "biuf"
