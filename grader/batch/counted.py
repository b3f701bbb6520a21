"""What counts in a batch's gradebook, for the places that a grade goes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from grader.batch.find import GRADEBOOK
from grader.batch.gradebook import Gradebook
from grader.batch.model import GRADEBOOK_SCHEMA, Entry
from grader.codec import ResultsError, decode
from grader.model import Report


def read_gradebook(folder: Path) -> Gradebook | None:
    """Return the gradebook of a batch's results; None for a folder without one. Raises ResultsError."""
    path = folder / GRADEBOOK
    try:
        book = msgspec.json.decode(path.read_bytes(), type=Gradebook)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    if book.schema != GRADEBOOK_SCHEMA:
        raise ResultsError(f"{path} has the schema {book.schema[:80]!r}; this grader reads {GRADEBOOK_SCHEMA!r}")
    return book


def counted_reports(folder: Path, book: Gradebook, by_email: bool = False) -> Iterator[tuple[Entry, Report | None]]:
    """Yield every student's line that counts, with its results under the student's id, or e-mail address.

    None stands for a student without results: nothing was handed in, it could not be read, or a fault of ours.
    Raises ResultsError.
    """
    for entry in book.entries:
        if not entry.counts:
            continue
        path = folder / entry.folder / "results.json"
        if not entry.folder or not path.exists():
            yield entry, None
            continue
        try:
            report = decode(path.read_bytes())
        except (OSError, ResultsError) as error:
            raise ResultsError(f"{path}: {error}") from error
        name = (by_email and entry.email) or entry.student
        yield entry, replace(report, submission=replace(report.submission, name=name))
