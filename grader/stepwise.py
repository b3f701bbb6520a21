"""Grade function by function, for a place that ends a run that takes too long: what is done by then counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from grader.execute import Boxes
from grader.model import FunctionResult, GradedFunction, Report, SandboxRecord
from grader.pipeline import Prepared, Progress, grade
from grader.results import outcome_of, report_of
from grader.score import total
from sandbox.base import Limits, Sandbox, Source

UNDONE = "The grading ended before this function's turn."


def grade_each(
    prepared: Prepared,
    sandbox: Sandbox,
    written: Callable[[Report], object],
    progress: Progress = lambda done, count, function: None,
) -> Report:
    """Grade a prepared submission as `grade` does, and hand over a report before the first and after each function.

    Functions whose turn has not come are unscored, like those that a fault of ours kept from it. Raises
    SandboxUnavailable when no box can be had.
    """
    functions = prepared.assignment.functions
    parts: dict[str, Report] = {}
    written(_joined(prepared, sandbox, parts))
    for position, function in enumerate(functions):
        progress(position, len(functions), function.name)
        parts[function.name] = grade(_part(prepared, function), sandbox)
        written(_joined(prepared, sandbox, parts))
    return _joined(prepared, sandbox, parts)


def _part(prepared: Prepared, function: GradedFunction) -> Prepared:
    """Return the same request about one function."""
    checks = tuple(check for check in prepared.plan.checks if check.function == function.name)
    faults = {name: reason for name, reason in prepared.plan.faults.items() if name == function.name}
    return replace(
        prepared,
        assignment=replace(prepared.assignment, functions=(function,)),
        plan=replace(prepared.plan, checks=checks, faults=faults),
    )


def _joined(prepared: Prepared, sandbox: Sandbox, parts: Mapping[str, Report]) -> Report:
    """Return one report of the parts that there are."""
    functions = [_result(prepared, function, parts) for function in prepared.assignment.functions]
    nothing = replace(prepared.assignment, functions=())
    unused = Boxes(sandbox, Source((), prepared.request.framework), Limits())
    plan = replace(prepared.plan, checks=(), faults={})
    whole = report_of(plan, nothing, prepared.submission, sandbox, unused, (), prepared.started)
    boxes = (box for part in parts.values() if part.sandbox_record for box in part.sandbox_record.boxes)
    return replace(
        whole,
        outcome=outcome_of(functions),
        faults=tuple(dict.fromkeys(_faults(functions, parts))),
        functions=tuple(functions),
        hundredths=total(functions),
        max_hundredths=sum(function.max_hundredths for function in functions),
        sandbox_record=SandboxRecord(sandbox.details, tuple(boxes)),
    )


def _result(prepared: Prepared, function: GradedFunction, parts: Mapping[str, Report]) -> FunctionResult:
    if function.name in parts:
        return parts[function.name].functions[0]
    definition = prepared.submission.definitions.get(function.name)
    place = definition.location if definition else None
    return FunctionResult(function.name, None, function.hundredths, (), (), place, UNDONE)


def _faults(functions: Sequence[FunctionResult], parts: Mapping[str, Report]) -> list[str]:
    undone = [function.name for function in functions if function.name not in parts]
    said = [f"The grading ended before {', '.join(undone)}."] if undone else []
    return [fault for report in parts.values() for fault in report.faults] + said
