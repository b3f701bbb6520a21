"""The wire format: frames cut from byte streams, and the vocabulary of the value trees in them.

A frame is `magic | u32 header length | u64 body length | header | body`. The header is one tree as JSON, the body raw
little-endian bytes. What JSON has no word for is spelled as an object with a single key:
    {"float": "nan"}  {"tuple": [...]}  {"list": [...]}  {"dict": {...}}  {"rng": seed}  {"function": [module, name]}
    {"array" or "tensor": {"dtype", "shape", "offset", "nbytes"}}  {"text": {"offset", "nbytes"}}
        with "layout": "fortran" or "strided" beside the shape of an array that did not lie in C order
    {"numbers": {"kind", "dtype", "offset", "nbytes"}}: a long list or tuple of only floats or only integers
Offsets tile the body in the order of the tree, so that a decoder allocates nothing that has not arrived.
Both sides of the wire run this file, `encoder.py` and `decoder.py`, on the standard library and NumPy alone.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

MAGIC = b"KGW1"
PREFIX = struct.Struct("<4sIQ")
HEADER_CAP = 64 << 10
JOIN_CAP = 64 << 10
DEPTH_CAP = 32
COUNT_CAP = 8192
NUMBERS_CAP = 1 << 20  # plain Python numbers cost several times their bytes
SHORT = 256
LAYOUTS = ("", "fortran", "strided")
BFLOAT16 = "bfloat16"  # NumPy has no such type: its bits travel as uint16
DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128"
STORED = {name: np.dtype(name).newbyteorder("<") for name in DTYPES.split()} | {BFLOAT16: np.dtype("<u2")}


class WireError(ValueError):
    """The bytes are not a frame, or the value is not one that the wire carries."""


class Frame(NamedTuple):
    """The two parts of a frame as they arrived, lengths checked, nothing else."""

    header: bytes
    body: bytearray

    def buffers(self) -> list[bytes | bytearray | memoryview]:
        """Return what to write to pass the frame on."""
        return [PREFIX.pack(MAGIC, len(self.header), len(self.body)) + self.header, self.body]


class Leaf(NamedTuple):
    """An array on its way to the wire; `dtype` is the wire's name for it, `kind` is "array" or "tensor"."""

    kind: str
    dtype: str
    array: np.ndarray


class Side:
    """What one side of the wire makes of the values that JSON has no word for; this one knows plain arrays only."""

    def take(self, value: Any) -> Leaf | dict[str, Any]:
        """Return the leaf or the spelled-out node of a value. Raises WireError for a foreign type."""
        if type(value) is np.ndarray and value.dtype.name in STORED:
            return Leaf("array", value.dtype.name, value)
        raise WireError(f"a value of type {type(value).__name__}")

    def array(self, kind: str, dtype: str, array: np.ndarray, layout: str) -> Any:
        """Build the value of an array node; `array` is a view of the frame's body, in C order, whatever the layout."""
        return array

    def rng(self, seed: int) -> Any:
        """Build the value of a generator node."""
        return seed

    def function(self, module: str, name: str) -> Any:
        """Build the value of a function node."""
        return module, name


class Reader:
    """Cuts a byte stream into frames: `take()` one, or fill `room()` and tell `filled()` how much arrived."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._scratch = bytearray(PREFIX.size + HEADER_CAP + JOIN_CAP)
        self._start = self._end = 0
        self._header = b""
        self._body: bytearray | None = None
        self._have = 0

    @property
    def partial(self) -> bool:
        """Whether bytes have arrived that no frame taken so far accounts for."""
        return self._start != self._end or self._body is not None

    def room(self) -> memoryview:
        """Return the memory that waits for the next bytes; not empty after `take()` found no frame."""
        if self._body is not None:
            return memoryview(self._body)[self._have :]
        if self._start:
            rest = self._scratch[self._start : self._end]
            self._scratch[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        return memoryview(self._scratch)[self._end :]

    def filled(self, count: int) -> None:
        """Take note that the first `count` bytes of the room have arrived."""
        if self._body is not None:
            self._have += count
        else:
            self._end += count

    def take(self, cap: int | None = None) -> Frame | None:
        """Return the next frame if it is whole. Raises WireError when no frame starts like this."""
        if self._body is None and not self._begin(self._cap if cap is None else cap):
            return None
        if self._body is None or self._have < len(self._body):
            return None
        frame, self._body = Frame(self._header, self._body), None
        return frame

    def _begin(self, cap: int) -> bool:
        """Move from the scratch what belongs to a frame whose header is whole."""
        if self._end - self._start < PREFIX.size:
            return False
        magic, header, body = PREFIX.unpack_from(self._scratch, self._start)
        if magic != MAGIC or header > HEADER_CAP or body > cap:
            raise WireError("not a frame, or one beyond the caps")
        place = self._start + PREFIX.size
        if self._end - place < header:
            return False
        self._header = bytes(self._scratch[place : place + header])
        self._start = place + header
        self._have = min(body, self._end - self._start)
        self._body = bytearray(body)
        self._body[: self._have] = self._scratch[self._start : self._start + self._have]
        self._start += self._have
        return True


def int64(value: int) -> int:
    """Return the integer. Raises WireError when it needs more than 64 bits."""
    if not -(1 << 63) <= value < 1 << 63:
        raise WireError("an integer of more than 64 bits")
    return value


def utf8(text: str) -> bytes:
    """Return the text's bytes. Raises WireError for lone surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise WireError("a string with lone surrogates") from None


def laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """Return a writable copy that lies in memory as the original did: in C or Fortran order, or with gaps."""
    if layout == "fortran":
        return array.copy(order="F")
    if layout == "strided" and array.ndim:
        wide = np.empty((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    return array.copy()


def read_frame(fd: int, reader: Reader) -> Frame | None:
    """Return the next frame of a blocking descriptor, or None at its end. Raises WireError."""
    while (frame := reader.take()) is None:
        count = os.readv(fd, [reader.room()])
        if not count:
            return None
        reader.filled(count)
    return frame


def write_buffers(fd: int, buffers: Sequence[bytes | bytearray | memoryview]) -> None:
    """Write everything to a blocking descriptor."""
    for buffer in joined(buffers):
        rest = memoryview(buffer)
        while rest:
            rest = rest[os.write(fd, rest) :]


def joined(buffers: Sequence[bytes | bytearray | memoryview]) -> Sequence[bytes | bytearray | memoryview]:
    """Return small buffers as one, so that a small frame is one write; large ones as they are."""
    return [b"".join(buffers)] if sum(map(len, buffers)) <= JOIN_CAP else buffers
