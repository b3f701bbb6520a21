"""From a value to the buffers of one frame; every refusal names the value, in words that a student can read."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sandbox.wire import (
    COUNT_CAP,
    DEPTH_CAP,
    HEADER_CAP,
    MAGIC,
    NUMBERS_CAP,
    PREFIX,
    SHORT,
    STORED,
    Leaf,
    Side,
    WireError,
    int64,
    utf8,
)

PACKED = 16  # sequences of numbers longer than this travel in the body
PACKABLE = {int: "int64", float: "float64"}


def encode(value: Any, side: Side, cap: int) -> list[bytes | bytearray | memoryview]:
    """Return the buffers of one frame that holds the value; the body has at most `cap` bytes. Raises WireError."""
    return _Encoder(side, cap).frame(value)


class _Encoder:
    def __init__(self, side: Side, cap: int) -> None:
        self._side, self._cap = side, cap
        self._parts: list[memoryview] = []
        self._size = self._count = self._numbers = 0

    def frame(self, value: Any) -> list[bytes | bytearray | memoryview]:
        header = json.dumps(self._node(value, 0), allow_nan=False, separators=(",", ":")).encode()
        if len(header) > HEADER_CAP:
            raise WireError("a value of too many parts")
        return [PREFIX.pack(MAGIC, len(header), self._size) + header, *self._parts]

    def _node(self, value: Any, depth: int) -> Any:
        self._count += 1
        if depth > DEPTH_CAP or self._count > COUNT_CAP:
            raise WireError("a value of too many parts, or nested too deeply")
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return int64(value)
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if kind is str:
            return self._text(value)
        if kind is list or kind is tuple:
            return self._sequence(kind.__name__, value, depth)
        if kind is dict:
            if not all(type(key) is str and len(utf8(key)) <= SHORT for key in value):
                raise WireError("a dictionary whose keys are not all short strings")
            return {"dict": {key: self._node(item, depth + 1) for key, item in value.items()}}
        node = self._side.take(value)
        if isinstance(node, Leaf):
            return self._array(node)
        int64(node.get("rng", 0))
        if any(len(utf8(word)) > SHORT for word in node.get("function", ())):
            raise WireError("a function whose name is not a short string")
        return node

    def _text(self, value: str) -> Any:
        raw = utf8(value)
        return value if len(raw) <= SHORT else {"text": self._blob(memoryview(raw))}

    def _sequence(self, kind: str, value: Sequence[Any], depth: int) -> Any:
        types = set(map(type, value)) if len(value) > PACKED else set()
        if len(types) == 1 and (dtype := PACKABLE.get(types.pop())):
            self._numbers += len(value)
            if self._numbers > NUMBERS_CAP:
                raise WireError(f"a {kind} of {len(value):,} numbers; return an array")
            try:
                array = np.array(value, STORED[dtype])
            except OverflowError:
                raise WireError("an integer of more than 64 bits") from None
            return {"numbers": {"kind": kind, "dtype": dtype, **self._blob(_bytes_of(array))}}
        return {kind: [self._node(item, depth + 1) for item in value]}

    def _array(self, leaf: Leaf) -> Any:
        array = leaf.array
        if array.ndim > 8:
            raise WireError(f"an array of {array.ndim} dimensions")
        layout = {"layout": name} if (name := _layout(array)) else {}
        self._room(array.nbytes)  # before the copy: a broadcast view may claim any size
        array = np.asarray(array, STORED[leaf.dtype], order="C")
        if leaf.dtype == "bool":
            array = array.view(np.uint8) != 0  # a bool made by a view may hold any byte
        fields = {"dtype": leaf.dtype, "shape": list(array.shape), **layout, **self._blob(_bytes_of(array))}
        return {leaf.kind: fields}

    def _room(self, nbytes: int) -> None:
        if self._size + nbytes > self._cap:
            raise WireError(f"{(self._size + nbytes) / 1e6:,.0f} MB of data where at most {self._cap / 1e6:,.0f} fit")

    def _blob(self, raw: memoryview) -> dict[str, int]:
        self._room(raw.nbytes)
        place = {"offset": self._size, "nbytes": raw.nbytes}
        self._parts.append(raw)
        self._size += raw.nbytes
        return place


def _layout(array: np.ndarray) -> str:
    if array.flags.c_contiguous:
        return ""
    return "fortran" if array.flags.f_contiguous else "strided"


def _bytes_of(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
