"""Properties of the wire against hostile bytes: every stream, however it is cut, is values, a WireError or a Reply."""

from __future__ import annotations

import contextlib
import json
import random
import tracemalloc
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.base import Reply
from sandbox.decoder import decode
from sandbox.encoder import encode
from sandbox.values import HOST
from sandbox.wire import HEADER_CAP, JOIN_CAP, NUMBERS_CAP, PREFIX, SHORT, Frame, Reader, Side, WireError
from tests.fuzz.frames import CORPUS, MESSAGES, NAME, STATUS, mutated, packed, told
from tests.sandbox.test_session import CALL, session
from tests.sandbox.test_wire import same, values

CAP = 1 << 16
REPLIES = get_args(Reply)
thorough = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])


def cut(data: bytes, steps: Sequence[int], cap: int = CAP) -> tuple[list[Frame], bool, bool]:
    """Feed the bytes in steps, over and over; return the frames, whether the stream was refused, and what is left."""
    reader, frames, place, turn = Reader(cap), [], 0, 0
    try:
        while place < len(data):
            room = reader.room()
            assert room
            count = min(len(room), steps[turn % len(steps)], len(data) - place)
            room[:count] = data[place : place + count]
            reader.filled(count)
            place, turn = place + count, turn + 1
            while (frame := reader.take()) is not None:
                frames.append(frame)
    except WireError:
        return frames, True, True
    return frames, False, reader.partial


streams = st.lists(
    st.sampled_from(CORPUS)
    | st.binary(max_size=40)
    | st.builds(packed, st.binary(max_size=40), st.binary(max_size=40)),
    max_size=5,
).map(b"".join) | st.builds(
    lambda header, body, rest: PREFIX.pack(b"KGW1", header, body) + rest,
    st.integers(0, HEADER_CAP + 1),
    st.integers(0, CAP + 1) | st.integers(0, 2**64 - 1),
    st.binary(max_size=200),
)
cuts = st.lists(st.integers(1, 100) | st.sampled_from([PREFIX.size, JOIN_CAP, HEADER_CAP]), min_size=1, max_size=6)


@thorough
@given(streams, cuts)
def test_the_cut_of_a_stream_does_not_matter(data: bytes, steps: Sequence[int]) -> None:
    tracemalloc.start()
    try:
        got = cut(data, steps)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert got == cut(data, [1 << 20])
    assert peak < 2 * CAP + PREFIX.size + HEADER_CAP + JOIN_CAP + 4 * len(data) + (64 << 10)


@thorough
@given(st.lists(values, min_size=1, max_size=4), cuts)
def test_what_is_sent_arrives_whatever_the_cut(sent: list[Any], steps: Sequence[int]) -> None:
    frames, refused, left = cut(b"".join(map(told, sent)), steps, 1 << 20)
    assert not refused and not left
    assert all(same(value, decode(frame, HOST)) for value, frame in zip(sent, frames, strict=True))


@thorough
@given(st.sampled_from(CORPUS), st.integers(0, 2**32), st.integers(1, 4))
def test_mutated_frames_are_values_that_travel_or_wire_errors(stream: bytes, seed: int, times: int) -> None:
    chance = random.Random(seed)
    for _ in range(times):
        stream = mutated(stream, chance)
    for frame in cut(stream, [1 << 20])[0]:
        try:
            value = decode(frame, HOST)
        except WireError:
            continue
        head, *body = encode(value, HOST, CAP)
        again = Frame(bytes(head[PREFIX.size :]), bytearray(b"".join(body)))
        assert same(value, decode(again, HOST))
        decode(frame, Side())


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=SHORT + 2)
    | st.sampled_from(["float64", "bool", "nan"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["list", "tuple", "dict", "float", "text", "numbers", "rng", "function", "array", "tensor"])
            | st.sampled_from(["dtype", "shape", "offset", "nbytes", "kind", "layout"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@thorough
@given(trees, st.binary(max_size=32), st.booleans())
def test_headers_of_any_json_raise_nothing_but_wire_errors(tree: Any, body: bytes, ascii_only: bool) -> None:
    header = json.dumps(tree, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for side in (HOST, Side()):
        with contextlib.suppress(WireError):
            decode(Frame(header, bytearray(body)), side)


@pytest.mark.parametrize(
    "header",
    [
        b'{"function":["\\ud800","f"]}',
        b'{"function":["m","' + b"f" * (SHORT + 1) + b'"]}',
        b'{"dict":{"\\udfff":1}}',
        b'{"list":[' + b"{}," * 100 + b"{}]}",
        b"9" * 4300,
        b"-" * 9,
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf1",
    ],
    ids=lambda header: repr(header[:24]),
)
def test_headers_that_are_nearly_right(header: bytes) -> None:
    with pytest.raises(WireError):
        decode(Frame(header, bytearray()), HOST)


def test_the_numbers_of_all_lists_together_are_bounded() -> None:
    def numbers(count: int, offset: int) -> dict[str, Any]:
        return {"numbers": {"kind": "list", "dtype": "int64", "offset": offset, "nbytes": 8 * count}}

    half = NUMBERS_CAP // 2 + 1
    body = bytearray(16 * half)
    header = json.dumps({"list": [numbers(half, 0), numbers(half, 8 * half)]}).encode()
    with pytest.raises(WireError, match="too many"):
        decode(Frame(header, body), HOST)


def answers(stream: bytes, calls: int = 2) -> list[Reply]:
    """Play the stream to a session as the answer to each call, the request's id in it."""
    made = session(lambda name: stream.replace(NAME.encode(), name.encode()))
    return [made.call(CALL, 1.0) for _ in range(calls)]


@thorough
@given(streams)
def test_a_session_answers_any_stream_with_a_reply(stream: bytes) -> None:
    assert all(type(reply) in REPLIES for reply in answers(stream))


@thorough
@given(st.sampled_from(CORPUS), st.integers(0, 2**32), st.integers(1, 4))
def test_a_session_answers_mutated_frames_with_a_reply(stream: bytes, seed: int, times: int) -> None:
    chance = random.Random(seed)
    for _ in range(times):
        stream = mutated(stream, chance)
    assert all(type(reply) in REPLIES for reply in answers(stream))


@thorough
@given(st.sampled_from(MESSAGES), values, st.sampled_from(["id", "reply", "changed", "frames", "error", "loading"]))
def test_a_session_answers_a_field_of_another_type_with_a_reply(message: Any, value: Any, field: str) -> None:
    assert all(type(reply) in REPLIES for reply in answers(told(STATUS) + told(message | {field: value})))
    assert all(type(reply) in REPLIES for reply in answers(told(STATUS | {field: value}) + told(message)))


@pytest.mark.parametrize("changed", [[np.zeros(2)], [np.zeros(0)], [["x"]], [{}], [None]], ids=repr)
def test_a_list_of_changed_arguments_that_are_no_names(changed: list[Any]) -> None:
    message = {"id": NAME, "reply": "values", "value": 1, "changed": changed}
    assert all(type(reply) in REPLIES for reply in answers(told(STATUS) + told(message), 1))
