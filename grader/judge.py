"""Outcomes + expectations -> verdicts: expected values appear here for the first time."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from grader.compare import compare, compare_dtypes
from grader.execute import Fault, Outcome, Outcomes
from grader.exhibit import exhibit, show
from grader.explain import explain, missing_return
from grader.model import (
    Check,
    CheckRecord,
    CheckResult,
    Location,
    Mismatch,
    Plan,
    Submission,
    TraceLine,
    Verdict,
)
from grader.oracle import Oracle
from grader.quote import location_in
from grader.topic import Properties
from grader.tree import unwrap
from sandbox.base import Crashed, Frame, Missing, OutOfMemory, Raised, Refused, TimedOut, Values

# What the outline says of a mismatch: the category in words, and nothing of its numbers.
CATEGORIES: Mapping[str, str] = {
    "structure": "returns the wrong number or kind of results",
    "type": "returns the wrong type",
    "framework": "returns arrays of the wrong library",
    "shape": "returns the wrong shape",
    "finiteness": "returns NaN or infinity in the wrong places",
    "values": "returns wrong values",
    "dtype": "returns the wrong dtype",
    "purity": "changes its input",
}
# Only these give way in the outline of a broken property, whose sentence is the course's: the names of dtypes stay.
NUMBER = re.compile(r"(?<![A-Za-z_\d])[-+]?\d[\d.,_]*(?:e[-+]?\d+)? ?%?(?<![,. ])")
SIGNAL = re.compile(r"killed by signal \d+(?: \(\w+\))?")

NOT_STARTED = "not started: it raises NotImplementedError"

# What the box raises when a torch result cannot be differentiated: told as a finding, not as the student's exception.
NO_GRADIENT = "GradientError"
NO_RESULT = "the result is of type NoneType, not a torch.Tensor"


ANY_ANSWER = "a random answer with the properties that the text asks for"


def judge(plan: Plan, outcomes: Outcomes, submission: Submission, oracle: Oracle) -> tuple[CheckResult, ...]:
    """Return the result of every check but those of speed, in the plan's order."""
    results: dict[str, CheckResult] = {}
    for check in plan.checks:
        if check.kind in ("values", "gradient"):
            results[check.id] = judge_check(check, outcomes[check.id], submission, oracle)
    for check in plan.checks:
        if check.kind in ("dtype", "purity"):
            siblings = [other for other in plan.checks if other.function == check.function and other.id in outcomes]
            results[check.id] = _derived(check, [(o, results[o.id]) for o in siblings], outcomes, submission, oracle)
    return tuple(results[check.id] for check in plan.checks if check.id in results)


def judge_check(check: Check, replies: Sequence[Outcome], submission: Submission, oracle: Oracle) -> CheckResult:
    """Return the result of a values or gradient check from its calls' outcomes."""
    try:
        return _judged(check, replies, submission, oracle)
    except Exception as error:  # a reference or a property that fails is our fault, never the student's
        return _result(
            check,
            Verdict.FAULT,
            f"the grader failed: {type(error).__name__}: {error}",
            f"the grader failed on {check.function}",
        )


def _judged(check: Check, replies: Sequence[Outcome], submission: Submission, oracle: Oracle) -> CheckResult:
    stopped = next((reply for reply in replies if not isinstance(reply, Values)), None)
    if stopped is not None:
        return _stopped(check, stopped, submission)
    answers = [reply.value for reply in replies if isinstance(reply, Values)]
    printed = "".join(reply.printed for reply in replies if isinstance(reply, Values))
    policy = oracle.policy(check)
    if check.kind == "values" and isinstance(policy, Properties):
        broken = policy.judge(oracle.inputs(check), [unwrap(answer) for answer in answers])
        mismatch, expected = Mismatch("property", broken) if broken else None, None
    else:
        expected = oracle.expected(check)
        mismatch = compare(expected, answers[0], oracle.framework)
    if mismatch is None:
        return replace(_result(check, Verdict.PASS), printed=printed)
    shown = ANY_ANSWER if expected is None else show(_result_of(expected.value, mismatch))
    result = _failed(check, mismatch, submission)
    answer = _result_of(answers[0], mismatch)
    if answers[-1] is None:
        result = replace(result, diagnosis="missing-return", hint=missing_return())
    return replace(result, exhibit=exhibit(oracle.arguments(check), shown, answer), printed=printed)


def _result_of(value: Any, mismatch: Mismatch | None) -> Any:
    """Return the wrong one among several results, or all there is."""
    return value if mismatch is None or mismatch.result is None else value[mismatch.result]


def _derived(
    check: Check,
    siblings: Sequence[tuple[Check, CheckResult]],
    outcomes: Outcomes,
    submission: Submission,
    oracle: Oracle,
) -> CheckResult:
    """Judge dtype or purity over every call of the function; without one right answer there is nothing to reward."""
    right = [other for other, result in siblings if result.verdict is Verdict.PASS]
    if not right:
        first = next((result for _, result in siblings if result.verdict is not Verdict.PASS), None)
        verdict = first.verdict if first else Verdict.FAULT
        said = "cannot be judged before one result is right"
        if first is not None and verdict is Verdict.MISSING:
            said = first.outline  # the same reason for all checks is told once
        return _result(check, verdict, said, said)
    for other in right if check.kind == "dtype" else [other for other, _ in siblings]:
        for reply in outcomes[other.id]:
            if not isinstance(reply, Values):
                continue
            if check.kind == "dtype":
                mismatch = compare_dtypes(oracle.expected(other), reply.value)
                if mismatch is not None:
                    return _failed(check, mismatch, submission, other)
            if check.kind == "purity" and reply.changed:
                names = ", ".join(reply.changed)
                return _failed(
                    check, Mismatch("purity", f"changes its input {names}; work on a copy"), submission, other
                )
    return _result(check, Verdict.PASS)


def _failed(check: Check, mismatch: Mismatch, submission: Submission, evidence: Check | None = None) -> CheckResult:
    called = (evidence or check).called
    location = submission.definitions[called].location if called in submission.definitions else None
    summary = f"{called}: {mismatch.summary}" if evidence else mismatch.summary
    result = _result(check, Verdict.FAIL, summary, _outline(check, mismatch))
    return replace(result, mismatch=mismatch, location=location)


def _outline(check: Check, mismatch: Mismatch) -> str:
    words = CATEGORIES.get(mismatch.category) or NUMBER.sub("...", mismatch.summary)
    if check.kind != "gradient":
        return words
    return f"{check.called} {words}" if check.called != check.function else f"autograd through {check.called} {words}"


def _stopped(check: Check, reply: Outcome, submission: Submission) -> CheckResult:
    """Return the result of a call that gave no value."""
    definition = submission.definitions.get(check.called)
    place = definition.location if definition else None
    match reply:
        case Raised():
            return _raised(check, reply, place, submission)
        case Refused(reason):
            return _failed(check, Mismatch("type", reason), submission)
        case TimedOut(deadline_s, loading):
            what = "the file did not finish loading" if loading else "no answer"
            verdict, summary = Verdict.TIMEOUT, f"{what} within {deadline_s:g} s: an endless loop, or far too slow?"
            outline = summary
        case OutOfMemory(limit):
            verdict, summary = Verdict.MEMORY, f"needs more memory than the {limit >> 20} MiB that there are"
            outline = summary
        case Crashed(reason):
            verdict, summary = Verdict.CRASH, f"the process ended without an answer: {reason}"
            # The code chooses the number with which it exits.
            outline = summary if SIGNAL.fullmatch(reason) else "the process ended without an answer"
        case Missing(reason):
            verdict, summary = Verdict.MISSING, reason
            # What the box says could spell out the inputs; what collecting says cannot.
            outline = "is not a function once its file is loaded" if definition else reason
        case Fault(reason):
            verdict, summary, outline, place = Verdict.FAULT, reason, f"the grader failed on {check.function}", None
        case _:
            raise TypeError(f"unknown outcome {type(reply).__name__}")
    printed = reply.printed if isinstance(reply, TimedOut | OutOfMemory | Crashed) else ""
    return replace(_result(check, verdict, summary, outline), location=place, printed=printed)


def _raised(check: Check, reply: Raised, definition: Location | None, submission: Submission) -> CheckResult:
    """Name the student's exception, explain it where it is well known, and show the line that raised it."""
    lines = [line for frame in reply.frames if (line := trace_line(frame, submission)) is not None]
    place, source = (lines[-1].location, lines[-1].source) if lines else (definition, "")
    known = isinstance(getattr(builtins, reply.error, None), type)
    if reply.error == "NotImplementedError":
        result = _result(check, Verdict.MISSING, NOT_STARTED, NOT_STARTED)
    elif reply.error == NO_GRADIENT:
        result = _result(check, Verdict.ERROR, reply.message, "has no gradient through autograd")
        place, source = definition, ""
        if reply.message == NO_RESULT:
            result = replace(result, diagnosis="missing-return", hint=missing_return())
    else:
        text = f"{reply.error}: {reply.message}" if reply.message else reply.error
        first = next(iter(text.splitlines()), "") or "an exception without a name"
        outline = f"raises {reply.error if known else 'an exception'}"
        result = replace(_result(check, Verdict.ERROR, f"raises {first[:200]}", outline), error=text)
        if told := explain(reply.error, reply.message):
            result = replace(result, diagnosis=told.diagnosis, hint=told.sentence)
    record = CheckRecord(traceback=tuple(lines))
    return replace(result, location=place, source=source, printed=reply.printed, record=record)


def trace_line(frame: Frame, submission: Submission) -> TraceLine | None:
    """Return a frame with its line of the submission, None for a place that the submission does not have.

    The box could name any place, and say with it what it likes.
    """
    chunks = [chunk for module in submission.modules for chunk in module.chunks if chunk.label == frame.label]
    for chunk in chunks:
        lines = chunk.text.split("\n")
        if 0 <= frame.line - chunk.line <= len(lines):  # a syntax error can stand one line after the last
            source = lines[frame.line - chunk.line] if frame.line - chunk.line < len(lines) else ""
            return TraceLine(location_in(frame.label, frame.line), _function(frame), source.strip())
    return None


def _function(frame: Frame) -> str:
    return frame.function if frame.function.isidentifier() else "<module>"


def _result(check: Check, verdict: Verdict, summary: str = "", outline: str = "") -> CheckResult:
    return CheckResult(
        check.id,
        check.case,
        check.kind,
        check.aspect,
        verdict,
        True,
        summary,
        visibility=check.visibility,
        outline=outline,
    )
