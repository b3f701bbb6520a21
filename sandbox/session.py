"""The host's half of a box that is reached through a byte stream: frames, ids, deadlines, and hostile answers."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from sandbox.base import (
    Block,
    Call,
    Crashed,
    Frame,
    Limits,
    Missing,
    OutOfMemory,
    Raised,
    Refused,
    Reply,
    SandboxUnavailable,
    Source,
    TimedOut,
    Values,
)
from sandbox.decoder import decode
from sandbox.devices import OPENING_S
from sandbox.encoder import encode
from sandbox.values import ANSWERS, HOST
from sandbox.wire import Reader, WireError

START_DEADLINE_S = 120.0  # a first import of torch from a cold disk
GRACE_S = 10.0  # for the box to notice a deadline, clean up and say so
REQUEST_CAP = 1 << 30
STATUS_CAP = 1 << 20
TEXT_CAP, FRAMES_CAP = 2000, 16
FORGED = "forged or malformed answer"


class Box(Protocol):
    """A started worker: its byte stream, and what only its backend can measure or end. Deadlines are monotonic."""

    def send(self, buffers: Sequence[bytes | bytearray | memoryview], deadline: float) -> None:
        """Write everything. Raises TimeoutError and OSError."""
        ...

    def receive_into(self, room: memoryview, deadline: float) -> int:
        """Read some bytes, 0 at the end of the stream. Raises TimeoutError and OSError."""
        ...

    def cpu_seconds(self) -> float:
        """Return the CPU time of everything that ever ran in the box."""
        ...

    def memory_kills(self) -> int:
        """Return how many processes the system has killed in the box for want of memory; 0 where it does not tell."""
        ...

    def last_words(self) -> str:
        """Return the last line on the worker's standard error before it was ready."""
        ...

    def trouble(self, ended: bool) -> str:
        """Return what, if not the code in it, has silenced the box or `ended` its stream; empty when nothing has."""
        ...

    def destroy(self) -> None:
        """End every process in the box and release it; safe to call twice."""
        ...


class BoxLostError(Exception):
    """The stream of the box has ended."""


def await_ready(box: Box) -> Mapping[str, Any]:
    """Wait until the worker has imported its libraries, and return what it found out about its confinement.

    Destroys the box and raises SandboxUnavailable when the worker does not start.
    """
    reader, end = Reader(STATUS_CAP), time.monotonic() + START_DEADLINE_S
    try:
        message = _receive(box, reader, STATUS_CAP, end)
        if not _has(message, {"ready": dict}) or reader.partial:
            raise WireError(FORGED)
    except (OSError, BoxLostError, WireError) as error:
        words = box.last_words() or box.trouble(ended=True) or str(error) or type(error).__name__
        box.destroy()
        raise SandboxUnavailable(f"the sandbox's worker did not start: {words}") from error
    found: Mapping[str, Any] = message["ready"]
    if problem := found.get("device_problem"):
        box.destroy()
        raise SandboxUnavailable(f"no GPU in the sandbox: {problem}")
    return found


class StreamSession:
    """A session over a box that is ready; the first call brings the source."""

    def __init__(self, box: Box, source: Source, limits: Limits, processes: int | None = None) -> None:
        self._box, self._limits = box, limits
        self._opening: dict[str, Any] | None = {
            "source": json.dumps([asdict(module) for module in source.modules]),
            "result_bytes": limits.result_bytes,
            "printed_bytes": limits.printed_bytes,
            "memory_bytes": limits.memory_bytes,
            "processes": processes,
        }
        self._reader = Reader(STATUS_CAP)
        self._patience = GRACE_S if limits.device == "cpu" else GRACE_S + OPENING_S
        self._lost = ""
        self._kills = 0

    def call(self, call: Call, deadline_s: float) -> Reply:
        """Run one call; never raises for anything that the student's code does.

        Raises SandboxUnavailable when something else has ended or stopped the box, and WireError when the host's own
        arguments do not fit.
        """
        if self._lost:
            return Crashed(self._lost, box_lost=True)
        name = secrets.token_hex(8)
        request = encode(self._request(name, call, deadline_s), HOST, REQUEST_CAP)
        end = time.monotonic() + self._limits.load_deadline_s + deadline_s + self._patience
        try:
            if self._opening is not None:
                request = [*encode(self._opening, HOST, REQUEST_CAP), *request]
                self._opening = None
            self._box.send(request, end)
            status = self._status(name, end)
            if status["status"] == "answer":
                answer = _receive(self._box, self._reader, self._limits.result_bytes, end)
                return self._reply(name, call, answer, status["printed"], status["loading"])
            return self._ended(status, deadline_s)
        except WireError:
            self._lose(FORGED)
            return Refused(FORGED)
        except TimeoutError:
            self._blame("the box did not answer", ended=False)
            return TimedOut(deadline_s)
        except (OSError, BoxLostError):
            if self._killed_for_memory():
                self._lose("the code used up the memory of the whole sandbox")
                return OutOfMemory(self._limits.memory_bytes)
            self._blame("the code ended the whole sandbox", ended=True)
            return Crashed(self._lost, box_lost=True)

    def cpu_seconds(self) -> float:
        """Return the CPU time of everything that ever ran in the box, read outside it."""
        return self._box.cpu_seconds()

    def close(self) -> None:
        """End the box and every process in it; safe to call twice."""
        self._lose("the session is closed")

    def _blame(self, reason: str, ended: bool) -> None:
        """Give the box up; raise SandboxUnavailable when it is not the code's doing."""
        trouble = self._box.trouble(ended)
        self._lose(trouble or reason)
        if trouble:
            raise SandboxUnavailable(trouble)

    def _lose(self, reason: str) -> None:
        self._lost = self._lost or reason
        self._box.destroy()

    def _request(self, name: str, call: Call, deadline_s: float) -> dict[str, Any]:
        return {
            "id": name,
            "group": call.group,
            "module": call.module,
            "function": call.function,
            "definitions_only": call.definitions_only,
            "arguments": dict(call.arguments),
            "dout": call.dout,
            "wrt": list(call.wrt),
            "block": None if call.block is None else _spelled(call.block),
            "load_deadline_s": float(self._limits.load_deadline_s),
            "deadline_s": float(deadline_s),
        }

    def _status(self, name: str, end: float) -> dict[str, Any]:
        status = _receive(self._box, self._reader, STATUS_CAP + 4 * self._limits.printed_bytes, end)
        kinds = {"id": str, "status": str, "detail": str, "loading": bool, "printed": str}
        if not _has(status, kinds) or status["id"] != name:
            raise WireError(FORGED)
        return dict(status)

    def _ended(self, status: dict[str, Any], deadline_s: float) -> Reply:
        """Return the reply to a call whose child gave no answer."""
        kind, loading, printed = status["status"], status["loading"], status["printed"]
        if kind == "unavailable":
            self._lose(status["detail"])
            raise SandboxUnavailable(f"the sandbox has lost its GPU: {status['detail']}")
        if kind == "timed out":
            return TimedOut(self._limits.load_deadline_s if loading else deadline_s, loading, printed)
        if kind == "refused":
            return Refused(status["detail"])
        if kind == "crashed":
            killed = self._killed_for_memory()
            if killed:
                return OutOfMemory(self._limits.memory_bytes, loading, printed)
            return Crashed(status["detail"], loading=loading, printed=printed)
        raise WireError(FORGED)

    def _killed_for_memory(self) -> bool:
        before, self._kills = self._kills, self._box.memory_kills()
        return self._kills > before

    def _reply(self, name: str, call: Call, message: Any, printed: str, loading: bool) -> Reply:
        """Return what the child says, once every part of it has the type and the size that it should have."""
        if not _has(message, {"id": str, "reply": str}) or message["id"] != name:
            raise WireError(FORGED)
        kind = message["reply"]
        if kind == "values" and "value" in message and type(message.get("changed")) is list:
            names = {name for name in message["changed"] if type(name) is str}
            changed = tuple(argument for argument in call.arguments if argument in names)
            return Values(message["value"], changed, printed)
        if kind == "raised" and _has(message, {"error": str, "message": str, "frames": list, "loading": bool}):
            frames = tuple(_frame(frame) for frame in message["frames"][:FRAMES_CAP])
            error, text = message["error"][:TEXT_CAP], message["message"][:TEXT_CAP]
            return Raised(error, text, frames, printed, message["loading"])
        if kind in ("missing", "refused") and _has(message, {"reason": str}):
            return (Missing if kind == "missing" else Refused)(message["reason"][:TEXT_CAP])
        if kind == "out of memory":
            return OutOfMemory(self._limits.memory_bytes, loading, printed)
        raise WireError(FORGED)


def _spelled(block: Block) -> dict[str, Any]:
    return {"step": block.step, "seed": block.seed, "repeat": block.repeat, "vary": block.vary}


def _receive(box: Box, reader: Reader, cap: int, end: float) -> Any:
    while (frame := reader.take(cap)) is None:
        count = box.receive_into(reader.room(), end)
        if not count:
            raise BoxLostError
        reader.filled(count)
    return decode(frame, ANSWERS)


def _has(message: Any, kinds: dict[str, type]) -> bool:
    return type(message) is dict and all(type(message.get(name)) is kind for name, kind in kinds.items())


def _frame(value: Any) -> Frame:
    if type(value) is not tuple or list(map(type, value)) != [str, int, str]:
        raise WireError(FORGED)
    label, line, function = value
    return Frame(label[:TEXT_CAP], line, function[:TEXT_CAP])
