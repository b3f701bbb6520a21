"""roster.csv: who the hand-ins are of."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from grader.batch.find import BatchError, HandIn

COLUMNS = {"id", "name", "email", "submission", "submitted"}
MAX_BYTES = 10 << 20
SEPARATOR = re.compile(r"[\W_]")


@dataclass(frozen=True, slots=True)
class Person:
    """A line of the roster: `submission` is a name or a pattern with * and ?, `submitted` overrules the files' times.

    Without a submission, hand-ins are theirs that are called like the id or the e-mail address, or begin with the id
    and go on with another character than a letter or digit.
    """

    id: str
    name: str = ""
    email: str = ""
    submission: str = ""
    submitted: datetime | None = None


def read_roster(path: Path) -> list[Person]:
    """Read a CSV file with a header: id, and any of name, email, submission, submitted. Raises BatchError."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8-sig")
        delimiter = ";" if text.partition("\n")[0].count(";") else ","
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = [name.strip().lower() for name in rows.fieldnames or []]
        rows.fieldnames = header
        lines = list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = error.strerror if isinstance(error, OSError) else f"is no CSV file in UTF-8 ({error})"
        raise BatchError(f"the roster {path}: {said}.") from error
    if "id" not in header:
        raise BatchError(f"the roster {path} needs a column id; it may have {', '.join(sorted(COLUMNS - {'id'}))}.")
    return [_person(path, number, line) for number, line in enumerate(lines, 2) if (line.get("id") or "").strip()]


def owners(people: Sequence[Person], hand_ins: Sequence[HandIn]) -> Mapping[str, Person]:
    """Return whose each hand-in is, by its folder; those of nobody on the roster are left out.

    A name or pattern in the roster counts more than a name that is like an id, and a longer id more than a shorter.
    Raises BatchError when two people of the roster would own one hand-in.
    """
    found: dict[str, Person] = {}
    for hand_in in hand_ins:
        names = (hand_in.name, hand_in.folder)
        ranked = [(_claim(person, names), person) for person in people]
        best = max((claim for claim, _ in ranked), default=0)
        claimants = {person.id: person for claim, person in ranked if claim == best and best}
        if len(claimants) > 1:
            first, second, *_ = claimants
            raise BatchError(f"the roster gives {hand_in.name} to both {first} and {second}: name it in one line only.")
        if claimants:
            found[hand_in.folder] = next(iter(claimants.values()))
    return found


def _claim(person: Person, names: Sequence[str]) -> int:
    """Return how strongly a hand-in of these names is a person's; 0 when it is not."""
    if person.submission:
        exact, pattern = 20_000, 10_000
        if person.submission in names:
            return exact
        return pattern if any(fnmatchcase(name, person.submission) for name in names) else 0
    for name in names:
        if name in (person.id, person.email):
            return 9_000
    begins = any(name.startswith(person.id) and SEPARATOR.match(name[len(person.id) :]) for name in names)
    return min(len(person.id), 8_000) if begins else 0


def _person(path: Path, number: int, line: Mapping[str, str | None]) -> Person:
    said = {name: (line.get(name) or "").strip() for name in COLUMNS}
    return Person(
        said["id"],
        said["name"],
        said["email"],
        said["submission"],
        moment(said["submitted"], f"the roster {path}, line {number}") if said["submitted"] else None,
    )


def moment(text: str, where: str) -> datetime:
    """Read an ISO 8601 date and time; without an offset from UTC it is local. Raises BatchError."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise BatchError(f"{where}: {text[:40]!r} is no time such as 2026-12-01T23:59 or with +01:00.") from error
