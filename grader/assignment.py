"""assignment.toml -> Assignment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from grader.model import Aspect, Assignment, Band, Detail, Disclosure, GradedFunction, Visibility

# Shares of the points, from 515 real solutions: most are right in their values and wrong in one demand.
DEFAULT_SHARES: Mapping[Aspect, int] = {
    Aspect.VALUES: 55,
    Aspect.GRADIENT: 25,
    Aspect.STABILITY: 5,
    Aspect.EDGE: 5,
    Aspect.DTYPE: 3,
    Aspect.PURITY: 2,
    Aspect.SPEED: 5,
}

# More titles than this make no headline.
JOINED_TITLES = 2


class AssignmentError(Exception):
    """An assignment that cannot be graded as asked; the message is one line that says what to do."""


class _Visibility(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    default: Visibility = "hidden"
    detail: Detail = "full"
    due: Any = None
    functions: dict[str, Visibility] = {}
    cases: dict[str, dict[str, Visibility]] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    points: dict[str, float]
    deadline_s: float = 5.0
    aspects: dict[Aspect, int] = {}
    speed: dict[str, Band] = {}
    visibility: _Visibility = _Visibility()


def assignment_names(root: Path) -> list[str]:
    """Return the names of a course's assignments, sorted."""
    return sorted(path.parent.name for path in (root / "assignments").glob("*/assignment.toml"))


def load_assignment(root: Path, names: Sequence[str]) -> Assignment:
    """Load and join the named assignments; raises AssignmentError for an unknown name or a file that is wrong."""
    known = assignment_names(root)
    for name in names:
        if name not in known:
            raise AssignmentError(f"No assignment {name!r}; there are: {', '.join(known) or 'none'}.")
    files = [(name, _read(root / "assignments" / name / "assignment.toml")) for name in names]
    functions = tuple(function for _, file in files for function in _functions(file))
    seen = [function.name for function in functions]
    if twice := sorted({name for name in seen if seen.count(name) > 1}):
        raise AssignmentError(f"{twice[0]} is graded by two of the assignments {', '.join(names)}: give one of them.")
    titles = [file.title for _, file in files]
    title = " + ".join(titles) if len(titles) <= JOINED_TITLES else f"{len(titles)} assignments"
    return Assignment(tuple(names), title, functions)


def only(assignment: Assignment, names: Iterable[str]) -> Assignment:
    """Keep only the named functions; raises AssignmentError for a name that the assignment does not have."""
    wanted = list(names)
    known = [function.name for function in assignment.functions]
    for name in wanted:
        if name not in known:
            raise AssignmentError(f"No function {name!r} in this assignment; there are: {', '.join(known)}.")
    return replace(assignment, functions=tuple(f for f in assignment.functions if f.name in wanted))


def _read(path: Path) -> _File:
    try:
        file = msgspec.toml.decode(path.read_bytes(), type=_File)
    except (msgspec.MsgspecError, OSError, ValueError) as error:
        raise AssignmentError(f"{path}: {error}") from error
    if not file.points:
        raise AssignmentError(f"{path}: [points] is empty; give each function its points.")
    for name, points in file.points.items():
        if not (0 < points <= 10_000) or abs(points * 100 - round(points * 100)) > 1e-6:
            raise AssignmentError(f"{path}: points of {name} must be above 0 with at most two decimals, not {points}.")
    if not (0 < file.deadline_s <= 600):
        raise AssignmentError(f"{path}: deadline_s must be above 0 and at most 600 seconds.")
    if any(share < 0 for share in file.aspects.values()):
        raise AssignmentError(f"{path}: the shares under [aspects] must not be negative.")
    for name, band in file.speed.items():
        if name not in file.points:
            raise AssignmentError(f"{path}: [speed] names {name}, which has no points.")
        if not 1 <= band.full < band.none:
            raise AssignmentError(
                f"{path}: the band of {name} needs 1 <= full < none, not {band.full} and {band.none}."
            )
    _check_visibility(path, file)
    return file


def _check_visibility(path: Path, file: _File) -> None:
    asked = file.visibility
    for name in (*asked.functions, *asked.cases):
        if name not in file.points:
            raise AssignmentError(f"{path}: [visibility] names {name}, which has no points.")
    if asked.due is not None and not (isinstance(asked.due, datetime) and asked.due.tzinfo):
        raise AssignmentError(
            f"{path}: due needs a time and an offset from UTC, such as 2026-12-01T23:59:00+01:00, not {asked.due}."
        )
    used = [asked.default, *asked.functions.values(), *(v for cases in asked.cases.values() for v in cases.values())]
    if asked.due is None and "after_due_date" in used:
        raise AssignmentError(f"{path}: [visibility] says after_due_date and has no due; add one.")


def _functions(file: _File) -> list[GradedFunction]:
    shares = {**DEFAULT_SHARES, **file.aspects}
    return [
        GradedFunction(
            name, round(points * 100), shares, file.deadline_s, file.speed.get(name), _disclosure(file, name)
        )
        for name, points in file.points.items()
    ]


def _disclosure(file: _File, name: str) -> Disclosure:
    asked = file.visibility
    return Disclosure(asked.default, asked.functions.get(name), asked.cases.get(name, {}), asked.detail, asked.due)
