"""A coverage-guided fuzzer of the host's half of the wire: `python -m tests.fuzz.fuzz_wire decode|session [OPTION]...`

`decode` cuts a stream into frames and decodes them: nothing but WireError may be raised, and what is accepted must
survive another trip. `session` plays the stream to a StreamSession as the answers of a box: `call` must answer with a
Reply. Options are libFuzzer's, such as -max_total_time=600, -timeout=5 and the folder of a corpus.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import Any, get_args

import atheris

with atheris.instrument_imports(include=["sandbox"]):
    from sandbox.base import Reply, SandboxUnavailable
    from sandbox.decoder import decode
    from sandbox.encoder import encode
    from sandbox.values import HOST
    from sandbox.wire import Reader, WireError
    from tests.fuzz.frames import CORPUS, NAME, mutated
    from tests.sandbox.test_session import CALL, session
    from tests.sandbox.test_wire import same

CAP = 1 << 20
REPLIES = get_args(Reply)


def fuzz_decode(data: bytes) -> None:
    """Cut the stream, split where its first byte says, into frames, and decode each."""
    step, place = 1 + data[0] % 64 if data else 1, 1
    reader = Reader(CAP)
    while place < len(data):
        room = reader.room()
        count = min(len(room), step, len(data) - place)
        room[:count] = data[place : place + count]
        reader.filled(count)
        place += count
        try:
            values = list(taken(reader))
        except WireError:
            return
        for value in values:
            reread = Reader(CAP)
            again = b"".join(encode(value, HOST, CAP))
            reread.room()[: len(again)] = again
            reread.filled(len(again))
            assert same(value, next(taken(reread)))


def taken(reader: Reader) -> Iterator[Any]:
    """Yield the values of the frames that are whole."""
    while (frame := reader.take()) is not None:
        yield decode(frame, HOST)


def fuzz_session(data: bytes) -> None:
    """Answer two calls, the second one by what the first one left or by the same stream again."""
    made = session(lambda name: data[1:].replace(NAME.encode(), name.encode()))
    for _ in range(2):
        try:
            reply = made.call(CALL, 1.0)
        except SandboxUnavailable:
            return
        assert type(reply) in REPLIES


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change the stream as a frame, or as mere bytes."""
    chance = random.Random(seed)
    head, stream = data[:1] or b"\0", data[1:]
    if chance.random() < 0.3:
        return bytes(atheris.Mutate(data, max_size))
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        stream = mutated(stream, chance)
    return (head + stream)[:max_size]


def main() -> None:
    """Run the target that the command line names."""
    target = {"decode": fuzz_decode, "session": fuzz_session}[sys.argv.pop(1)]
    for stream in CORPUS:
        target(b"\x3f" + stream)
    atheris.Setup(sys.argv, target, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
