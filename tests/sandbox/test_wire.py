"""The wire format: what goes in comes out, and nothing that a hostile box can send does more than raise WireError."""

from __future__ import annotations

import contextlib
import json
import math
import random
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sandbox.base import Function, Rng, Tensor
from sandbox.decoder import decode
from sandbox.encoder import encode
from sandbox.values import HOST
from sandbox.wire import DTYPES, HEADER_CAP, MAGIC, PREFIX, Frame, Reader, WireError

CAP = 1 << 20
NAMES = DTYPES.split()


def raw(value: object, cap: int = CAP) -> bytes:
    return b"".join(encode(value, HOST, cap))


def frame_of(data: bytes, cap: int = CAP) -> Frame | None:
    """Feed the bytes to a reader in one go; None when they are not a whole frame."""
    reader, place = Reader(cap), 0
    while (frame := reader.take()) is None and place < len(data):
        room = reader.room()
        count = min(len(room), len(data) - place)
        room[:count] = data[place : place + count]
        reader.filled(count)
        place += count
    return frame


def read(data: bytes) -> Any:
    frame = frame_of(data)
    assert frame is not None
    return decode(frame, HOST)


def trip(value: object) -> Any:
    return read(raw(value))


def message(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return PREFIX.pack(MAGIC, len(text), len(body)) + text + body


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        native = a.astype(a.dtype.newbyteorder("="))
        return a.shape == b.shape and native.dtype == b.dtype and native.tobytes() == b.tobytes()
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and same(a.array, b.array)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    return bool(a == b) or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


dtypes = st.sampled_from(NAMES).map(np.dtype) | st.sampled_from([np.dtype(">f8"), np.dtype(">i4"), np.dtype(">c8")])
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | text | arrays
keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
others = st.builds(Rng, st.integers(0, 2**62)) | st.builds(Function, keys, keys)
values = st.recursive(
    plain | others,
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(keys, inner),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(values)
def test_round_trip(value: object) -> None:
    assert same(value, trip(value))


@pytest.mark.parametrize("name", NAMES)
def test_every_dtype_and_empty_and_scalar_shapes(name: str) -> None:
    for shape in [(), (0,), (3, 0, 2), (2, 3)]:
        array = np.ones(shape, name)
        assert same(array, trip(array))
        assert trip(array).shape == shape


def test_layouts_are_normalised() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    for view in (
        x.T,
        x[::-1],
        x[:, ::2, ::-1],
        np.asfortranarray(x),
        np.broadcast_to(x, (2, 2, 3, 4)),
        x.astype(">f8"),
    ):
        got = trip(view)
        assert np.array_equal(got, view) and got.dtype == np.float64 and got.flags.c_contiguous and got.flags.aligned


def test_a_view_of_bytes_as_bool_becomes_zeros_and_ones() -> None:
    assert trip(np.array([0, 1, 7], np.uint8).view(bool)).tolist() == [False, True, True]


def test_numpy_scalars_become_arrays_without_dimensions() -> None:
    assert same(np.array(1.5, np.float32), trip(np.float32(1.5)))


def test_unaligned_arrays_are_aligned_on_arrival() -> None:
    flags, numbers = trip((np.ones(3, bool), np.arange(4.0)))
    assert flags.all() and numbers.flags.aligned and numbers.tolist() == [0, 1, 2, 3]


def test_long_lists_of_numbers_travel_in_the_body() -> None:
    long = [[0.1 * i for i in range(20_000)], tuple(range(20_000)), [math.nan, -math.inf] * 20]
    assert same(long, trip(long))
    assert len(encode(long, HOST, CAP)[0]) < 1000


def test_tensors_keep_their_dtype_and_bfloat16_is_widened() -> None:
    tensor = Tensor(np.array([1.5, -2.0, np.inf], np.float32), "bfloat16")
    assert same(tensor, trip(tensor))
    with pytest.raises(WireError):
        raw(Tensor(np.array([1.1], np.float32), "bfloat16"))


@pytest.mark.parametrize(
    "value",
    [
        {1: 2},
        {1, 2},
        b"bytes",
        object(),
        1 << 63,
        [1 << 80] * 40,
        "\ud800",
        Rng(1 << 63),
        Function("m", "\ud800"),
        Function("m" * 257, "f"),
        np.array(["a"]),
        np.array([None]),
        np.zeros(1, "m8[s]"),
        np.zeros(1, [("a", "f4")]),
        np.zeros((1,) * 9),
        np.zeros(CAP),
        np.broadcast_to(np.float64(0), (1 << 40,)),
        [None] * 10_000,
        np.ma.masked_array([1.0], [True]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_wire_does_not_carry(value: object) -> None:
    with pytest.raises(WireError):
        raw(value)


def test_nesting_is_bounded() -> None:
    value: list[Any] = []
    for _ in range(100):
        value = [value]
    with pytest.raises(WireError):
        raw(value)


def array_header(**changes: object) -> dict[str, object]:
    return {"array": {"dtype": "float64", "shape": [2], "offset": 0, "nbytes": 16} | changes}


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (array_header(), b"\0" * 15),
        (array_header(), b"\0" * 17),
        (array_header(nbytes=8), b"\0" * 16),
        (array_header(offset=-8), b"\0" * 16),
        (array_header(offset=8), b"\0" * 24),
        (array_header(offset=True), b"\0" * 17),
        (array_header(shape=[1 << 40]), b"\0" * 16),
        (array_header(shape=[-2]), b"\0" * 16),
        (array_header(shape=[-1, -2]), b"\0" * 16),
        (array_header(shape=[2.0]), b"\0" * 16),
        (array_header(shape=[True, 2]), b"\0" * 16),
        (array_header(shape=[2] + [1] * 8), b"\0" * 16),
        (array_header(shape="2"), b"\0" * 16),
        (array_header(shape=[0, 1 << 47, 1 << 47], nbytes=0), b""),
        (array_header(dtype="object"), b"\0" * 16),
        (array_header(dtype=["float64"]), b"\0" * 16),
        (array_header(dtype="bfloat16", shape=[8]), b"\0" * 16),
        (array_header(more=1), b"\0" * 16),
        ({"array": {"dtype": "bool", "shape": [1], "offset": 0, "nbytes": 1}}, b"\7"),
        ({"array": None}, b""),
        ({"list": {}}, b""),
        ({"tuple": "ab"}, b""),
        ({"dict": [1]}, b""),
        ({"float": "1"}, b""),
        ({"float": ["nan"]}, b""),
        ({"rng": 1.0}, b""),
        ({"rng": 1 << 70}, b""),
        ({"function": ["a"]}, b""),
        ({"function": [1, 2]}, b""),
        ({"text": {"offset": 0, "nbytes": 2}}, b"\xff\xff"),
        ({"numbers": {"kind": "set", "dtype": "int64", "offset": 0, "nbytes": 8}}, b"\0" * 8),
        ({"numbers": {"kind": "list", "dtype": "bool", "offset": 0, "nbytes": 8}}, b"\0" * 8),
        ({"numbers": {"kind": "list", "dtype": "int64", "offset": 0, "nbytes": 7}}, b"\0" * 7),
        ({"__class__": []}, b""),
        ({"a": 1, "b": 2}, b""),
        ({}, b""),
        ([1], b""),
        (1 << 64, b""),
        ("x" * 300, b""),
        (b'"\\ud800"', b""),
        (b"NaN", b""),
        (b"1e999", b""),
        (b"9" * 5000, b""),
        (b'{"rng": 1, "rng": 2}', b""),
        (b'{"dict": {"a": 1, "a": 2}}', b""),
        (b"\xff\xfe1\x00", b""),
        (b"[" * 60_000, b""),
        (b'{"list":[' * 7000, b""),
        (b'{"list":[' * 200 + b"]}" * 200, b""),
        (b'{"list":[' + b"1," * 20_000 + b"1]}", b""),
        (b"", b""),
        (b"1 2", b""),
        (b"null", b"\0"),
    ],
)
def test_malformed_frames(header: object, body: bytes) -> None:
    with pytest.raises(WireError):
        read(message(header, body))


@pytest.mark.parametrize(
    "prefix",
    [
        PREFIX.pack(b"KGW0", 4, 0),
        PREFIX.pack(MAGIC, HEADER_CAP + 1, 0),
        PREFIX.pack(MAGIC, 4, CAP + 1),
        PREFIX.pack(MAGIC, 4, (1 << 64) - 1),
        b"\x93NUMPY\x01\x00" + b"\0" * 20,
    ],
)
def test_bad_prefixes_are_refused_before_anything_is_allocated(prefix: bytes) -> None:
    with pytest.raises(WireError):
        frame_of(prefix + b"null")


def test_a_truncated_frame_is_no_frame() -> None:
    whole = raw([np.arange(10), "text" * 100])
    assert all(frame_of(whole[:length]) is None for length in range(len(whole)))


@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
def test_frames_follow_each_other_without_a_seam(step: int) -> None:
    large = np.arange(50_000)
    data = raw([1]) + raw({}) + raw(large) + raw("end") + raw({}) + b"K"
    reader, got, place = Reader(CAP), [], 0
    while place < len(data):
        room = reader.room()
        count = min(len(room), step, len(data) - place)
        room[:count] = data[place : place + count]
        reader.filled(count)
        place += count
        while (frame := reader.take()) is not None:
            got.append(decode(frame, HOST))
    assert got[:2] == [[1], {}] and np.array_equal(got[2], large) and got[3:] == ["end", {}]
    assert reader.partial


SAMPLES = [
    raw(
        {"id": "0123456789abcdef", "reply": "values", "value": (np.arange(6.0).reshape(2, 3), [1, 2.5]), "changed": []}
    ),
    raw([np.ones((2, 2), bool), "x" * 300, list(range(40)), math.nan, Tensor(np.ones(3, np.float32), "bfloat16")]),
    raw({"a": Rng(3), "b": Function("m", "f"), "c": np.zeros((0, 5)), "d": np.array(2 + 1j)}),
]


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SAMPLES), st.integers(0, 2**32), st.integers(1, 6))
def test_mutations_raise_nothing_but_wire_errors(sample: bytes, seed: int, flips: int) -> None:
    chance = random.Random(seed)
    data = bytearray(sample)
    for _ in range(flips):
        place = chance.randrange(len(data))
        data[place] = chance.choice(
            [data[place] ^ (1 << chance.randrange(8)), chance.randrange(256), ord(chance.choice('0"{}[],'))]
        )
    tracemalloc.start()
    try:
        with contextlib.suppress(WireError):
            frame = frame_of(bytes(data))
            if frame is not None:
                decode(frame, HOST)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < CAP + (2 << 20)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.binary(max_size=64))
def test_arbitrary_headers_raise_nothing_but_wire_errors(header: bytes, body: bytes) -> None:
    frame = frame_of(message(header, body))
    assert frame is not None and frame.header == header and frame.body == body
    with contextlib.suppress(WireError):
        decode(frame, HOST)
