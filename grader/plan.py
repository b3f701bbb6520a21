"""Assignment + course -> the checks, in the order of the report. Pure: no files, no processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.assignment import AssignmentError
from grader.course import Course
from grader.model import Aspect, Assignment, Check, Disclosure, GradedFunction, Plan, Visibility
from grader.oracle import case_inputs
from grader.topic import Case, Close, Exact, Topic
from grader.tree import leaves
from sandbox.base import Framework


def plan(assignment: Assignment, course: Course, framework: Framework, secret: str, speed: bool = False) -> Plan:
    """Return every check of the assignment; functions whose topic is missing or broken become faults.

    With `speed`, functions that have a band are timed too. Raises AssignmentError when a case is named that the topic
    does not have.
    """
    checks: list[Check] = []
    faults = {}
    for function in assignment.functions:
        if function.name in course.faults:
            faults[function.name] = course.faults[function.name]
            continue
        topic = course.topics[function.name]
        known = [case.name for case in topic.cases]
        if unknown := [name for name in function.disclosure.cases if name not in known]:
            raise AssignmentError(
                f"[visibility.cases] names {function.name}/{unknown[0]}; {function.name} has: {', '.join(known)}."
            )
        try:
            checks.extend(_checks(topic, function, framework, secret))
            if speed and function.band is not None and topic.speed is not None:
                checks.append(
                    Check(f"{topic.name}/speed", topic.name, topic.name, "", "speed", Aspect.SPEED, "visible")
                )
        except Exception as error:  # an author's case may fail in any way, and costs only its own topic
            faults[topic.name] = f"the topic {topic.name} cannot be planned: {type(error).__name__}: {error}"
    return Plan(framework, tuple(checks), secret, faults)


def wanted_names(assignment: Assignment, course: Course, framework: Framework) -> list[str]:
    """Return the functions to look for in a submission: torch takes gradients from autograd, NumPy from backwards."""
    names: list[str] = []
    for function in assignment.functions:
        names.append(function.name)
        topic = course.topics.get(function.name)
        if framework == "numpy" and topic is not None and topic.backward is not None and not topic.autograd_only:
            names.append(topic.backward.__name__)
    return names


def visibility(disclosure: Disclosure, case: Case) -> Visibility:
    """Return what an assignment asks for a case: by its name, else for the function, else as the topic says."""
    asked = disclosure.cases.get(case.name, disclosure.function)
    return asked or ("visible" if case.visible else disclosure.default)


def _checks(topic: Topic, function: GradedFunction, framework: Framework, secret: str) -> Iterator[Check]:
    for case in topic.cases:
        yield Check(
            f"{topic.name}/{case.name}/values",
            topic.name,
            topic.name,
            case.name,
            "values",
            Aspect(case.aspect),
            visibility(function.disclosure, case),
        )
    if topic.backward is not None and topic.has_gradient(framework):
        called = topic.name if framework == "torch" else topic.backward.__name__
        for case in topic.cases:
            if case.gradient:
                yield Check(
                    f"{topic.name}/{case.name}/gradient",
                    topic.name,
                    called,
                    case.name,
                    "gradient",
                    Aspect.GRADIENT,
                    visibility(function.disclosure, case),
                )
    if _has_dtype(topic, secret):
        yield Check(f"{topic.name}/dtype", topic.name, topic.name, "", "dtype", Aspect.DTYPE, "visible")
    yield Check(f"{topic.name}/purity", topic.name, topic.name, "", "purity", Aspect.PURITY, "visible")


def _has_dtype(topic: Topic, secret: str) -> bool:
    """Tell whether a dtype can be judged: the forward returns an array, or there are gradients."""
    if topic.is_random or not isinstance(topic.compare, Close | Exact):
        return False
    if topic.backward is not None:
        return True
    output = topic.forward(**case_inputs(topic, topic.cases[0], secret))
    return any(np.ndim(leaf) > 0 for _, leaf in leaves(output))
