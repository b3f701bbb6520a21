"""The gradebook of a class: a line for each hand-in, of which one counts for each student, and for who has none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from grader.batch.model import GRADEBOOK_SCHEMA, Entry, Record
from grader.batch.roster import Person
from grader.codec import to_json
from grader.export.grades import table
from grader.report.escape import cell
from grader.report.words import points

HEADER = ("student", "name", "email", "submission", "state", "points", "max_points")
FOOTER = ("submitted", "late", "counts", "note")
NOTHING_HANDED_IN = "nothing was handed in"


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts: nothing is late without `late_after`, and of repeated hand-ins the last counts, or the best."""

    late_after: datetime | None = None
    best: bool = False


@dataclass(frozen=True, slots=True)
class Gradebook:
    """What gradebook.json says: the functions in their order, and the entries by student and time."""

    schema: str
    title: str
    functions: tuple[str, ...]
    entries: tuple[Entry, ...]


def gradebook(
    title: str,
    functions: Sequence[str],
    records: Iterable[Record],
    submitted: Mapping[str, datetime],
    owners: Mapping[str, Person],
    people: Sequence[Person],
    terms: Terms,
) -> Gradebook:
    """Return the gradebook; `submitted` and `owners` are by the folder of the record."""
    by_student: dict[str, list[Entry]] = defaultdict(list)
    for record in records:
        entry = _entry(record, submitted[record.folder], owners.get(record.folder), terms)
        by_student[entry.student].append(entry)
    for person in people:
        if person.id not in by_student:
            absent = Entry(
                person.id, person.name, person.email, "", "", "missing", None, 0, (), "", False, True, NOTHING_HANDED_IN
            )
            by_student[person.id].append(absent)
    entries = [entry for student in sorted(by_student) for entry in _counted(by_student[student], terms)]
    return Gradebook(GRADEBOOK_SCHEMA, title, tuple(functions), tuple(entries))


def files(book: Gradebook) -> dict[str, bytes]:
    """Return gradebook.csv and gradebook.json by name; what was not scored has an empty cell, never a zero."""
    header = (*HEADER, *book.functions, *FOOTER)
    return {
        "gradebook.csv": table([header, *(_row(book, entry) for entry in book.entries)]),
        "gradebook.json": to_json(book),
    }


def _entry(record: Record, submitted: datetime, owner: Person | None, terms: Terms) -> Entry:
    submitted = ((owner and owner.submitted) or submitted).astimezone(UTC)
    return Entry(
        owner.id if owner else record.folder,
        owner.name if owner else "",
        owner.email if owner else "",
        record.name,
        record.folder,
        record.state,
        record.hundredths,
        record.max_hundredths,
        tuple((function.name, function.hundredths) for function in record.functions),
        submitted.isoformat(timespec="seconds"),
        terms.late_after is not None and submitted > terms.late_after,
        False,
        record.note,
    )


def _counted(entries: Sequence[Entry], terms: Terms) -> list[Entry]:
    """Mark the one that counts: in time before late, what could be read before what was refused, then as the terms say.

    A hand-in that a fault of ours left without points counts like any other: an earlier one would be a wrong grade.
    """
    ordered = sorted(entries, key=lambda entry: (entry.submitted, entry.name))

    def rank(position: int) -> tuple[int, ...]:
        entry = ordered[position]
        scored = -1 if entry.hundredths is None else entry.hundredths
        merit = (scored, -position) if terms.best else (position,)
        return (entry.state != "refused", not entry.late, *merit)

    chosen = max(range(len(ordered)), key=rank)
    return [replace(entry, counts=position == chosen) for position, entry in enumerate(ordered)]


def _row(book: Gradebook, entry: Entry) -> tuple[str, ...]:
    scores = dict(entry.functions)
    return (
        *(cell(text) for text in (entry.student, entry.person, entry.email, entry.name)),
        entry.state,
        _points(entry.hundredths),
        points(entry.max_hundredths) if entry.max_hundredths else "",
        *(_points(scores.get(name)) for name in book.functions),
        entry.submitted,
        "yes" if entry.late else "",
        "yes" if entry.counts else "",
        cell(entry.note),
    )


def _points(hundredths: int | None) -> str:
    return "" if hundredths is None else points(hundredths)
