"""The student's own lines, numbered, with those marked at which their program stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grader.model import Excerpt, FunctionResult
from grader.quote import holds
from grader.report import escape, words
from grader.report.findings import Finding

_LONGEST = 240


class Line(NamedTuple):
    """One line of source: its number in the file or cell, its cleaned text, and whether an error points at it."""

    number: int
    text: str
    marked: bool


def numbered(excerpt: Excerpt, function: FunctionResult) -> list[Line]:
    """Return the lines of an excerpt; the one with `def` is where one looks anyway and is not marked."""
    first = excerpt.location
    places = {check.location for check in function.checks if check.location}
    marked = {place.line for place in places if (place.file, place.cell) == (first.file, first.cell)} - {first.line}
    return [
        # Each on its own: what makes a line look like two is shown as what it is.
        Line(number, escape.html(line[:_LONGEST], lines=2), number in marked)
        for number, line in enumerate(excerpt.text.split("\n"), first.line)
    ]


def placed(function: FunctionResult, findings: Sequence[Finding]) -> list[list[Excerpt]]:
    """Return the excerpts to show with each finding: each once, with the first finding that points into it."""
    shown: list[list[Excerpt]] = [[] for _ in findings]
    for excerpt in function.excerpts:
        fitting = (
            number for number, finding in enumerate(findings) if finding.location and holds(excerpt, finding.location)
        )
        if findings:
            shown[next(fitting, 0)].append(excerpt)
    return shown


def about(excerpt: Excerpt) -> str:
    """Return "layers.py, lines 8 to 30", and how many lines more there are."""
    last = excerpt.location.line + excerpt.text.count("\n")
    file = excerpt.location.file if excerpt.location.cell is None else words.place(excerpt.location).split(", line")[0]
    lines = f"line {last}" if last == excerpt.location.line else f"lines {excerpt.location.line} to {last}"
    return f"{file}, {lines}{f', {excerpt.left} more not shown' if excerpt.left else ''}"
