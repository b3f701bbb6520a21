"""What was found where: the definitions that counted, by file, and the functions that were not found."""

from __future__ import annotations

from typing import NamedTuple

from grader.model import Location, Report
from grader.report.words import Status, count, status

_FILES = 8
_NAMES = 60


class Found(NamedTuple):
    """The functions of one file, each with its place in it; without a file, those that were found nowhere."""

    file: str
    functions: tuple[str, ...]


def found(report: Report) -> list[Found]:
    """Return what was found, the files in the order of the functions, and what was not; nothing if nothing was."""
    files: dict[str, list[str]] = {}
    for function in report.functions:
        if function.location:
            files.setdefault(function.location.file, []).append(f"{function.name} ({_inside(function.location)})")
    missing = [f.name for f in report.functions if not f.location and status(f) is Status.MISSING]
    rows = [Found(file, _few(names)) for file, names in [*files.items()][:_FILES]]
    if more := sum(map(len, files.values())) - sum(len(names) for names in [*files.values()][:_FILES]):
        rows.append(Found(count(len(files) - _FILES, "more file"), (count(more, "function"),)))
    return [*rows, Found("", _few(missing))] if rows and missing else rows


def _few(names: list[str]) -> tuple[str, ...]:
    """Return the names, as many as anybody reads."""
    return (*names[:_NAMES], f"{len(names) - _NAMES} more") if len(names) > _NAMES else tuple(names)


def _inside(location: Location) -> str:
    return f"line {location.line}" if location.cell is None else f"cell {location.cell}"
