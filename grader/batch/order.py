"""`grader batch` from its request to its files: find, grade, sum up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.atomic import write_atomically
from grader.batch import grade_all
from grader.batch.crew import Crew
from grader.batch.find import CLASS_PAGE, find, handed_in_at
from grader.batch.glance import glance
from grader.batch.gradebook import Gradebook, Terms, files, gradebook
from grader.batch.model import Record, Setup
from grader.batch.progress import Shown
from grader.batch.roster import moment, owners, read_roster
from grader.interrupt import ended
from grader.pipeline import Request, asked
from grader.report import STAFF_MODE
from grader.report.class_page import render_class

if TYPE_CHECKING:
    from grader.batch.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a batch; the request's `submission` is the folder with the submissions."""

    request: Request
    out: Path
    backend: str
    runtime: str
    jobs: int
    scheduler: str
    roster: Path | None
    late_after: str
    best: bool
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the records of all hand-ins, how many had one before, and files that are no hand-ins."""

    records: tuple[Record, ...]
    reused: int
    book: Gradebook
    others: tuple[str, ...]
    has_roster: bool

    @property
    def faults(self) -> list[Record]:
        """The submissions that a fault of ours keeps from being fully graded."""
        return [record for record in self.records if record.state in ("fault", "partial")]


def grade_class(order: Order, shown: Shown) -> Outcome:
    """Grade a class and write the results of each submission, the gradebook and the class page.

    Raises AssignmentError and BatchError, before anything is graded where the request is wrong, and OSError.
    """
    assignment = asked(order.request)
    hand_ins, others = find(order.request.submission)
    hand_ins = [one for one in hand_ins if one.path.resolve() != order.out.resolve()]
    people = read_roster(order.roster) if order.roster else []
    others = [name for name in others if order.roster is None or name != order.roster.name]
    whose = owners(people, hand_ins)
    terms = Terms(moment(order.late_after, "--late-after") if order.late_after else None, order.best)
    submitted = {one.folder: handed_in_at(one) for one in hand_ins}
    order.out.mkdir(parents=True, exist_ok=True)
    setup = Setup(order.request, order.backend, order.runtime)
    shown.begin(len(hand_ins))
    with ended(hire(setup, order, len(hand_ins))) as workers:
        records = grade_all(setup, hand_ins, order.out, workers, shown.told)
    names = [function.name for function in assignment.functions]
    book = gradebook(assignment.title, names, records, submitted, whose, people, terms)
    page = render_class(glance(book.title, records, book.entries, anonymous=order.anonymous))
    for name, data in {**files(book), CLASS_PAGE: page.encode()}.items():
        write_atomically(order.out / name, data, STAFF_MODE)
    return Outcome(tuple(records), shown.reused, book, tuple(others), bool(people))


def hire(setup: Setup, order: Order, count: int) -> Crew | Cluster:
    """Return who grades: the cluster that is named, else processes of this machine."""
    if order.scheduler:
        from grader.batch.cluster import Cluster

        return Cluster(setup, order.scheduler)
    return Crew(setup, min(order.jobs, count))
