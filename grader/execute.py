"""Checks -> outcomes, through sandbox sessions: one function's failure costs that function only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from grader.model import Assignment, Check, Plan, Submission
from grader.oracle import Oracle
from sandbox.base import (
    Call,
    Crashed,
    Limits,
    Missing,
    Reply,
    Sandbox,
    SandboxUnavailable,
    Session,
    Source,
    TimedOut,
    Values,
)

# After this many time-outs or lost boxes a function's other calls are not run and share the last one's outcome.
PATIENCE = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """Our own failure; never scored."""

    reason: str


Outcome: TypeAlias = Reply | Fault
Outcomes: TypeAlias = Mapping[str, tuple[Outcome, ...]]


class Boxes:
    """The boxes of one submission: one at a time, a new one after each loss."""

    def __init__(self, sandbox: Sandbox, source: Source, limits: Limits) -> None:
        self._sandbox, self._source, self._limits = sandbox, source, limits
        self._session: Session | None = None
        self._unavailable = ""
        self._definitions_only: set[str] = set()

    def call(self, call: Call, deadline_s: float) -> Reply:
        """Run one call; a module whose own top-level code hangs is loaded by its definitions alone, from then on.

        A call on which the box is lost is tried once more, since the box may have died otherwise. Raises
        SandboxUnavailable when something other than the code has taken two boxes, and from the first time that no box
        can be had: what waits for an ailing engine would wait for hours.
        """
        if call.module in self._definitions_only:
            call = replace(call, definitions_only=True)
        reply = self._persistently(call, deadline_s)
        if isinstance(reply, TimedOut) and reply.loading and not call.definitions_only:
            self._definitions_only.add(call.module)
            reply = self._persistently(replace(call, definitions_only=True), deadline_s)
        return reply

    def _persistently(self, call: Call, deadline_s: float) -> Reply:
        try:
            reply = self._call(call, deadline_s)
        except SandboxUnavailable:
            reply = None
        if reply is None or (isinstance(reply, Crashed) and reply.box_lost):
            reply = self._call(call, deadline_s)
        return reply

    def close(self) -> None:
        """End the box."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _call(self, call: Call, deadline_s: float) -> Reply:
        session = self._open()
        try:
            reply = session.call(call, deadline_s)
        except SandboxUnavailable:
            self.close()
            raise
        if isinstance(reply, Crashed) and reply.box_lost:
            self.close()
        return reply

    def _open(self) -> Session:
        if self._unavailable:
            raise SandboxUnavailable(self._unavailable)
        if self._session is None:
            try:
                self._session = self._sandbox.open(self._source, self._limits)
            except SandboxUnavailable as error:
                self._unavailable = str(error)
                raise
        return self._session


def execute(
    plan: Plan,
    assignment: Assignment,
    submission: Submission,
    oracle: Oracle,
    boxes: Boxes,
    progress: Callable[[Check], None] = lambda check: None,
) -> Outcomes:
    """Run every call of the plan and return the outcomes by check id; the others make no calls."""
    deadlines = {function.name: function.deadline_s for function in assignment.functions}
    outcomes: dict[str, tuple[Outcome, ...]] = {}
    costly: dict[str, list[Outcome]] = {}
    for check in plan.checks:
        progress(check)
        if check.kind not in ("values", "gradient"):
            continue
        if check.called not in submission.definitions:
            outcomes[check.id] = (Missing(submission.absent.get(check.called, f"{check.called} is not defined")),)
            continue
        if len(costly.get(check.called, [])) >= PATIENCE:
            outcomes[check.id] = (costly[check.called][-1],)
            continue
        outcomes[check.id] = tuple(run(check, submission, oracle, boxes, deadlines[check.function]))
        costly.setdefault(check.called, []).extend(filter(_is_costly, outcomes[check.id]))
    return outcomes


def run(check: Check, submission: Submission, oracle: Oracle, boxes: Boxes, deadline_s: float) -> Iterator[Outcome]:
    """Make the calls of one check, and stop at the first that gives no value."""
    try:
        for call in oracle.calls(check, submission.definitions[check.called].module):
            reply = boxes.call(call, deadline_s)
            yield reply
            if not isinstance(reply, Values):
                return
    except SandboxUnavailable as error:
        yield Fault(str(error))
    except Exception as error:  # the reference or the backend failed, not the student
        yield Fault(f"{check.id}: {type(error).__name__}: {error}")


def _is_costly(outcome: Outcome) -> bool:
    return isinstance(outcome, TimedOut) or (isinstance(outcome, Crashed) and outcome.box_lost)
