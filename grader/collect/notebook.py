"""Reads notebooks: which code they hold, and the part of it that the wanted functions need."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from grader.collect.decoding import universal
from grader.collect.files import RefusedError
from grader.collect.limited import command, heard
from grader.collect.magics import without_cell_magic
from grader.collect.outline import Statement
from sandbox.base import Chunk

# A hostile notebook can make every statement depend on every name. Steps of the search, found anew or not.
MAX_DEMANDS = 200_000
DEADLINE_S = 60.0
GIVEN_UP = "could not be read within the limits of time and memory: clear the outputs of its cells and save it again"


class _Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    text: str


class Aside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cell that is never run although it seems to define a function."""

    kind: str
    text: str


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the limited child says of a notebook."""

    cells: tuple[_Code, ...] = ()
    asides: tuple[Aside, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell; `number` counts code cells from 1, `magic` is the cell magic that its code is the argument of."""

    number: int
    text: str
    magic: str = ""


def read_notebook(data: bytes) -> tuple[tuple[Cell, ...], tuple[Aside, ...]]:
    """Return the code cells that are not empty, transparent cell magics blanked so that line numbers stay; and asides.

    Raises RefusedError.
    """
    line, newline, _ = heard(command("cells"), DEADLINE_S, input=data).partition(b"\n")
    if not newline:
        raise RefusedError(GIVEN_UP)
    answer = msgspec.json.decode(line, type=_Answer)
    if answer.error:
        raise RefusedError(answer.error)
    cells = tuple(Cell(cell.number, *without_cell_magic(universal(cell.text))) for cell in answer.cells)
    return cells, answer.asides


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
