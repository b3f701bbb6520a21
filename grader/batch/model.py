"""What passes between the parts of a batch, and what it keeps of each submission beside its report; no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.batch.find import Parcel
    from grader.pipeline import Request

from grader.model import Verdict

State: TypeAlias = Literal["graded", "partial", "fault", "refused", "missing"]


RECORD_SCHEMA, GRADEBOOK_SCHEMA = "grader/record/v1", "grader/gradebook/v1"


@dataclass(frozen=True, slots=True)
class Setup:
    """How every submission of a batch is graded; the request's `submission` is the folder of the batch."""

    request: Request
    backend: str
    runtime: str


@dataclass(frozen=True, slots=True)
class Job:
    """A submission to be graded: where its results go, the name to show, what it holds, the key of the outcome."""

    folder: str
    name: str
    parcel: Parcel
    key: str


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job: the record, and the files for the submission's folder, in the order of writing."""

    record: Record
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Failing:
    """A check that did not pass: its verdict, how it failed in two or three words, and its diagnosis where it has one.

    `verdict` is None where nothing was judged, as no speed is before all values are right. `hint` and `outline` show
    nothing of the case; `summary` is one sentence for staff, and may tell of hidden cases. Of the checks of a function
    that fail alike the first has these three texts, bounded, and the others have none.
    """

    id: str
    verdict: Verdict | None
    failure: str
    diagnosis: str
    hint: str
    summary: str
    outline: str


@dataclass(frozen=True, slots=True)
class FunctionDigest:
    """One function of one submission; hundredths is None when a fault of ours keeps it from being scored.

    `status` is the word of the reports, `checks` how many there were, `cpu_seconds` what its calls cost, `ratio` its
    time in multiples of the reference's, None where it was not timed. All checks that did not pass are `failing`, but
    of a function that is not there, not found or not started, the first stands for all.
    """

    name: str
    hundredths: int | None
    max_hundredths: int
    status: str
    checks: int
    failing: tuple[Failing, ...]
    cpu_seconds: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a submission that has been dealt with: enough for the gradebook and for the class page.

    `key` says what it was made from: content, course, engine and options; with the same key nothing is done again.
    `folder` holds its reports, beside this record; there are none when `state` is refused. `name` is the path that was
    handed in, below the folder of the batch. `note` says why it is refused, or the first of our faults. `seconds` is
    what the grading took.
    """

    schema: str
    key: str
    folder: str
    name: str
    state: State
    hundredths: int | None
    max_hundredths: int
    functions: tuple[FunctionDigest, ...]
    note: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the gradebook: a hand-in of a student, or a student of the roster without any (state missing).

    `student` is the roster's id, else the name of the hand-in; `submitted` an ISO time, empty when there is none.
    `counts` marks the one hand-in of a student that is the grade.
    """

    student: str
    person: str
    email: str
    name: str
    folder: str
    state: State
    hundredths: int | None
    max_hundredths: int
    functions: tuple[tuple[str, int | None], ...]
    submitted: str
    late: bool
    counts: bool
    note: str
