"""The results of a batch on disk: a folder for each submission, whose record is written last."""

from __future__ import annotations

from pathlib import Path

import msgspec

from grader.atomic import write_atomically
from grader.batch.model import RECORD_SCHEMA, Done, Record
from grader.codec import to_json
from grader.report import STAFF_MODE, write_all

RECORD = "record.json"
FILES = ("feedback.md", "feedback.html", "staff.json", "results.json")


def read_record(out: Path, folder: str) -> Record | None:
    """Return what is kept of a submission; None when there is nothing that can be read."""
    try:
        record = msgspec.json.decode((out / folder / RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None
    return record if record.schema == RECORD_SCHEMA else None


def write_done(out: Path, done: Done) -> None:
    """Write the files of a submission, and its record when they are all there; files of an earlier grading go.

    Raises OSError.
    """
    folder = out / done.record.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    halves = [path.name for path in folder.iterdir() if path.name.startswith(".")]  # of a grader that was killed
    for name in (*halves, *(name for name in FILES if name not in done.files)):
        (folder / name).unlink(missing_ok=True)
    write_all(done.files, folder)
    write_atomically(folder / RECORD, to_json(done.record), STAFF_MODE)
