"""Checks -> outcomes, through sandbox sessions: one function's failure costs that function only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from grader.model import Assignment, BoxRecord, Check, Plan, Submission, Visibility
from grader.oracle import Oracle
from sandbox.base import (
    Call,
    Crashed,
    Device,
    Limits,
    Missing,
    OutOfMemory,
    Reply,
    Sandbox,
    SandboxUnavailable,
    Session,
    Source,
    TimedOut,
    Values,
)

# What students may read of is called first: no call knows of inputs that are more hidden than its own, and code that
# keeps what it is given, in memory or in a file, can tell nothing of them.
OPENNESS: tuple[Visibility, ...] = ("visible", "after_due_date", "hidden")
# After this many time-outs or lost boxes a function's other calls are not run and share the last one's outcome.
PATIENCE = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """Our own failure; never scored."""

    reason: str


Outcome: TypeAlias = Reply | Fault
Outcomes: TypeAlias = Mapping[str, tuple[Outcome, ...]]


class Boxes:
    """The boxes of one submission: one at a time, a new one after each loss.

    `records` tells of those that have ended, `seconds` of each check and `cpu_seconds` of each function that ran in
    them.
    """

    def __init__(self, sandbox: Sandbox, source: Source, limits: Limits) -> None:
        self._sandbox, self._source, self._limits = sandbox, source, limits
        self._session: Session | None = None
        self._unavailable = ""
        self._definitions_only: set[str] = set()
        self._calls = 0
        self.records: list[BoxRecord] = []
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}

    @property
    def device(self) -> Device:
        """Where the tensors are in the boxes."""
        return self._limits.device

    def anew(self) -> Boxes:
        """Return boxes for the same submission that know what loads by its definitions alone, and nothing else."""
        other = Boxes(self._sandbox, self._source, self._limits)
        other._definitions_only |= self._definitions_only
        return other

    def call(self, call: Call, deadline_s: float) -> Reply:
        """Run one call; a module whose top-level code hangs, crashes or takes all memory is then loaded without it.

        A call on which the box is lost is tried once more, since the box may have died otherwise. Raises
        SandboxUnavailable when something other than the code has taken two boxes, and from the first time that no box
        can be had: what waits for an ailing engine would wait for hours.
        """
        if call.module in self._definitions_only:
            call = replace(call, definitions_only=True)
        reply = self._persistently(call, deadline_s)
        spoilt = isinstance(reply, TimedOut | Crashed | OutOfMemory) and reply.loading
        if spoilt and not call.definitions_only:
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

    def spent(self) -> float | None:
        """Return the CPU seconds of all boxes so far, None when those of any cannot be read."""
        parts = [record.cpu_seconds for record in self.records]
        parts += [] if self._session is None else [_cpu_seconds(self._session)]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def close(self, why: str = "closed when all was done") -> None:
        """End the box; `why` is for the record."""
        if self._session is not None:
            cpu_seconds = _cpu_seconds(self._session)
            self._session.close()
            self._session = None
            self.records.append(BoxRecord(self._calls, cpu_seconds, why))

    def _call(self, call: Call, deadline_s: float) -> Reply:
        session = self._open()
        self._calls += 1
        try:
            reply = session.call(call, deadline_s)
        except SandboxUnavailable as error:
            self.close(f"lost in a call of {call.function}: {error}")
            raise
        if isinstance(reply, Crashed) and reply.box_lost:
            self.close(f"lost in a call of {call.function}: {reply.reason}")
        return reply

    def _open(self) -> Session:
        if self._unavailable:
            raise SandboxUnavailable(self._unavailable)
        if self._session is None:
            try:
                self._session = self._sandbox.open(self._source, self._limits)
            except SandboxUnavailable as error:
                self._unavailable = str(error)
                self.records.append(BoxRecord(0, None, f"not started: {error}"))
                raise
            self._calls = 0
        return self._session


def execute(
    plan: Plan,
    assignment: Assignment,
    submission: Submission,
    oracle: Oracle,
    boxes: Boxes,
    progress: Callable[[Check], None] = lambda check: None,
) -> Outcomes:
    """Run every call of the plan, visible cases first, and return the outcomes by check id; others make no calls."""
    deadlines = {function.name: function.deadline_s for function in assignment.functions}
    outcomes: dict[str, tuple[Outcome, ...]] = {}
    costly: dict[str, list[Outcome]] = {}
    function: str = ""
    before: float | None = 0.0
    for check in sorted(plan.checks, key=lambda check: OPENNESS.index(check.visibility)):
        if check.function != function:
            before = _charge(boxes, function, before)
            function = check.function
        progress(check)
        if check.kind not in ("values", "gradient"):
            continue
        if check.called not in submission.definitions:
            outcomes[check.id] = (Missing(submission.absent.get(check.called, f"{check.called} is not defined")),)
            continue
        if len(costly.get(check.called, [])) >= PATIENCE:
            outcomes[check.id] = (costly[check.called][-1],)
            continue
        begin = time.monotonic()
        outcomes[check.id] = tuple(run(check, submission, oracle, boxes, deadlines[check.function]))
        boxes.seconds[check.id] = round(time.monotonic() - begin, 6)
        costly.setdefault(check.called, []).extend(filter(_is_costly, outcomes[check.id]))
    _charge(boxes, function, before)
    return outcomes


def _charge(boxes: Boxes, function: str, before: float | None) -> float | None:
    """Note the CPU seconds that a function's calls took since `before`; return where the clock stands."""
    spent = boxes.spent()
    if function and spent is not None and before is not None:
        boxes.cpu_seconds[function] = round(boxes.cpu_seconds.get(function, 0.0) + spent - before, 6)
    return spent


def _cpu_seconds(session: Session) -> float | None:
    try:
        return round(session.cpu_seconds(), 6)
    except Exception:  # an engine that does not answer costs a number in the record, and no grade
        return None


def run(check: Check, submission: Submission, oracle: Oracle, boxes: Boxes, deadline_s: float) -> Iterator[Outcome]:
    """Make the calls of one check, and stop at the first that gives no value."""
    try:
        definition = submission.definitions[check.called]
        for call in oracle.calls(check, definition.module):
            reply = boxes.call(replace(call, function=definition.name), deadline_s)
            yield reply
            if not isinstance(reply, Values):
                return
    except SandboxUnavailable as error:
        yield Fault(str(error))
    except Exception as error:  # the reference or the backend failed, not the student
        yield Fault(f"{check.id}: {type(error).__name__}: {error}")


def _is_costly(outcome: Outcome) -> bool:
    return isinstance(outcome, TimedOut) or (isinstance(outcome, Crashed) and outcome.box_lost)
