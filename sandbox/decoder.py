"""From a frame to the value it holds; whatever is wrong with the frame, whoever sent it, is a WireError."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sandbox.wire import (
    BFLOAT16,
    COUNT_CAP,
    DEPTH_CAP,
    LAYOUTS,
    NUMBERS_CAP,
    SHORT,
    STORED,
    Frame,
    Side,
    WireError,
    int64,
    utf8,
)

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def decode(frame: Frame, side: Side) -> Any:
    """Return the value of a frame. Raises WireError."""
    return _Decoder(frame, side).value()


class _Decoder:
    def __init__(self, frame: Frame, side: Side) -> None:
        self._header, self._body = frame
        self._side = side
        self._place = self._count = self._numbers = 0

    def value(self) -> Any:
        try:
            node = json.loads(self._header.decode(), parse_constant=_no_constant, object_pairs_hook=_unique)
        except (ValueError, RecursionError):
            raise WireError("the header is not JSON") from None
        value = self._node(node, 0)
        _check(self._place == len(self._body), "body: it is not tiled")
        return value

    def _node(self, node: Any, depth: int) -> Any:
        self._count += 1
        if depth > DEPTH_CAP or self._count > COUNT_CAP:
            raise WireError("too many parts, or nested too deeply")
        if node is None or type(node) is bool:
            return node
        if type(node) is int:
            return int64(node)
        if type(node) is float and math.isfinite(node):
            return node
        if _is_short(node):
            return node
        _check(type(node) is dict and len(node) == 1, "node")
        ((word, rest),) = node.items()
        _check(word in READERS, "node")
        return READERS[word](self, rest, depth)

    def _read_float(self, rest: Any, _depth: int) -> float:
        _check(type(rest) is str and rest in SPECIAL, "float")
        return SPECIAL[rest]

    def _read_list(self, rest: Any, depth: int) -> list[Any]:
        _check(type(rest) is list, "list")
        return [self._node(item, depth + 1) for item in rest]

    def _read_tuple(self, rest: Any, depth: int) -> tuple[Any, ...]:
        return tuple(self._read_list(rest, depth))

    def _read_dict(self, rest: Any, depth: int) -> dict[str, Any]:
        _check(type(rest) is dict and all(map(_is_short, rest)), "dict")
        return {key: self._node(item, depth + 1) for key, item in rest.items()}

    def _read_text(self, rest: Any, _depth: int) -> str:
        offset, nbytes = self._span(rest, 2)
        try:
            return self._body[offset : offset + nbytes].decode()
        except UnicodeDecodeError:
            raise WireError("a text that is not UTF-8") from None

    def _read_numbers(self, rest: Any, _depth: int) -> Any:
        offset, nbytes = self._span(rest, 4)
        kind, dtype = rest.get("kind"), rest.get("dtype")
        _check(kind in ("list", "tuple") and dtype in ("int64", "float64") and nbytes % 8 == 0, "numbers")
        self._numbers += nbytes // 8
        _check(self._numbers <= NUMBERS_CAP, "numbers: too many")
        numbers = np.ndarray((nbytes // 8,), STORED[dtype], self._body, offset).tolist()
        return numbers if kind == "list" else tuple(numbers)

    def _read_rng(self, rest: Any, _depth: int) -> Any:
        _check(type(rest) is int, "seed")
        return self._side.rng(int64(rest))

    def _read_function(self, rest: Any, _depth: int) -> Any:
        _check(type(rest) is list and len(rest) == 2 and all(map(_is_short, rest)), "function")
        return self._side.function(*rest)

    def _read_array(self, rest: Any, _depth: int) -> Any:
        return self._array("array", rest)

    def _read_tensor(self, rest: Any, _depth: int) -> Any:
        return self._array("tensor", rest)

    def _array(self, kind: str, rest: Any) -> Any:
        _check(type(rest) is dict, "array")
        offset, nbytes = self._span(rest, 5 if "layout" in rest else 4)
        dtype, shape, layout = rest.get("dtype"), rest.get("shape"), rest.get("layout", "")
        _check(layout in LAYOUTS, "layout")
        _check(type(dtype) is str and dtype in STORED and (kind == "tensor" or dtype != BFLOAT16), "dtype")
        _check(type(shape) is list and len(shape) <= 8, "shape")
        _check(all(type(n) is int and 0 <= n < 1 << 48 for n in shape), "shape")
        _check(math.prod(shape) * STORED[dtype].itemsize == nbytes, "shape")
        try:
            array: np.ndarray = np.ndarray(shape, STORED[dtype], self._body, offset)
        except ValueError:  # NumPy has limits of its own for empty arrays of absurd shape
            raise WireError("malformed shape") from None
        _check(dtype != "bool" or not array.size or array.view(np.uint8).max() <= 1, "bool")
        return self._side.array(kind, dtype, array, layout)

    def _span(self, rest: Any, fields: int) -> tuple[int, int]:
        _check(type(rest) is dict and len(rest) == fields, "span")
        offset, nbytes = rest.get("offset"), rest.get("nbytes")
        _check(type(offset) is int and type(nbytes) is int and nbytes >= 0, "span")
        _check(offset == self._place and offset + nbytes <= len(self._body), "span: the body is not tiled")
        self._place += nbytes
        return offset, nbytes


READERS: dict[str, Callable[[_Decoder, Any, int], Any]] = {
    "float": _Decoder._read_float,
    "list": _Decoder._read_list,
    "tuple": _Decoder._read_tuple,
    "dict": _Decoder._read_dict,
    "text": _Decoder._read_text,
    "numbers": _Decoder._read_numbers,
    "rng": _Decoder._read_rng,
    "function": _Decoder._read_function,
    "array": _Decoder._read_array,
    "tensor": _Decoder._read_tensor,
}


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise WireError(f"malformed {what}")


def _is_short(value: Any) -> bool:
    return type(value) is str and len(utf8(value)) <= SHORT


def _no_constant(name: str) -> None:
    raise WireError(f"malformed float: {name}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    node = dict(pairs)
    _check(len(node) == len(pairs), "object: a key stands twice")
    return node
