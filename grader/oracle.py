"""Expected values: what the reference answers to the inputs of a case, with its own error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from grader.model import Check
from grader.tolerance import reference_errors, working_dtype
from grader.topic import Case, Close, Mistake, Policy, Topic
from grader.tree import is_floating, leaves, map_leaves
from sandbox.base import Call, Framework

# Gradients pass through more operations than values, and their correct forms differ more.
GRADIENT_FACTOR = 64.0


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """A reference's answer: the value, E for each of its leaves, the working dtype, and how to compare.

    `names` are what the results are called, in order; without them they are counted.
    """

    value: Any
    errors: tuple[float, ...]
    dtype: np.dtype[Any]
    policy: Policy
    names: tuple[str, ...] = ()


class Oracle(Protocol):
    """What execution and judgement ask about a check: from a course (`Trials`), or from public vectors (`Vectors`)."""

    @property
    def framework(self) -> Framework: ...

    def calls(self, check: Check, module: str) -> Iterator[Call]:
        """Return the calls that a values or gradient check makes: one, or one per draw of a random function."""
        ...

    def policy(self, check: Check) -> Policy:
        """Return how the values of the check's case are judged."""
        ...

    def inputs(self, check: Check) -> Mapping[str, Any]:
        """Return the forward's arguments, without rng."""
        ...

    def arguments(self, check: Check) -> Mapping[str, Any]:
        """Return what the check shows as its inputs: the forward's arguments, with dout first for a gradient."""
        ...

    def expected(self, check: Check) -> Expected:
        """Return the right answer to a values or gradient check, unless it is judged by properties."""
        ...

    def mistakes(self, check: Check) -> Sequence[Mistake]:
        """Return the known mistakes that could explain a wrong answer to a check; without a course there are none."""
        ...

    def mistaken(self, check: Check, mistake: Mistake) -> Sequence[Expected] | Exception:
        """Return what a known mistake answers to the calls of a check, or the exception that it raises."""
        ...


def case_inputs(topic: Topic, case: Case, secret: str) -> dict[str, Any]:
    """Return the arguments of a case, the same for the same secret, whatever other cases there are."""
    return dict(case.inputs(_generator(secret, topic.name, case.name)))


def draw_seed(topic: Topic, case: Case, draw: int, secret: str) -> int:
    """Return the 63-bit seed of the student's generator for one draw of a random case."""
    return int.from_bytes(_digest(secret, topic.name, case.name, f"draw {draw}")[:8], "little") >> 1


def cotangent(topic: Topic, case: Case, inputs: Mapping[str, Any], secret: str) -> Any:
    """Return dout for a case: standard normal, in the output's shape and dtype; a float for scalar outputs."""
    output = np.asarray(topic.forward(**inputs))
    rng = _generator(secret, topic.name, case.name, "dout")
    if output.ndim == 0:
        return float(rng.standard_normal())
    return rng.standard_normal(output.shape).astype(output.dtype)


def gradient_names(topic: Topic, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the inputs whose gradients the backward returns, in order."""
    return topic.wrt or tuple(name for name in topic.parameters if is_floating(inputs.get(name)))


def expect_values(topic: Topic, case: Case, inputs: Mapping[str, Any]) -> Expected:
    """Return what the reference's forward answers."""
    return expect(topic.forward, inputs, case.compare or topic.compare)


def expect_gradient(topic: Topic, inputs: Mapping[str, Any], dout: Any) -> Expected:
    """Return what the reference's backward answers for `dout`. Raises ValueError for a topic without one."""
    if topic.backward is None:
        raise ValueError(f"{topic.name} has no backward")
    expected = expect(topic.backward, {"dout": dout, **inputs}, Close(GRADIENT_FACTOR))
    return replace(expected, names=tuple(f"d{name}" for name in gradient_names(topic, inputs)))


def expect(function: Callable[..., Any], inputs: Mapping[str, Any], policy: Policy) -> Expected:
    """Return a trusted function's answer to the inputs, with its errors where the policy needs them."""
    with np.errstate(all="ignore"):
        value = function(**inputs)
        errors = reference_errors(lambda given: function(**given), inputs, value) if isinstance(policy, Close) else ()
    return Expected(value, errors, working_dtype(inputs), policy)


def in_torch(expected: Expected, inputs: Mapping[str, Any]) -> Expected:
    """Return what is expected of torch: without a floating input it computes in float32, where NumPy takes float64."""
    if any(is_floating(leaf) for _, leaf in leaves(dict(inputs))):
        return expected
    single = np.dtype(np.float32)
    value = map_leaves(lambda leaf: leaf.astype(single) if is_floating(leaf) else leaf, expected.value)
    return replace(expected, value=value, dtype=single)


def like(expected: Expected, value: Any) -> Expected:
    """Return the expectation of another answer, judged as strictly as the given one."""
    count = len(leaves(value))
    errors = expected.errors if len(expected.errors) == count else (max(expected.errors, default=0.0),) * count
    return replace(expected, value=value, errors=errors)


def _generator(*parts: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(_digest(*parts), "little"))


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
