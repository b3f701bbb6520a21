"""gradebook.csv for Canvas: the teacher's own export with one column filled, and every other byte as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.export.errors import ExportError
from grader.export.students import by_student
from grader.model import Report
from grader.report import words
from grader.report.escape import terminal

BOM = "\ufeff"
# Canvas looks for a student in this order.
IDENTITIES = ("ID", "SIS User ID", "SIS Login ID")
EXCUSED = "EX"
_DELIMITERS = (",", ";")
_NUMBERED = re.compile(r"(.*) \((\d+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell as it stands in the file, quotes included."""

    start: int
    raw: str

    @property
    def text(self) -> str:
        return (self.raw[1:-1].replace('""', '"') if self.raw.startswith('"') else self.raw).strip()


_Row = list[_Cell]


def ready(gradebook: bytes, column: str) -> None:
    """Raise ExportError unless it is said what to fill."""
    if not gradebook or not column:
        raise ExportError("canvas needs `grader export` with your gradebook: --gradebook FILE --column TITLE.")


def files(reports: Sequence[Report], gradebook: bytes, column: str, student: str) -> Mapping[str, bytes]:
    """Return gradebook.csv; who is not fully graded keeps what the cell held. Raises ExportError."""
    ready(gradebook, column)
    if len(maxima := {report.max_hundredths for report in reports}) != 1:
        raise ExportError("canvas takes results of one assignment: these have different maxima, or there are none.")
    found = by_student(reports, student)
    graded = {key: each.hundredths or 0 for key, each in found.items() if each.outcome == "graded"}
    return {"gradebook.csv": fill(gradebook, column, graded, maxima.pop())}


def fill(gradebook: bytes, column: str, hundredths: Mapping[str, int], maximum: int) -> bytes:
    """Return the gradebook with the points of each student in the column, and everything else byte for byte.

    Students go by Canvas ID, SIS user ID or SIS login ID; the column by its title, with or without the number that
    Canvas adds, or by this number. Excused students stay excused. Raises ExportError for what is not there, is there
    twice, or has another maximum.
    """
    text = gradebook.decode("utf-8", "surrogateescape")
    header, *rows = _table(text)
    position = _column(header, column)
    split = _points_row(rows)
    _check_column(rows[split], position, column, maximum)
    changes: dict[int, tuple[_Cell, str]] = {}
    for key, points in hundredths.items():
        row = _student(header, rows[split + 1 :], key)
        if position >= len(row):
            raise ExportError(
                f"The row of {terminal(key, 80)!r} has no cell in {column!r}: export the gradebook again."
            )
        if (cell := row[position]).start in changes:
            raise ExportError(f"Two of the results are of the row of {terminal(key, 80)!r}: keep one.")
        if cell.text != EXCUSED:
            shown = words.points(points)
            changes[cell.start] = (cell, f'"{shown}"' if cell.raw.startswith('"') else shown)
    return "".join(_changed(text, changes)).encode("utf-8", "surrogateescape")


def _changed(text: str, changes: Mapping[int, tuple[_Cell, str]]) -> Iterator[str]:
    end = 0
    for start, (cell, new) in sorted(changes.items()):
        yield text[end:start] + new
        end = start + len(cell.raw)
    yield text[end:]


def _table(text: str) -> list[_Row]:
    """Return the cells of every row; the delimiter is the one that makes the header Canvas's own."""
    for delimiter in _DELIMITERS:
        rows = list(_rows(text, delimiter))
        if rows and any(cell.text == "ID" for cell in rows[0]):
            return rows
    raise ExportError("This is no gradebook of Canvas: its first line has no column ID. Export it again.")


def _rows(text: str, delimiter: str) -> Iterator[_Row]:
    pattern = re.compile(rf'("(?:[^"]|"")*"|(?!")[^{delimiter}\r\n]*)({delimiter}|\r\n|\n|\r|\Z)')
    position, row = len(BOM) if text.startswith(BOM) else 0, _Row()
    while position < len(text) or row:
        match = pattern.match(text, position)
        if match is None:
            line = text.count("\n", 0, position) + 1
            raise ExportError(f"The gradebook is no CSV: line {line} has a quote that does not fit.")
        row.append(_Cell(position, match[1]))
        position = match.end()
        if match[2] != delimiter:
            yield row
            row = _Row()


def _column(header: _Row, column: str) -> int:
    wanted = column.strip()
    names = [cell.text for cell in header]
    matches = [i for i, name in enumerate(names) if name == wanted] or [
        i for i, name in enumerate(names) if (numbered := _NUMBERED.fullmatch(name)) and wanted in numbered.groups()
    ]
    if len(matches) != 1:
        said = "is not in the gradebook" if not matches else "is there more than once: give its number"
        raise ExportError(f"The column {wanted!r} {said}; its columns are: {', '.join(names)}.")
    return matches[0]


def _points_row(rows: Sequence[_Row]) -> int:
    for position, row in enumerate(rows):
        if "Points Possible" in row[0].text:
            return position
    raise ExportError("The gradebook has no row Points Possible: export the whole gradebook again.")


def _check_column(row: _Row, position: int, column: str, maximum: int) -> None:
    possible = row[position].text if position < len(row) else ""
    if "read only" in possible.lower():
        raise ExportError(f"The column {column!r} is read only: Canvas computes it. Choose an assignment's column.")
    try:
        agrees = round(float(possible.replace(",", ".")) * 100) == maximum
    except (ValueError, OverflowError):
        agrees = False
    if not agrees:
        out_of = words.whole(maximum)
        raise ExportError(
            f"The column {column!r} has {possible or 'no'} points possible, and the results are out of {out_of}: "
            f"set the assignment to {out_of} points in Canvas and export the gradebook again."
        )


def _student(header: _Row, rows: Iterable[_Row], key: str) -> _Row:
    rows = list(rows)
    names = [cell.text for cell in header]
    for identity in IDENTITIES:
        if identity in names and key:
            place = names.index(identity)
            matches = [row for row in rows if place < len(row) and row[place].text == key]
            if len(matches) > 1:
                raise ExportError(f"{len(matches)} rows of the gradebook have the {identity} {key!r}: fix the file.")
            if matches:
                return matches[0]
    raise ExportError(
        f"No student {terminal(key, 80)!r} in the gradebook: give the ID, SIS user ID or SIS login ID with --student."
    )
