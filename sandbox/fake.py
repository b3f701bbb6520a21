"""A sandbox without a box, for tests: answers from a table of functions, through the real encoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, get_args

from sandbox.base import Call, Framework, Limits, Raised, Reply, Session, Source, Tensor
from sandbox.decoder import decode
from sandbox.devices import Host
from sandbox.encoder import encode
from sandbox.inprocess import InProcessSandbox, InProcessSession, framed
from sandbox.sides import BoxSide
from sandbox.values import HOST
from sandbox.wire import Leaf

Answer: TypeAlias = "Callable[..., object] | Reply | BaseException"
NOTHING = Source(())
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
        """Return a session; of the source only callable arguments are loaded."""
        return FakeSession(self._answers, limits, source)

    def close(self) -> None:
        """Release nothing."""


class FakeSession(InProcessSession):
    """Runs its answers in the caller's process and remembers the calls."""

    def __init__(self, answers: Mapping[str, Answer], limits: Limits, source: Source = NOTHING) -> None:
        functions = {name: answer for name, answer in answers.items() if callable(answer)}
        super().__init__(InProcessSandbox(functions, lambda file: None), Source(source.modules), limits)
        self._side = _WithoutTorch(None, self._loader, Host(None))
        self._answers = answers
        self.calls: list[Call] = []

    def call(self, call: Call, deadline_s: float) -> Reply:
        """Answer one call."""
        answer = None if self._closed else self._answers.get(call.function)
        if not self._closed:
            self.calls.append(call)
        if isinstance(answer, BaseException):
            return Raised(type(answer).__name__, str(answer))
        if isinstance(answer, REPLIES):
            return answer  # type: ignore[no-any-return]
        return super().call(call, deadline_s)


class _WithoutTorch(BoxSide):
    """A box's side whose tensors are the host's `Tensor`."""

    def take(self, value: Any) -> Leaf:
        if type(value) is Tensor:
            return Leaf("tensor", value.dtype, value.array)
        return super().take(value)


def carried(value: Any, cap: int = 1 << 30) -> Any:
    """Return what the other side of the wire would see."""
    return decode(framed(encode(value, HOST, cap)), HOST)
