"""Hostile streams for the wire's tests: valid frames to start from, and mutations that know how a frame is built."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from sandbox.base import Function, Rng, Tensor
from sandbox.encoder import encode
from sandbox.values import HOST
from sandbox.wire import HEADER_CAP, MAGIC, PREFIX

NAME = "0123456789abcdef"  # stands for the id of the request, which a hostile box knows
STATUS = {"id": NAME, "status": "answer", "detail": "", "loading": False, "printed": ""}
MESSAGES: list[Any] = [
    {"id": NAME, "reply": "values", "value": np.arange(6.0).reshape(2, 3), "changed": ["x"]},
    {"id": NAME, "reply": "values", "value": ([1, 2.5, None, True], "x" * 300, list(range(20))), "changed": []},
    {"id": NAME, "reply": "values", "value": [np.ones((2, 2), bool), np.asfortranarray(np.eye(3))], "changed": []},
    {"id": NAME, "reply": "values", "value": Tensor(np.ones(3, np.float32), "bfloat16"), "changed": []},
    {"id": NAME, "reply": "values", "value": [Rng(3), Function("m", "f"), np.zeros((0, 5)), -math.inf], "changed": []},
    {
        "id": NAME,
        "reply": "raised",
        "error": "ValueError",
        "message": "bad",
        "frames": [("hw.py", 3, "f")],
        "loading": False,
    },
    {"id": NAME, "reply": "missing", "reason": "no f"},
    {"id": NAME, "reply": "refused", "reason": "a set"},
    {"id": NAME, "reply": "out of memory"},
]
STATUSES: list[Any] = [STATUS] + [
    STATUS | {"status": kind, "detail": "signal 9", "loading": True} for kind in ("timed out", "crashed", "refused")
]
# What a mutation puts in the place of a part: every kind of node, and the numbers at which checks change their mind.
NODES: list[Any] = [
    *(None, True, False, 0, 1, -1, 7, 8, 1 << 31, 1 << 47, 1 << 48, 1 << 63, -1 << 63, 1 << 64, 0.0, -0.0, 1e308),
    *("", "x", "nan", "-inf", "bool", "float64", "bfloat16", "object", "fortran", "tuple", "\ud800", "é" * 129, NAME),
    *({}, [], [[]], [0], [2, 3], [0, 1 << 47, 1 << 47], [1] * 9, {"list": []}, {"tuple": [1]}, {"dict": {"a": 1}}),
    *({"float": "nan"}, {"float": 1}, {"rng": 1}, {"rng": -1}, {"function": ["m", "\ud800"]}, {"a": 1, "b": 2}),
    *({"text": {"offset": 0, "nbytes": 1}}, {"numbers": {"kind": "list", "dtype": "int64", "offset": 0, "nbytes": 8}}),
    {"array": {"dtype": "float64", "shape": [2], "offset": 0, "nbytes": 16}},
    {"array": {"dtype": "bool", "shape": [], "offset": 0, "nbytes": 1}},
    {"tensor": {"dtype": "bfloat16", "shape": [1, 0], "layout": "strided", "offset": 0, "nbytes": 0}},
]


def packed(header: bytes, body: bytes) -> bytes:
    """Return a frame with the right lengths."""
    return PREFIX.pack(MAGIC, len(header), len(body)) + header + body


def told(value: Any) -> bytes:
    """Return the frame of a value."""
    return b"".join(encode(value, HOST, 1 << 20))


# Valid streams: single frames, and what a box answers to a request.
CORPUS = (*map(told, STATUSES + MESSAGES), *(told(STATUS) + told(message) for message in MESSAGES))


def cut(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers and bodies of the frames at the start of a stream, as far as its lengths are right."""
    frames, place = [], 0
    while place + PREFIX.size <= len(stream):
        magic, header, body = PREFIX.unpack_from(stream, place)
        place += PREFIX.size
        if magic != MAGIC or header > HEADER_CAP or place + header + body > len(stream):
            break
        frames.append((stream[place : place + header], stream[place + header : place + header + body]))
        place += header + body
    return frames


def mutated(stream: bytes, chance: random.Random) -> bytes:
    """Return the stream with one part of one frame changed and the lengths of that frame right again."""
    frames = cut(stream)
    if not frames:
        return chance.choice(CORPUS)
    number = chance.randrange(len(frames))
    header, body = frames[number]
    what = chance.randrange(8)
    if what < 4:
        header = mutated_header(header, chance)
    elif what == 4:
        header, body = mutated_array(chance)
    elif what == 5:
        body = mutated_bytes(body, chance)
    elif what == 6:
        frames.insert(number, cut(chance.choice(CORPUS))[0])
    else:
        del frames[number]
    if what < 6:
        frames[number] = header, body
    return b"".join(packed(*frame) for frame in frames)


def mutated_header(header: bytes, chance: random.Random) -> bytes:
    """Return the header with one node of its tree replaced, removed, doubled, wrapped or taken from elsewhere."""
    try:
        tree = [json.loads(header)]
    except (ValueError, RecursionError):
        return json.dumps(chance.choice(NODES)).encode()
    places = list(parts(tree))
    holder, key = chance.choice(places)
    other, its = chance.choice(places)
    what = chance.randrange(6)
    if what == 0 and isinstance(holder, list) and holder is not tree:
        holder.insert(key, copy.deepcopy(holder[key]))
    elif what == 1 and holder is not tree:
        del holder[key]
    elif what == 2 and isinstance(holder, dict):
        holder[chance.choice(["id", "reply", "layout", "offset", "tensor", "dict", "é" * 129])] = holder.pop(key)
    elif what == 3:
        for _ in range(chance.choice([1, 2, 40])):
            holder[key] = {chance.choice(["list", "tuple"]): [holder[key]]}
    elif what == 4:
        holder[key] = copy.deepcopy(other[its])
    else:
        holder[key] = copy.deepcopy(chance.choice(NODES))
    return json.dumps(tree[0], ensure_ascii=chance.random() < 0.9).encode("utf-8", "surrogatepass")


def parts(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the place of every node of a tree of lists and dicts: its holder and its key."""
    todo = [holder]
    while todo:
        one = todo.pop()
        for key in list(range(len(one))) if isinstance(one, list) else list(one):
            yield one, key
            if isinstance(one[key], (list, dict)):
                todo.append(one[key])


def mutated_array(chance: random.Random) -> tuple[bytes, bytes]:
    """Return an answer that holds an array whose fields nearly fit each other, and a body that nearly fits them."""
    dtype = chance.choice(["bool", "int8", "int64", "float16", "float64", "complex128", "bfloat16", "object"])
    shape = [chance.choice([0, 1, 2, 3, 1 << 40]) for _ in range(chance.randrange(10))]
    size = {"bool": 1, "int8": 1, "float16": 2, "bfloat16": 2, "complex128": 16}.get(dtype, 8)
    nbytes = math.prod(shape) * size + chance.choice([0, 0, 0, 0, 1, -1])
    fields: dict[str, Any] = {"dtype": dtype, "shape": shape, "offset": chance.choice([0, 0, 0, 1, -1])}
    if chance.random() < 0.3:
        fields["layout"] = chance.choice(["", "fortran", "strided", "c", 1])
    node = {chance.choice(["array", "tensor"]): fields | {"nbytes": nbytes}}
    answer = {"id": NAME, "reply": "values", "value": node, "changed": {"list": [chance.choice(["x", node])]}}
    body = bytes(chance.choice([0, 1, 7, 255]) for _ in range(min(max(nbytes, 0), 512)))
    return json.dumps({"dict": answer}).encode(), body


def mutated_bytes(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with some flipped, some cut off or some added."""
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed[: chance.randrange(len(changed) + 1)] if chance.random() < 0.3 else changed) + bytes(
        chance.choice([0, 0, 0, 1, 8])
    )
