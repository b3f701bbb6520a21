"""A sandbox without a box, for tests: answers from a table of functions, through the real encoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, get_args

import numpy as np

from sandbox.base import Call, Crashed, Framework, Limits, Missing, Raised, Refused, Reply, Rng, Session, Source, Values
from sandbox.decoder import decode
from sandbox.encoder import encode
from sandbox.values import HOST
from sandbox.wire import PREFIX, Frame, WireError

Answer: TypeAlias = "Callable[..., object] | Reply | BaseException"
REPLIES = get_args(Reply)


class FakeSandbox:
    """Answers `call` by name: a callable is called, a Reply is returned, an exception becomes Raised."""

    name = "fake"
    guarantees = "Protects from nothing: for tests."
    details: Mapping[str, str] = MappingProxyType({})

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers

    def warm(self, framework: Framework, limits: Limits, keep: int = 0) -> None:
        """Start nothing."""

    def open(self, source: Source, limits: Limits) -> Session:
        """Return a session; the source is not looked at."""
        return FakeSession(self._answers, limits)

    def close(self) -> None:
        """Release nothing."""


class FakeSession:
    """Runs its answers in the caller's process and remembers the calls."""

    def __init__(self, answers: Mapping[str, Answer], limits: Limits) -> None:
        self._answers, self._limits = answers, limits
        self._closed = False
        self.calls: list[Call] = []

    def call(self, call: Call, deadline_s: float) -> Reply:
        """Answer one call; the deadline is not kept."""
        if self._closed:
            return Crashed("the session is closed", box_lost=True)
        self.calls.append(call)
        answer = self._answers.get(call.function)
        if answer is None:
            return Missing(f"{call.module} has no function {call.function}")
        if isinstance(answer, REPLIES):
            return answer  # type: ignore[no-any-return]
        try:
            if isinstance(answer, BaseException):
                raise answer
            arguments = carried(dict(call.arguments))
            given = {name: np.random.default_rng(v.seed) if type(v) is Rng else v for name, v in arguments.items()}
            value = answer(**given)  # type: ignore[operator]
        except BaseException as error:
            return Raised(type(error).__name__, str(error))
        try:
            return Values(carried(value, self._limits.result_bytes))
        except WireError as error:
            return Refused(f"{call.function} returned {error}")

    def cpu_seconds(self) -> float:
        """Return 0: nothing runs anywhere else."""
        return 0.0

    def close(self) -> None:
        """Refuse further calls."""
        self._closed = True


def carried(value: Any, cap: int = 1 << 30) -> Any:
    """Return what the other side of the wire would see."""
    head, *body = encode(value, HOST, cap)
    return decode(Frame(bytes(head[PREFIX.size :]), bytearray(b"".join(body))), HOST)
