"""One side of a race: a function in a box, timed from outside: by the box's ledger of CPU time, or on the wall."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sandbox.base import (
    Block,
    Call,
    Crashed,
    Device,
    Function,
    Missing,
    OutOfMemory,
    Raised,
    Refused,
    Reply,
    SandboxUnavailable,
    Session,
    TimedOut,
    Value,
    Values,
)
from sandbox.bench import NO_BASE

Projections: TypeAlias = "list[list[float]]"


@dataclass(frozen=True, slots=True)
class Clock:
    """What a lap is timed by; `read` returns seconds, `unit` is what students know them as.

    With `wall` the seconds pass whatever the box does: a lap is over when its answers are there, and its inputs are on
    the device before it begins.
    """

    read: Callable[[Session], float]
    unit: str
    wall: bool = False


# The CPU seconds of everything that ever ran in the box, which nothing inside can turn back.
LEDGER = Clock(lambda session: session.cpu_seconds(), "CPU time")
# The ledger does not see what a card does.
WALL = Clock(lambda session: time.perf_counter(), "time", wall=True)
CLOCKS: Mapping[Device, Clock] = {"cpu": LEDGER, "cuda": WALL}


class NotTimed(Exception):  # noqa: N818 - an outcome, not an error of ours
    """The function did not answer a timed call; the message says why, to the student."""


class BoxLost(NotTimed):
    """The function's whole box has ended, which is most likely its own doing."""


@dataclass
class Contender:
    """A function of a box. A lap costs what the ledger shows between its start and the start of the next thing.

    So work that is put off, by a thread, a child process or a lazy object, is paid for by the lap that left it behind.
    On the wall a lap costs what passes until its results have been projected.
    With `trusted` the function is the reference: whatever keeps it from an answer is a fault of ours.
    """

    session: Session
    module: str
    function: str
    vary: Function
    deadline_s: float
    definitions_only: bool = False
    clock: Clock = LEDGER
    trusted: bool = False
    costs: list[float] = field(default_factory=list)
    _started: float | None = None

    def base(self, arguments: Mapping[str, Value]) -> None:
        """Leave the arguments that every call varies in the box. Raises NotTimed and SandboxUnavailable."""
        self.settle()
        self._step(Block("base", vary=self.vary), arguments)

    def lap(self, seed: int, repeat: int, projection: int, step: Literal["run", "idle"] = "run") -> Projections:
        """Run a block of calls, and return what proves that they were computed.

        Raises NotTimed, and SandboxUnavailable for what is not the function's fault.

        The box learns of `projection` when the results exist: what was put off must be computed in this lap.
        """
        # One reading ends a lap and begins the next, so that nothing runs between the two unpaid.
        if self.clock.wall:
            self._step(Block("ready", seed=seed, repeat=repeat))
        self._started = self.settle()
        self._step(Block(step, seed=seed, repeat=repeat))
        numbers = self._step(Block("project", seed=projection))
        if self.clock.wall:
            self.settle()
        if not _are_projections(numbers, repeat):
            raise self._failure("a timed call answers with something else than was asked for")
        found: Projections = numbers
        return found

    def settle(self) -> float:
        """Close the books on the last lap, and return what the clock shows."""
        now = self.clock.read(self.session)
        if self._started is not None:
            self.costs.append(now - self._started)
            self._started = None
        return now

    def _step(self, block: Block, arguments: Mapping[str, Value] | None = None) -> Any:
        call = Call(
            f"speed of {self.function}",
            self.module,
            self.function,
            arguments or {},
            definitions_only=self.definitions_only,
            block=block,
        )
        reply = self.session.call(call, self.deadline_s)
        if isinstance(reply, Values):
            return reply.value
        # To end one's box must not pay: what is lost to others' doing, the session raises.
        lost = isinstance(reply, Crashed) and reply.box_lost
        raise self._failure(_told(reply), BoxLost if lost else NotTimed)

    def _failure(self, reason: str, kind: type[NotTimed] = NotTimed) -> Exception:
        return SandboxUnavailable(f"the reference for {self.function}: {reason}") if self.trusted else kind(reason)


def _told(reply: Reply) -> str:
    match reply:
        case TimedOut(deadline_s):
            return f"a timed call does not end within {deadline_s:g} s"
        case OutOfMemory():
            return "a timed call runs out of memory"
        case Raised(error, message):
            return f"a timed call raises {error}: {message[:200]}"
        case Refused(reason) if reason.startswith(NO_BASE):
            return "it cannot be timed: it leaves threads or processes behind, or ends its own"
        case Refused(reason) | Crashed(reason) | Missing(reason):
            return f"a timed call fails: {reason}"
    raise TypeError(type(reply).__name__)


def _are_projections(value: Any, count: int) -> bool:
    rows = value if type(value) is list and len(value) == count else [None]
    return all(type(row) is list and all(type(number) is float for number in row) for row in rows)
