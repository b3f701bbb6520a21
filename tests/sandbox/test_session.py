"""The host's half against a scripted box: whatever the stream says, `call` answers with a Reply."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from sandbox.base import Call, Crashed, Limits, OutOfMemory, Raised, Refused, SandboxUnavailable, TimedOut, Values
from sandbox.decoder import decode
from sandbox.encoder import encode
from sandbox.session import StreamSession, await_ready
from sandbox.stream import Multiplex, last_line
from sandbox.values import HOST
from sandbox.wire import PREFIX, Reader
from tests.sandbox.conftest import one_module

CALL = Call("g", "hw", "f", {"x": np.zeros(2)})


def told(message: Any) -> bytes:
    return b"".join(encode(message, HOST, 1 << 20))


def status(name: str, kind: str = "answer", **changes: Any) -> bytes:
    return told({"id": name, "status": kind, "detail": "why", "loading": False, "printed": ""} | changes)


class Script:
    """A box that answers each request with what a function of the request's id returns."""

    def __init__(
        self, answer: Callable[[str], bytes | Exception], first: bytes = b"", kills: int = 0, trouble: str = ""
    ) -> None:
        self._answer, self._out, self._kills, self._trouble = answer, first, kills, trouble
        self._error: Exception | None = None
        self.destroyed = 0

    def send(self, buffers: Sequence[bytes | bytearray | memoryview], deadline: float) -> None:
        reader, data = Reader(1 << 20), b"".join(buffers)
        reader.room()[: len(data)] = data
        reader.filled(len(data))
        while (frame := reader.take()) is not None:
            request = decode(frame, HOST)
            if "source" in request:
                continue
            answer = self._answer(request["id"])
            if isinstance(answer, Exception):
                self._error = answer
            else:
                self._out += answer

    def receive_into(self, room: memoryview, deadline: float) -> int:
        if self._error is not None:
            raise self._error
        count = min(len(room), len(self._out), 7)
        room[:count] = self._out[:count]
        self._out = self._out[count:]
        return count

    def cpu_seconds(self) -> float:
        return 1.5

    def memory_kills(self) -> int:
        return self._kills

    def last_words(self) -> str:
        return "ModuleNotFoundError: No module named 'torch'"

    def trouble(self, ended: bool) -> str:
        return self._trouble and f"{self._trouble}, ended: {ended}"

    def destroy(self) -> None:
        self.destroyed += 1


def session(answer: Callable[[str], bytes | Exception], **more: Any) -> StreamSession:
    return StreamSession(Script(answer, **more), one_module(""), Limits(load_deadline_s=3.0))


def reply(name: str, kind: str, **fields: Any) -> bytes:
    return status(name) + told({"id": name, "reply": kind} | fields)


def test_an_answer_becomes_values_and_only_given_arguments_can_have_changed() -> None:
    got = session(lambda name: reply(name, "values", value=1, changed=["x", "y", 3])).call(CALL, 1.0)
    assert got == Values(1, ("x",))


def test_texts_are_cut() -> None:
    frames = [("l" * 3000, 1, "f" * 3000)] * 30
    made = session(lambda n: reply(n, "raised", error="e" * 9999, message="m" * 9999, frames=frames, loading=True))
    got = made.call(CALL, 1.0)
    assert isinstance(got, Raised) and got.loading and len(got.frames) == 16
    assert len(got.error) == len(got.message) == len(got.frames[0].label) == len(got.frames[0].function) == 2000


@pytest.mark.parametrize(
    "answer",
    [
        lambda name: b"\0" * 100,
        lambda name: told(None),
        lambda name: told([name]),
        lambda name: status("0" * 16),
        lambda name: status(name, "no such status"),
        lambda name: status(name, printed=3),
        lambda name: status(name, loading=1),
        lambda name: status(name) + told({"id": "0" * 16, "reply": "values", "value": 1, "changed": []}),
        lambda name: status(name) + told({"id": name, "reply": ["values"]}),
        lambda name: reply(name, "values", value=1),
        lambda name: reply(name, "values", changed=[]),
        lambda name: reply(name, "raised", error="E", message="m", frames=[1], loading=False),
        lambda name: reply(name, "raised", error="E", message="m", frames=[("a", "b", "c")], loading=False),
        lambda name: reply(name, "raised", error="E", message=None, frames=[], loading=False),
        lambda name: reply(name, "missing", reason=None),
        lambda name: reply(name, "loaded"),
        lambda name: status(name) + PREFIX.pack(b"KGW1", 5, 1 << 60),
    ],
)
def test_malformed_answers_are_refused_and_cost_the_box(answer: Callable[[str], bytes]) -> None:
    made = session(answer)
    assert made.call(CALL, 1.0) == Refused("forged or malformed answer")
    again = made.call(CALL, 1.0)
    assert isinstance(again, Crashed) and again.box_lost


def test_a_frame_too_many_is_taken_for_the_next_answer_and_refused() -> None:
    made = session(lambda name: reply(name, "values", value=1, changed=[]) * 2)
    assert made.call(CALL, 1.0) == Values(1)
    assert isinstance(made.call(CALL, 1.0), Refused)


def test_an_ended_stream_is_a_lost_box() -> None:
    got = session(lambda name: b"").call(CALL, 1.0)
    assert isinstance(got, Crashed) and got.box_lost


def test_an_ended_stream_after_a_kill_for_memory_is_out_of_memory() -> None:
    assert isinstance(session(lambda name: b"", kills=1).call(CALL, 1.0), OutOfMemory)


def test_silence_is_a_time_out() -> None:
    assert session(lambda name: TimeoutError()).call(CALL, 1.0) == TimedOut(1.0)


def test_a_broken_stream_is_a_lost_box() -> None:
    got = session(lambda name: ConnectionResetError()).call(CALL, 1.0)
    assert isinstance(got, Crashed) and got.box_lost


def test_statuses_of_the_worker() -> None:
    assert session(lambda name: status(name, "timed out")).call(CALL, 1.5) == TimedOut(1.5)
    assert session(lambda name: status(name, "timed out", loading=True)).call(CALL, 1.5) == TimedOut(3.0, loading=True)
    assert session(lambda name: status(name, "crashed")).call(CALL, 1.5) == Crashed("why")
    assert isinstance(session(lambda name: status(name, "crashed"), kills=2).call(CALL, 1.5), OutOfMemory)


@pytest.mark.parametrize(
    ("answer", "ended"), [(b"", True), (TimeoutError(), False), (ConnectionResetError(), True)], ids=repr
)
def test_what_the_code_did_not_do_is_not_an_answer_of_its(answer: bytes | Exception, ended: bool) -> None:
    made = session(lambda name: answer, trouble="the engine is gone")
    with pytest.raises(SandboxUnavailable, match=f"^the engine is gone, ended: {ended}$"):
        made.call(CALL, 1.0)
    again = made.call(CALL, 1.0)
    assert isinstance(again, Crashed) and again.box_lost


def test_a_worker_that_starts_says_what_it_found() -> None:
    assert await_ready(Script(lambda name: b"", first=told({"ready": {"uid": 7}}))) == {"uid": 7}


@pytest.mark.parametrize("first", [b"", b"Traceback" * 9, told({"ready": True}), told({"ready": {}}) + b"more"])
def test_a_box_that_does_not_start_is_unavailable_and_says_why(first: bytes) -> None:
    box = Script(lambda name: b"", first=first)
    with pytest.raises(SandboxUnavailable, match="No module named 'torch'"):
        await_ready(box)
    assert box.destroyed


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_the_multiplex_separates_errors_from_answers_wherever_it_is_cut(step: int) -> None:
    ours, theirs = socket.socketpair()
    out, err = b"\1\0\0\0" + (3).to_bytes(4, "big") + b"abc", b"\2\0\0\0" + (6).to_bytes(4, "big") + b"oh\nno\n"
    data = out + err + b"\1\0\0\0\0\0\0\0" + out + out[:5]

    def feed() -> None:
        with theirs:
            for place in range(0, len(data), step):
                theirs.sendall(data[place : place + step])
                time.sleep(0.001)

    feeder = threading.Thread(target=feed)
    feeder.start()
    stream, got, room = Multiplex(ours), b"", bytearray(2)
    while count := stream.receive_into(memoryview(room), time.monotonic() + 5):
        got += room[:count]
    feeder.join()
    stream.close()
    assert got == b"abcabc" and last_line(stream.errors) == "no"


def test_a_stream_that_is_no_multiplex_is_an_error() -> None:
    ours, theirs = socket.socketpair()
    stream = Multiplex(ours)
    with theirs:
        theirs.sendall(b"HTTP/1.1 400 Bad Request")
    with pytest.raises(OSError, match="multiplex"):
        stream.receive_into(memoryview(bytearray(4)), time.monotonic() + 1)
    stream.close()


def test_a_reader_refuses_a_status_beyond_its_cap() -> None:
    reader = Reader(10)
    assert reader.partial is False
    data = PREFIX.pack(b"KGW1", 4, 11)
    reader.room()[: len(data)] = data
    reader.filled(len(data))
    with pytest.raises(ValueError, match="caps"):
        reader.take()
