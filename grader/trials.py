"""What is asked and what is expected for each check, computed once, on the trusted side."""

from __future__ import annotations

import contextlib
import copy
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from grader import oracle
from grader.model import Check
from grader.oracle import Expected
from grader.tolerance import working_dtype
from grader.topic import Case, Close, Mistake, Policy, Properties, Topic
from grader.tree import leaves, map_leaves
from sandbox.base import Call, Chunk, Framework, Function, Module, Rng

# Functions of the course that are arguments run in the box from their source alone, with nothing but these imports.
PRELUDE = "import math\n\nimport numpy as np\n"
COURSE_LABEL = "<course>"


class Trials:
    """Inputs and expectations of a course's cases for one secret, cached, so that a class is graded against one set."""

    def __init__(self, topics: Mapping[str, Topic], framework: Framework, secret: str) -> None:
        self.topics, self.framework, self.secret = topics, framework, secret
        self._inputs: dict[tuple[str, str], dict[str, Any]] = {}
        self._cotangents: dict[tuple[str, str], Any] = {}
        self._expected: dict[str, Expected] = {}
        self._mistaken: dict[tuple[str, str], tuple[Expected, ...] | Exception] = {}

    def prepare(self, checks: Sequence[Check]) -> None:
        """Compute inputs and expectations ahead; what fails here fails again, with its check, when it is asked for."""
        for check in checks:
            if check.kind in ("values", "gradient"):
                with contextlib.suppress(Exception):
                    self.expected(check)

    def at(self, check: Check, inputs: Mapping[str, Any], dout: Any = None) -> Trials:
        """Return trials in which the case of a check has other inputs, and `dout` arrives from above."""
        other, key = Trials(self.topics, self.framework, self.secret), (check.function, check.case)
        other._inputs[key], other._cotangents[key] = dict(inputs), dout
        return other

    def case(self, check: Check) -> Case:
        return next(case for case in self.topics[check.function].cases if case.name == check.case)

    def policy(self, check: Check) -> Policy:
        return self.case(check).compare or self.topics[check.function].compare

    def inputs(self, check: Check) -> dict[str, Any]:
        """Return the forward's arguments, without rng."""
        key = (check.function, check.case)
        if key not in self._inputs:
            self._inputs[key] = oracle.case_inputs(self.topics[check.function], self.case(check), self.secret)
        return self._inputs[key]

    def arguments(self, check: Check) -> dict[str, Any]:
        """Return what the check shows as its inputs: the forward's arguments, with dout first for a gradient."""
        if check.kind == "gradient":
            return {"dout": self._cotangent(check), **self.inputs(check)}
        return self.inputs(check)

    def modules(self, checks: Sequence[Check]) -> tuple[Module, ...]:
        """Return the course's own functions that are arguments of some check, as modules for the box."""
        named: dict[str, dict[str, str]] = {}
        for check in checks:
            if check.kind == "values":
                with contextlib.suppress(Exception):  # it fails again, with its check, when it is called
                    for leaf in filter(callable, (leaf for _, leaf in leaves(self.inputs(check)))):
                        named.setdefault(check.function, {})[_definition(leaf).__name__] = _source(leaf)
        return tuple(
            Module(_module_name(function), (Chunk(COURSE_LABEL, 1, "\n\n".join([PRELUDE, *sources.values()])),))
            for function, sources in named.items()
        )

    def calls(self, check: Check, module: str) -> Iterator[Call]:
        """Return the calls that a values or gradient check makes: one, or one per draw of a random function."""
        topic, given = self.topics[check.function], self.inputs(check)
        # In the order of the handout: a student who renames a parameter is called by position.
        inputs = {name: _sendable(check.function, given[name]) for name in topic.parameters if name in given}
        if check.kind == "gradient" and self.framework == "torch":
            names = oracle.gradient_names(topic, inputs)
            yield Call(topic.name, module, check.called, inputs, dout=self._cotangent(check), wrt=names)
        elif topic.is_random and check.kind == "values":
            for seed in self.seeds(check):
                yield Call(topic.name, module, check.called, {**inputs, "rng": Rng(seed)})
        else:
            dout = {"dout": self._cotangent(check)} if check.kind == "gradient" else {}
            yield Call(topic.name, module, check.called, {**dout, **inputs})

    def expected(self, check: Check) -> Expected:
        """Return the reference's answer to a values or gradient check."""
        if check.id not in self._expected:
            topic, inputs = self.topics[check.function], self.inputs(check)
            expected = (
                oracle.expect_gradient(topic, inputs, self._cotangent(check))
                if check.kind == "gradient"
                else oracle.expect_values(topic, self.case(check), inputs)
            )
            self._expected[check.id] = oracle.in_torch(expected, inputs) if self.framework == "torch" else expected
        return self._expected[check.id]

    def mistakes(self, check: Check) -> Sequence[Mistake]:
        """Return the known mistakes of the forward, or of the backward for a gradient."""
        return [m for m in self.topics[check.function].mistakes if m.gradient == (check.kind == "gradient")]

    def mistaken(self, check: Check, mistake: Mistake) -> tuple[Expected, ...] | Exception:
        """Return what a known mistake answers to the calls of a check, judged as strictly as the check; or its error.

        A random mistake draws from the same generators as the student's function.
        """
        key = (check.id, mistake.name)
        if key not in self._mistaken:
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                    self._mistaken[key] = tuple(self._answers(check, mistake))
            except Exception as error:  # wrong on purpose: it may fail in any way
                self._mistaken[key] = error
        return self._mistaken[key]

    def _answers(self, check: Check, mistake: Mistake) -> Iterator[Expected]:
        topic, policy = self.topics[check.function], self.policy(check)
        if check.kind == "gradient" or not topic.is_random:
            yield oracle.like(self.expected(check), mistake.function(**copy.deepcopy(self.arguments(check))))
            return
        for seed in self.seeds(check):
            inputs = copy.deepcopy(self.inputs(check))
            value = mistake.function(**inputs, rng=np.random.default_rng(seed))
            if isinstance(policy, Properties):
                yield Expected(value, (), working_dtype(inputs), Close())
            else:
                yield oracle.like(self.expected(check), value)

    def seeds(self, check: Check) -> Iterator[int]:
        """Return the seed of the generator for each call of a values check of a random function."""
        policy = self.policy(check)
        for draw in policy.draws if isinstance(policy, Properties) else (0,):
            yield oracle.draw_seed(self.topics[check.function], self.case(check), draw, self.secret)

    def _cotangent(self, check: Check) -> Any:
        key = (check.function, check.case)
        if key not in self._cotangents:
            topic = self.topics[check.function]
            self._cotangents[key] = oracle.cotangent(topic, self.case(check), self.inputs(check), self.secret)
        return self._cotangents[key]


def _sendable(function: str, value: Any) -> Any:
    """Return an argument with callables replaced by their names in the box."""
    return map_leaves(
        lambda leaf: Function(_module_name(function), _definition(leaf).__name__) if callable(leaf) else leaf, value
    )


def _definition(value: Any) -> Any:
    """Return the function itself, or the class of a callable object: the box makes a new object for every call."""
    return value if inspect.isfunction(value) else type(value)


def _source(value: Any) -> str:
    return inspect.getsource(_definition(value))


def _module_name(function: str) -> str:
    return f"_course_{function}"
