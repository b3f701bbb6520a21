"""The public cases of an assignment with what is expected of them, from the references."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from grader import oracle
from grader.course import Course
from grader.generate.stubs import GenerateError
from grader.model import Assignment, Check
from grader.plan import plan
from grader.sketch import sketched, without_dtypes
from grader.topic import Close, Exact, Indices, Policy, Properties
from grader.tree import is_floating, leaves, map_leaves, unwrap
from grader.trials import Trials
from grader.vectors import PolicyName, Vector, dump
from sandbox.base import Framework, Rng

# Public cases are drawn from this and never from the course's secret: they are the same wherever they are made, and
# nothing of the secret can be in them. An official secret always holds a colon.
PUBLIC = "public"


def public_checks(assignment: Assignment, course: Course, framework: Framework) -> list[Check]:
    """Return the checks that students may make themselves. Raises GenerateError.

    Functions of which the assignment shows no case, or no expected values, have none.
    """
    planned = plan(assignment, course, framework, PUBLIC)
    if planned.faults:
        raise GenerateError(next(iter(planned.faults.values())))
    visible = [check for check in planned.checks if check.visibility == "visible"]
    told = {function.name for function in assignment.functions if function.disclosure.detail == "full"}
    told &= {check.function for check in visible if check.kind == "values"}
    return [check for check in visible if check.function in told]


def public_vectors(assignment: Assignment, course: Course, framework: Framework, checks: Sequence[Check]) -> bytes:
    """Return the file of public cases that holds these checks."""
    trials = Trials(course.topics, framework, PUBLIC)
    return dump(assignment, framework, trials.modules(checks), [_vector(check, trials) for check in checks])


def _vector(check: Check, trials: Trials) -> Vector:
    vector = Vector(check.id, check.function, check.called, check.case, check.kind, check.aspect)
    if check.kind not in ("values", "gradient"):
        return vector
    first, *rest = trials.calls(check, "")
    arguments: dict[str, Any] = dict(first.arguments)
    dout = arguments.pop("dout", first.dout) if check.kind == "gradient" else None
    generators = [call.arguments.get("rng") for call in (first, *rest)]
    seeds = [generator.seed for generator in generators if isinstance(generator, Rng)]
    arguments.pop("rng", None)
    vector = replace(vector, arguments=arguments, dout=dout, wrt=first.wrt, seeds=_few(seeds))
    policy = trials.policy(check)
    if check.kind == "values" and isinstance(policy, Properties):
        return replace(vector, policy="properties", sketch=_sketch(policy, check, trials))
    expected = trials.expected(check)
    return replace(
        vector,
        value=expected.value,
        errors=tuple(map(float, expected.errors)),
        dtype=expected.dtype.name,
        names=expected.names,
        policy=_name(expected.policy),
        factor=expected.policy.factor if isinstance(expected.policy, Close) else 0.0,
    )


def _name(policy: Policy) -> PolicyName:
    match policy:
        case Close():
            return "close"
        case Exact():
            return "exact"
        case Indices():
            return "indices"
    return "properties"


def _few(seeds: Sequence[int]) -> tuple[int, ...]:
    """Return the seeds of the calls that a self-check makes: one twice, where the official check repeats one."""
    twice = [seed for seed in dict.fromkeys(seeds) if seeds.count(seed) > 1]
    once = [seed for seed in dict.fromkeys(seeds) if seed not in twice[:1]]
    return (*twice[:1], *twice[:1], *once[:1])


def _sketch(policy: Properties, check: Check, trials: Trials) -> Any:
    """Return what the answers of all right implementations have in common; dtypes only if the official judge asks."""
    topic, case, inputs = trials.topics[check.function], trials.case(check), trials.inputs(check)
    seeds = [oracle.draw_seed(topic, case, draw, trials.secret) for draw in policy.draws]

    def answers(function: Any) -> list[Any]:
        random = [{"rng": np.random.default_rng(seed)} if topic.is_random else {} for seed in seeds]
        # An objective may keep count of its calls, so every call gets inputs of its own.
        return [unwrap(function(**oracle.case_inputs(topic, case, trials.secret), **rng)) for rng in random]

    known = [answers(function) for function in (topic.forward, *topic.alternates)]
    sketch = sketched([answer for few in known for answer in few])
    floating = any(is_floating(leaf) for _, leaf in leaves(dict(inputs)))
    asks = floating or trials.framework == "numpy"
    return sketch if asks and _refuses_casts(policy, inputs, known[0]) else without_dtypes(sketch)


def _refuses_casts(policy: Properties, inputs: dict[str, Any], answers: list[Any]) -> bool:
    """Tell whether right answers are judged wrong once their floating arrays have another dtype."""

    def cast(leaf: Any) -> Any:
        return leaf.astype(np.float32 if leaf.dtype == np.float64 else np.float64) if is_floating(leaf) else leaf

    with contextlib.suppress(Exception), np.errstate(all="ignore"):
        return policy.judge(inputs, [map_leaves(cast, answer) for answer in answers]) is not None
    return False
