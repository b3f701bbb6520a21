"""Judge any implementation of a topic on the host, as the grader judges a student's: for code that is trusted."""

from __future__ import annotations

import contextlib
import copy
import math
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FrameType
from typing import Any

import numpy as np

from grader import oracle
from grader.compare import compare, compare_dtypes, listed
from grader.oracle import Expected
from grader.tolerance import allowed
from grader.topic import Case, Close, Policy, Properties, Topic
from grader.tree import leaves

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Ruling:
    """How an implementation does on a case: `margin` is its largest error in units of the allowed one.

    A margin above 1 fails; infinity is a failure that is no matter of size: a crash, a shape, a broken property.
    """

    margin: float
    reason: str = ""
    crashed: bool = False

    @property
    def passed(self) -> bool:
        return not self.reason


class Trial:
    """One case of a topic with one secret: inputs and expectation, computed once."""

    def __init__(self, topic: Topic, case: Case, secret: str, gradient: bool = False) -> None:
        self.topic, self.case, self.secret, self.gradient = topic, case, secret, gradient

    @property
    def policy(self) -> Policy:
        return Close(oracle.GRADIENT_FACTOR) if self.gradient else self.case.compare or self.topic.compare

    @cached_property
    def inputs(self) -> dict[str, Any]:
        inputs = oracle.case_inputs(self.topic, self.case, self.secret)
        if self.gradient:
            return {"dout": oracle.cotangent(self.topic, self.case, inputs, self.secret), **inputs}
        return inputs

    @cached_property
    def expected(self) -> Expected:
        if self.gradient:
            inputs = {name: value for name, value in self.inputs.items() if name != "dout"}
            return oracle.expect_gradient(self.topic, inputs, self.inputs["dout"])
        return oracle.expect_values(self.topic, self.case, self.inputs)

    def rule(self, function: Function) -> Ruling:
        """Return how the implementation does; a crash is a failure."""
        try:
            answers = self.answers(function)
        except TimeoutError:
            raise
        except Exception as error:
            return Ruling(math.inf, f"raises {type(error).__name__}: {error}", crashed=True)
        if isinstance(self.policy, Properties):
            broken = self.policy.judge(self.inputs, answers)
            return Ruling(math.inf, broken) if broken else Ruling(0.0)
        mismatch = compare(self.expected, answers[0]) or compare_dtypes(self.expected, answers[0])
        if mismatch is None:
            return Ruling(margin(self.expected, answers[0]))
        size = margin(self.expected, answers[0]) if mismatch.category == "values" else math.inf
        return Ruling(size, mismatch.summary)

    def answers(self, function: Function) -> list[Any]:
        """Call the implementation as the grader does: once, or once per draw of a random function."""
        if not self.topic.is_random:
            return [call(function, self.inputs)]
        policy = self.policy
        draws = policy.draws if isinstance(policy, Properties) else (0,)
        seeds = [oracle.draw_seed(self.topic, self.case, draw, self.secret) for draw in draws]
        return [call(function, {**self.inputs, "rng": np.random.default_rng(seed)}) for seed in seeds]


def trials(topic: Topic, secret: str, gradient: bool = False) -> list[Trial]:
    """Return the trials of all cases, or of those that have a gradient."""
    if gradient and topic.backward is None:
        return []
    return [Trial(topic, case, secret, gradient) for case in topic.cases if case.gradient or not gradient]


def call(function: Function, inputs: Mapping[str, Any]) -> Any:
    """Call a function that may be wrong on inputs that it may spoil."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(**copy.deepcopy(dict(inputs)))


def margin(expected: Expected, actual: Any) -> float:
    """Return the largest error in units of the allowed one; under exact policies 0 or infinity."""
    if not isinstance(expected.policy, Close):
        return 0.0 if compare(expected, actual) is None else math.inf
    worst, actual = 0.0, listed(expected.value, actual)
    errors = expected.errors or (0.0,) * len(leaves(expected.value))
    for (_, want), (_, got), error in zip(leaves(expected.value), leaves(actual), errors, strict=True):
        if want is None or isinstance(want, str):
            worst = max(worst, 0.0 if want == got else math.inf)
            continue
        a, b = np.asarray(want, np.float64), np.asarray(got, np.float64)
        if a.shape != b.shape:
            return math.inf
        finite = np.isfinite(a) & np.isfinite(b)
        limit = allowed(a, error, expected.dtype, expected.policy.factor)
        worst = max(worst, float((np.abs(a - b)[finite] / limit[finite]).max(initial=0.0)))
    return worst


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the main thread when the block takes longer; wrong code may never end."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
