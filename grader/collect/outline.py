"""What the parsing child says about each source: the host's side of parse.py."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from grader.collect.limited import command, heard

DEADLINE_S = 60.0
# Each source that kills a child costs a new start and up to ten CPU seconds.
MAX_CRASHES = 8

Kind: TypeAlias = Literal["def", "alias", "call", "value", "async", "class", "method"]


@dataclass(frozen=True, slots=True)
class Text:
    """Source to parse, in several versions of which the first that is Python counts: a file, or a notebook's cell."""

    texts: tuple[str, ...]
    cell: bool = False


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A definition: `start` to `end` are its lines with decorators, `line` the one with its name.

    `owner` is the class of a method; `statement` is the number of the top-level statement that it is in; a `stub`
    has no code of the student's.
    """

    name: str
    kind: Kind
    owner: str
    line: int
    start: int
    end: int
    statement: int
    stub: bool


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A top-level statement of a cell. It loads `loads` when it runs and `later` when what it defines is called.

    `binds` are the names it gives a value or changes in place; of these, `fresh` get a wholly new value.
    """

    line: int
    text: str = ""
    role: Literal["", "future", "star"] = ""
    binds: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


class Outline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one source defines, or the error that keeps it from being loaded, with its line (0: no line to name).

    `level` is the number of dots of its furthest relative import.
    """

    names: tuple[Name, ...] = ()
    statements: tuple[Statement, ...] = ()
    level: int = 0
    error: str = ""
    line: int = 0


CRASHED = Outline(error="it is nested too deeply or too large to be parsed")
LATE = Outline(error="parsing the submission took too long")


def outlines(sources: Sequence[Text], wanted: Collection[str]) -> tuple[Outline, ...]:
    """Parse the sources in a child process; a source that kills the child costs only itself."""
    deadline = time.monotonic() + DEADLINE_S
    answers: list[Outline] = []
    crashes = 0
    while len(answers) < len(sources):
        remaining = deadline - time.monotonic()
        if remaining <= 0 or crashes > MAX_CRASHES:
            answers.append(LATE)
            continue
        answers += run_child(sources[len(answers) :], wanted, remaining)
        if len(answers) < len(sources):
            answers.append(CRASHED)
            crashes += 1
    return tuple(answers)


def run_child(sources: Sequence[Text], wanted: Collection[str], timeout_s: float) -> list[Outline]:
    """Return the child's answers, as many as it gave before it ended."""
    request = msgspec.json.Encoder().encode_lines([list(wanted), *sources])
    lines = heard(command("parse"), timeout_s, input=request).split(b"\n")
    # Every answer ends with a newline; what follows the last one was cut off.
    return [msgspec.json.decode(line, type=Outline) for line in lines[:-1]]
