"""What the handout promises about inputs: whether changed inputs are still ones on which all correct code agrees."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from grader import oracle
from grader.compare import compare
from grader.model import Check
from grader.oracle import Expected
from grader.tolerance import allowed
from grader.topic import Case, Close, Topic
from grader.tree import Path, is_floating, leaves
from grader.trials import Trials
from grader.verify.trial import call

# How many draws of each visible case tell what all inputs have in common.
DRAWS = 5
# A correct answer moves with its inputs. Where a move of this size makes it jump, conventions decide (a tie, a kink).
MOVE, JUMP, MOVES = 1e-7, 1e-3, 6
# The allowed error must cover this many times what rounding the inputs once does to the answer.
ROUNDINGS = 4.0

Place: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """What the public inputs have in common at one place: numbers outside of it are not tried."""

    positive: bool
    not_negative: bool
    at_most_one: bool
    binary: bool
    sums_to_one: bool

    def holds(self, value: Any) -> bool:
        """Tell whether a number or an array keeps to the range."""
        array = np.asarray(value)
        if (self.positive and (array <= 0).any()) or (self.not_negative and (array < 0).any()):
            return False
        if (self.at_most_one and (array > 1).any()) or (self.binary and not np.isin(array, (0, 1)).all()):
            return False
        return not self.sums_to_one or _sums_to_one(array)


def place(path: Path) -> Place:
    """Return where a leaf belongs: the elements of a list or tuple share their place."""
    return tuple(step for step in path if isinstance(step, str))


def is_number(leaf: Any) -> bool:
    """Tell whether a leaf is a number or an array of numbers."""
    return isinstance(leaf, int | float | np.ndarray | np.generic) and not isinstance(leaf, bool)


@dataclass(frozen=True, slots=True)
class Draw:
    """Inputs of a visible case, drawn anew; no secret is in them."""

    case: Case
    seed: str
    inputs: dict[str, Any]


def public_draws(topic: Topic, count: int = DRAWS) -> Iterator[Draw]:
    """Return a few draws of each visible case."""
    for seed, case in itertools.product(map("public {}".format, range(count)), topic.cases):
        if case.visible:
            yield Draw(case, seed, oracle.case_inputs(topic, case, seed))


def ranges(inputs: Sequence[Mapping[str, Any]]) -> dict[Place, Range]:
    """Return what several inputs have in common, by place."""
    found: dict[Place, list[np.ndarray]] = {}
    for path, leaf in (pair for given in inputs for pair in leaves(dict(given))):
        if is_number(leaf) and np.size(leaf):
            found.setdefault(place(path), []).append(np.asarray(leaf))
    return {
        where: Range(
            positive=all((array > 0).all() for array in arrays),
            not_negative=all((array >= 0).all() for array in arrays),
            at_most_one=all(((array >= 0) & (array <= 1)).all() for array in arrays),
            binary=all(np.isin(array, (0, 1)).all() for array in arrays) and any(array.ndim for array in arrays),
            sums_to_one=all(_sums_to_one(array) for array in arrays),
        )
        for where, arrays in found.items()
    }


def _sums_to_one(array: np.ndarray) -> bool:
    return array.ndim > 0 and bool(np.allclose(array.sum(axis=-1), 1, atol=1e-6))


class Promise:
    """Decides which changes of one check's inputs stay inside what the handout promises.

    The reference must accept the inputs with a finite answer, the topic's alternates must agree with it, and the
    answer must neither jump nor be rounding alone where it is not so at `origin`, inputs that an author made.
    """

    def __init__(self, topic: Topic, check: Check, origin: Trials) -> None:
        self.topic, self.check = topic, check
        self.ranges = ranges([*(draw.inputs for draw in public_draws(topic)), origin.inputs(check)])
        self._may_be_infinite = not _is_finite(origin.expected(check))
        self._may_jump = self._jumps(origin)[0]

    def accepts(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether inputs look like those of the course, before the reference is asked."""
        numbers = [(place(path), leaf) for path, leaf in leaves(dict(inputs)) if is_number(leaf)]
        if not all(self.ranges[where].holds(leaf) for where, leaf in numbers if where in self.ranges):
            return False
        return self.topic.valid is None or bool(self.topic.valid(**inputs))

    def keeps(self, trials: Trials) -> bool:
        """Tell whether all correct solutions agree on a check's inputs, which `accepts` has let pass."""
        inputs, expected = trials.inputs(self.check), trials.expected(self.check)
        if not (self._may_be_infinite or _is_finite(expected)):
            return False
        is_forward = self.check.kind == "values"
        forward = expected if is_forward else oracle.expect(self.topic.forward, inputs, self.topic.compare)
        if any(compare(forward, call(alternate, inputs)) for alternate in self.topic.alternates):
            return False
        jumps, moved = self._jumps(trials)
        return (self._may_jump or not jumps) and _is_conditioned(expected, moved)

    def _jumps(self, trials: Trials) -> tuple[bool, float]:
        """Tell whether the answer jumps, and return how far it moves at most for inputs that move by 1."""
        function = self.topic.forward if self.check.kind == "values" else self.topic.backward
        given = trials.arguments(self.check)
        still = _answer(function, {name: _moved(value, (name,), self.ranges, None) for name, value in given.items()})
        jumps, farthest, seen = still is None, 0.0, 0
        for seed in range(MOVES):
            rng = np.random.default_rng(seed)
            moved = _answer(function, {name: _moved(v, (name,), self.ranges, rng) for name, v in given.items()})
            if moved is None or still is None:
                continue
            seen += 1
            step = _distance(still, moved)
            if step > JUMP * max(1.0, _size(still)):
                jumps = True
            else:
                farthest = max(farthest, step / MOVE)
        return jumps or not seen, farthest


def _answer(function: Callable[..., Any] | None, inputs: Mapping[str, Any]) -> list[Any] | None:
    """Return the leaves of a reference's answer, None where it has none."""
    try:
        answer = [leaf for _, leaf in leaves(call(function, inputs))] if function else None
    except Exception:  # a small move can leave the domain
        return None
    finite = answer is not None and all(np.isfinite(leaf).all() for leaf in answer if is_number(leaf))
    return answer if finite else None


def _moved(value: Any, path: Path, known: Mapping[Place, Range], rng: np.random.Generator | None) -> Any:
    """Return an argument in float64, each floating element moved a little unless there is no `rng`."""
    if isinstance(value, dict):
        return {key: _moved(child, (*path, key), known, rng) for key, child in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_moved(child, path, known, rng) for child in value)
    if not is_floating(value):
        return value
    array, common = value.astype(np.float64), known.get(place(path))
    if rng is None or not array.size:
        return array
    scale = float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) or 1.0
    move = MOVE * scale * rng.choice([-1.0, 1.0], array.shape) * rng.uniform(0.5, 1.0, array.shape)
    if common is None:
        return array + move
    if common.binary:
        return array
    low, high = 0.0 if common.not_negative else -np.inf, 1.0 if common.at_most_one else np.inf
    return np.where((array + move < low) | (array + move > high), array - move, array + move)


def _distance(left: Sequence[Any], right: Sequence[Any]) -> float:
    """Return how far two answers are apart; infinity for another shape, word or whole number."""
    if len(left) != len(right):
        return np.inf
    worst = 0.0
    for one, other in zip(left, right, strict=True):
        if not is_number(one) or np.shape(one) != np.shape(other):
            if not np.array_equal(one, other):
                return np.inf
            continue
        a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
        whole = np.asarray(one).dtype.kind in "iub"
        worst = max(worst, np.inf if whole and (a != b).any() else float((np.abs(a - b)).max(initial=0.0)))
    return worst


def _size(answer: Sequence[Any]) -> float:
    return max((float(np.abs(leaf).max(initial=0.0)) for leaf in answer if is_number(leaf)), default=0.0)


def _is_finite(expected: Expected) -> bool:
    return all(np.isfinite(leaf).all() for _, leaf in leaves(expected.value) if is_number(leaf))


def _is_conditioned(expected: Expected, moved: float) -> bool:
    """Tell whether the allowed error is more than rounding: a nearly cancelled answer has all its digits from there."""
    if not isinstance(expected.policy, Close):
        return True
    rounding = ROUNDINGS * float(np.finfo(expected.dtype).eps) / 2 * moved
    errors = expected.errors or (0.0,) * len(leaves(expected.value))
    return all(
        bool((allowed(np.asarray(leaf, np.float64), error, expected.dtype, expected.policy.factor) >= rounding).all())
        for (_, leaf), error in zip(leaves(expected.value), errors, strict=True)
        if is_number(leaf) and np.size(leaf)
    )
