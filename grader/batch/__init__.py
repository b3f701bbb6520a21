"""A whole class: every submission of a folder graded, kept as soon as it is known, and summed up.

Whoever runs the same command again goes on where it ended: a submission is graded anew only when it, the course, the
engine or the options have changed, or when a fault of ours kept it from being fully graded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from grader.batch.find import HaltedError, HandIn, parcel
from grader.batch.keys import course_digest, key, options_digest
from grader.batch.model import Done, Job, Record, Setup
from grader.batch.store import read_record, write_done

# So many submissions in a row of which nothing could be graded: the next thousand would fare no better.
GIVE_UP = 5
FINAL = ("graded", "refused")


class Workers(Protocol):
    """Whoever grades: processes of this machine, or a cluster."""

    travels: bool

    def run(self, jobs: Iterator[Job]) -> Iterator[Done]:
        """Yield the outcomes of the jobs as they come, taking jobs as there is room. Raises BatchError."""
        ...


Told = Callable[[Record, bool], None]


def grade_all(setup: Setup, hand_ins: Sequence[HandIn], out: Path, workers: Workers, told: Told) -> list[Record]:
    """Grade what has no result yet, and return the records of all in their order.

    `told` hears of each record, and whether it was there before. What a fault of ours spoils is tried once more at the
    end. Raises HaltedError when nothing can be graded, and OSError when results cannot be written.
    """
    options = options_digest(setup, course_digest(setup.request.course))
    records: dict[str, Record] = {}
    by_folder = {hand_in.folder: hand_in for hand_in in hand_ins}
    again: list[HandIn] = []
    lost = 0
    for done in workers.run(_jobs(hand_ins, out, options, workers.travels, records, told)):
        lost = lost + 1 if done.record.state == "fault" else 0
        if lost == GIVE_UP:
            raise HaltedError(
                f"nothing can be graded here: {done.record.note}. Mend that and give the same command again."
            )
        if done.record.state in FINAL:
            _keep(out, done, records, told)
        else:
            again.append(by_folder[done.record.folder])
    for done in workers.run(_anew(again, options, workers.travels)):
        _keep(out, done, records, told)
    return [records[hand_in.folder] for hand_in in hand_ins]


def _jobs(
    hand_ins: Sequence[HandIn], out: Path, options: str, travels: bool, records: dict[str, Record], told: Told
) -> Iterator[Job]:
    """Yield what is to be graded; what is known is noted on the way."""
    for hand_in in hand_ins:
        job = _job(hand_in, options, travels)
        known = read_record(out, hand_in.folder)
        if known is not None and known.key == job.key and known.state in FINAL:
            records[hand_in.folder] = known
            told(known, True)
        else:
            yield job


def _anew(hand_ins: Sequence[HandIn], options: str, travels: bool) -> Iterator[Job]:
    return (_job(hand_in, options, travels) for hand_in in hand_ins)


def _job(hand_in: HandIn, options: str, travels: bool) -> Job:
    read = parcel(hand_in, travels)
    return Job(hand_in.folder, hand_in.name, read, key(options, read.sha256))


def _keep(out: Path, done: Done, records: dict[str, Record], told: Told) -> None:
    write_done(out, done)
    records[done.record.folder] = done.record
    told(done.record, False)
