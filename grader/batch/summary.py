"""What a batch says when it is done: how many of each kind, what needs a look, and where everything is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from grader.batch.find import CLASS_PAGE, GRADEBOOK_CSV
from grader.batch.model import Entry, Record
from grader.batch.order import Outcome
from grader.report.escape import terminal

LISTED, LINE = 20, 200


def say(outcome: Outcome, out: Path) -> None:
    """Print the summary on stdout; names and reasons come from submissions, and are cut and cleaned."""
    for line in lines(outcome, out):
        click.echo(line)


def lines(outcome: Outcome, out: Path) -> Iterator[str]:
    """Yield the lines of the summary."""
    states = Counter(record.state for record in outcome.records)
    new = len(outcome.records) - outcome.reused
    yield f"{len(outcome.records)} submissions: {new} graded now, {outcome.reused} known from before."
    if states["refused"]:
        refused = [record for record in outcome.records if record.state == "refused"]
        yield from _listed(f"{len(refused)} could not be read:", refused)
    if outcome.faults:
        yield from _listed(f"{len(outcome.faults)} not fully graded, by our own fault:", outcome.faults)
        yield "  The same command tries these again."
    absent = [entry for entry in outcome.book.entries if entry.state == "missing"]
    if absent:
        yield from _people(f"{len(absent)} on the roster handed in nothing:", absent)
    if outcome.has_roster:
        known = {entry.folder for entry in outcome.book.entries if entry.student != entry.folder}
        strangers = [record for record in outcome.records if record.folder not in known]
        if strangers:
            yield from _listed(f"{len(strangers)} of nobody on the roster:", strangers)
    late = sum(entry.late for entry in outcome.book.entries)
    if late:
        yield f"{late} handed in late."
    if outcome.others:
        names = ", ".join(terminal(name, 40) for name in outcome.others[:LISTED])
        more = f" and {len(outcome.others) - LISTED} more" if len(outcome.others) > LISTED else ""
        yield f"Left alone, since they are no submissions: {names}{more}."
    yield f"Grades: {out / GRADEBOOK_CSV}. The class: {out / CLASS_PAGE}"


def _listed(title: str, records: Sequence[Record]) -> Iterator[str]:
    yield title
    for record in records[:LISTED]:
        note = f": {terminal(record.note, LINE)}" if record.note else ""
        yield f"  {terminal(record.name, 80)}{note}"
    if len(records) > LISTED:
        yield f"  and {len(records) - LISTED} more, see the column note"


def _people(title: str, entries: Sequence[Entry]) -> Iterator[str]:
    names = ", ".join(terminal(entry.student, 40) for entry in entries[:LISTED])
    more = f" and {len(entries) - LISTED} more" if len(entries) > LISTED else ""
    yield f"{title} {names}{more}."
