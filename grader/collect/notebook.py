"""Reads notebooks: which code they hold, and the part of it that the wanted functions need."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from grader.collect.decoding import decode_utf8, universal
from grader.collect.files import RefusedError, mebibytes
from grader.collect.magics import without_cell_magic
from grader.collect.outline import Statement
from sandbox.base import Chunk

MAX_CODE_BYTES = 1 << 20
# A hostile notebook can make every statement depend on every name. Steps of the search, found anew or not.
MAX_DEMANDS = 200_000
# Python writes NaN and Infinity into outputs although JSON has no such numbers.
# The closing quote is optional so that a string without one is passed over once, not once for each quote in it.
STRING_OR_NAN = re.compile(rb'("(?:[^"\\]|\\.)*+"?)|-?(?:NaN|Infinity)', re.DOTALL)


class _Kernel(msgspec.Struct):
    language: str = ""


class _Language(msgspec.Struct):
    name: str = ""


class _Metadata(msgspec.Struct):
    kernelspec: _Kernel | None = None
    language_info: _Language | None = None


class _Cell(msgspec.Struct):
    """A cell of any format version: the code was called `input` before version 4."""

    cell_type: str
    source: str | list[str] = ""
    input: str | list[str] = ""


class _Worksheet(msgspec.Struct):
    cells: list[_Cell] = []


class _Notebook(msgspec.Struct):
    """What is read of a notebook; decoding skips the rest, so outputs cost no memory."""

    nbformat: int
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    cells: list[_Cell] = []
    worksheets: list[_Worksheet] = []

    @property
    def language(self) -> str:
        """The language that the notebook says it is written in, or nothing."""
        kernel, info = self.metadata.kernelspec, self.metadata.language_info
        return (info.name if info else "") or (kernel.language if kernel else "")


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell; `number` counts code cells from 1, `magic` is the cell magic that its code is the argument of."""

    number: int
    text: str
    magic: str = ""


def read_notebook(data: bytes) -> tuple[Cell, ...]:
    """Return the code cells that are not empty, transparent cell magics blanked so that line numbers stay."""
    notebook = decoded(data)
    if notebook.language and "python" not in notebook.language.lower():
        raise RefusedError(f"is a notebook in {notebook.language[:40]}: only Python is graded")
    cells = notebook.cells + [cell for sheet in notebook.worksheets for cell in sheet.cells]
    code = [universal("".join(cell.source or cell.input)) for cell in cells if cell.cell_type == "code"]
    if sum(map(len, code)) > MAX_CODE_BYTES:
        raise RefusedError(f"holds more than {mebibytes(MAX_CODE_BYTES)} of code and was not read")
    return tuple(Cell(number, *without_cell_magic(text)) for number, text in enumerate(code, start=1) if text.strip())


def decoded(data: bytes) -> _Notebook:
    """Decode a notebook file, also one that is not strictly JSON, as Jupyter's own parser does."""
    plain = decode_utf8(data).encode()
    try:
        try:
            return msgspec.json.decode(plain, type=_Notebook)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return msgspec.json.decode(STRING_OR_NAN.sub(repaired, plain), type=_Notebook)
    except RecursionError:
        raise RefusedError("is not a notebook: its JSON is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise RefusedError(f"is not a readable notebook ({error}): open it in Jupyter and save it again") from None


def repaired(found: re.Match[bytes]) -> bytes:
    """Return null for a number that is not JSON, and a string with its halves of surrogate pairs replaced."""
    string = found[1]
    if string is None:
        return b"null"
    if b"\\ud" not in string.lower():
        return string
    try:
        text: str = json.loads(string)
    except ValueError:
        return string
    return msgspec.json.encode(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


@dataclass(frozen=True, slots=True)
class Step:
    """A top-level statement of a notebook: `functions` are the wanted functions it defines."""

    cell: int
    statement: Statement
    functions: frozenset[str]


def needed_chunks(file: str, steps: Sequence[Step], wanted: Collection[str]) -> tuple[Chunk, ...]:
    """Return the statements that the wanted functions need, in the order of the notebook."""
    kept = needed(steps, frozenset(wanted))
    return tuple(
        Chunk(f"{file}#cell-{step.cell}", step.statement.line, step.statement.text)
        for number, step in enumerate(steps)
        if number in kept or step.statement.role == "future"
    )


def needed(steps: Sequence[Step], wanted: frozenset[str]) -> set[int]:
    """Return the numbers of the statements whose effect the wanted functions can see.

    A demand is a name and the moment its value is needed: before a statement that runs while the notebook loads, or
    at the end, when functions are called. It is met by the last statement before that moment which binds the name,
    and, if that one only changes or may not reach it (`x += 1`, `x[0] = 1`, `if ...: x = 1`), the one before as well.
    """
    binders: dict[str, list[int]] = {}
    for number, step in enumerate(steps):
        for name in step.statement.binds:
            # A wanted function stays a function: `momentum = 0.9` further down is an experiment.
            if name not in wanted or name in step.functions or name not in step.statement.fresh:
                binders.setdefault(name, []).append(number)
    stars = [number for number, step in enumerate(steps) if step.statement.role == "star"]
    end = len(steps)
    kept: set[int] = set()
    todo = [(name, end) for name in sorted(wanted)]
    seen = set(todo)
    count = 0
    while todo:
        name, moment = todo.pop()
        for number in met_by(binders.get(name), moment, stars):
            kept.add(number)
            for demand in demands(steps[number].statement, name, number, moment):
                if demand not in seen:
                    seen.add(demand)
                    todo.append(demand)
                count += 1
            if count > MAX_DEMANDS:
                raise RefusedError("is too entangled to be read: move the functions to a file of their own")
    return kept


def met_by(binders: Sequence[int] | None, moment: int, stars: Sequence[int]) -> Sequence[int]:
    """Return the statement that gives a name its value at the moment; names from nowhere may come from `import *`."""
    if not binders:
        return stars
    before = bisect_left(binders, moment)
    # Nothing before it: the cells were run in another order. The last value is the best guess.
    return (binders[before - 1],)


def demands(statement: Statement, name: str, number: int, moment: int) -> Iterator[tuple[str, int]]:
    """Yield what a kept statement needs: at once, when called, and for what it does not replace."""
    for load in statement.loads:
        yield load, number
    for load in statement.later:
        yield load, moment
    if name not in statement.fresh:
        yield name, number
