"""Classes to look at: digests of real gradings, varied, and records made by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from grader.batch.digest import record_of
from grader.batch.model import RECORD_SCHEMA, Entry, Failing, FunctionDigest, Record, State
from grader.model import Report, Verdict
from grader.pipeline import Request, grade, prepare
from sandbox.select import choose

ROOT = Path(__file__).resolve().parent.parent.parent
FUNCTIONS = ("softmax", "cross_entropy", "affine_forward")
STORIES = ("perfect", "raises", "not_started", "nan", "wrong_axis")


@cache
def graded() -> dict[str, Report]:
    """Return the staff reports of some golden submissions, graded in the process sandbox."""
    sandbox = choose("process", "numpy")
    reports = {}
    try:
        for story in STORIES:
            submission = ROOT / "tests" / "golden" / story / "submission"
            reports[story] = grade(prepare(Request(submission, ROOT, (), FUNCTIONS, secret="golden:0")), sandbox)
    finally:
        sandbox.close()
    return reports


def failing(check: str, verdict: Verdict | None = Verdict.FAIL, diagnosis: str = "", **texts: str) -> Failing:
    """Return a failing check with the texts that a digest gives it."""
    plain = {"hint": f"hint of {diagnosis}" if diagnosis else "", "summary": "wrong in 3 of 4", "outline": "is wrong"}
    return Failing(check, verdict, "wrong values", diagnosis, **(plain | texts))


def digest(name: str = "f", *wrong: Failing, hundredths: int | None = 500, **changes: object) -> FunctionDigest:
    """Return a function of 10 points and five checks."""
    status = "not graded" if hundredths is None else "partly right" if wrong else "full marks"
    given = {"status": status, "checks": 5, "cpu_seconds": 0.25, "ratio": None} | changes
    points = 1000 if hundredths is not None and not wrong else hundredths
    return FunctionDigest(name, points, 1000, failing=wrong, **given)  # type: ignore[arg-type]


def record(
    name: str, *functions: FunctionDigest, state: State = "graded", note: str = "", seconds: float = 4
) -> Record:
    """Return a record; its key says nothing of its name."""
    scored = [function.hundredths for function in functions if function.hundredths is not None]
    key = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    total = sum(scored) if scored else None
    most = sum(function.max_hundredths for function in functions)
    return Record(RECORD_SCHEMA, key, f"graded/{name}", name, state, total, most, functions, note, seconds)


def entry(made: Record, student: str = "", person: str = "", *, late: bool = False, counts: bool = True) -> Entry:
    """Return the line of a record in the gradebook."""
    return Entry(
        student or made.name, person, f"{student}@uni.example", made.name, made.folder, made.state, made.hundredths,
        made.max_hundredths, (), "2026-11-01T12:00:00+00:00", late, counts, made.note,
    )  # fmt: skip


def missing(student: str, person: str = "") -> Entry:
    """Return a student of the roster without a submission."""
    return Entry(
        student, person, "", "", "", "missing", None, 0, (), "", late=False, counts=True, note="nothing was handed in"
    )


def real_class(size: int) -> tuple[list[Record], list[Entry]]:
    """Return a class whose functions are those of real gradings in every mixture, some late, with one missing."""
    reports = [record_of(report, key="k", folder="f", name="n") for report in graded().values()]
    records = []
    for number in range(size):
        mixed = [reports[number // 5**place % len(reports)].functions[place] for place in range(len(FUNCTIONS))]
        records.append(record(f"student-{number:04}", *mixed, seconds=2 + number % 7))
    entries = [entry(made, made.name, f"Person {made.name[-4:]}", late=n % 9 == 0) for n, made in enumerate(records)]
    return records, [*entries, missing("absentee", "Absent Altogether")]


def alike(size: int, *functions: FunctionDigest, prefix: str = "s") -> Sequence[Record]:
    """Return records with the same functions."""
    return [record(f"{prefix}{number}", *functions) for number in range(size)]
