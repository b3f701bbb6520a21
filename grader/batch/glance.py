"""Records and gradebook -> the class at a glance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, quantiles
from urllib.parse import quote

from grader.batch.model import Entry, FunctionDigest, Record
from grader.batch.tally import FunctionTally, MistakeTally, told
from grader.batch.view import ClassView, Marks, Slow, Student, Unscored, Who
from grader.model import Verdict
from grader.report import words
from grader.report.words import Status

FEEDBACK = "feedback.html"
_SLOWEST = 8


def glance(title: str, records: Iterable[Record], entries: Sequence[Entry], *, anonymous: bool = False) -> ClassView:
    """Return what the class page shows of the submissions that count; record and entry share their `folder`.

    Without entries every record is a student. With `anonymous` nothing that a submission, a roster or a path says gets
    into the view: submissions are numbered in an order that does not follow their names, and have no links.
    """
    by_folder = {record.folder: record for record in records}
    entries = entries or [_entry(record) for record in by_folder.values()]
    counting = [entry for entry in entries if entry.counts]
    present = [by_folder[folder] for folder in dict.fromkeys(e.folder for e in counting) if folder in by_folder]
    if anonymous:
        present.sort(key=_shuffled)
        calls = {record.folder: Who(f"Submission {number}") for number, record in enumerate(present, 1)}
        ranks = {folder: rank for rank, folder in enumerate(calls)}
        counting.sort(key=lambda entry: ranks.get(entry.folder, len(ranks)))
    else:
        calls = {entry.folder: _named(entry, by_folder.get(entry.folder)) for entry in counting}
    functions: dict[str, FunctionTally] = {}
    mistakes = MistakeTally(anonymous)
    for record in present:
        for digest in record.functions:
            functions.setdefault(digest.name, FunctionTally(anonymous)).add(calls[record.folder], digest)
        mistakes.add(calls[record.folder], record.functions)
    students = [_student(entry, by_folder.get(entry.folder)) for entry in counting]
    if anonymous:
        students = [
            replace(student, who=calls.get(entry.folder, Who("")), note="")
            for entry, student in zip(counting, students, strict=True)
        ]
    suspects = [found for name, tally in functions.items() if (found := tally.suspect(name))]
    readings = ("case", "mistake", "hard")
    return ClassView(
        title,
        anonymous,
        tuple(students),
        sum(not entry.counts for entry in entries),
        _marks([student.percent for student in students if student.percent is not None]),
        tuple(tally.row(name) for name, tally in functions.items()),
        mistakes.mistakes(),
        tuple(sorted(suspects, key=lambda suspect: (readings.index(suspect.reading), -suspect.alone))),
        _unscored(present, calls, anonymous),
        _slowest(present, calls),
    )


def _entry(record: Record) -> Entry:
    return Entry(
        record.name, "", "", record.name, record.folder, record.state, record.hundredths, record.max_hundredths, (),
        "", late=False, counts=True, note=record.note,
    )  # fmt: skip


def _named(entry: Entry, record: Record | None) -> Who:
    has_report = record is not None and record.functions
    return Who(
        entry.student, entry.person, f"./{quote(entry.folder, errors='replace')}/{FEEDBACK}" if has_report else ""
    )


def _shuffled(record: Record) -> bytes:
    """Return what sorts records in an order that tells nobody's name."""
    return hashlib.sha256(f"{record.key}\0{record.folder}".encode("utf-8", "replace")).digest()


def _student(entry: Entry, record: Record | None) -> Student:
    note = "" if entry.state == "missing" else entry.note  # the state says it
    plain = Student(_named(entry, record), entry.state, late=entry.late, note=note)
    if record is None or not record.functions:
        return plain
    scored = sum(function.max_hundredths for function in record.functions if function.hundredths is not None)
    return replace(
        plain,
        hundredths=record.hundredths,
        scored=scored,
        percent=_percent(record.hundredths, scored),
        percents=tuple(_percent(function.hundredths, function.max_hundredths) for function in record.functions),
        full=sum(function.status == Status.FULL.word for function in record.functions),
        seconds=record.seconds,
    )


def _percent(hundredths: int | None, of: int) -> int | None:
    return None if hundredths is None or of <= 0 else words.percent(hundredths, of)


def _marks(percents: Sequence[int]) -> Marks | None:
    if not percents:
        return None
    tenths = tuple(sum(min(percent // 10, 9) == tenth for percent in percents) for tenth in range(10))
    lower, median, upper = quantiles(percents if len(percents) > 1 else [*percents, *percents], n=4, method="inclusive")
    return Marks(tenths, lower, median, upper, fmean(percents), sum(percent == 100 for percent in percents))


def _unscored(records: Sequence[Record], calls: Mapping[str, Who], anonymous: bool) -> tuple[Unscored, ...]:
    """Return the faults by reason, those that cost the most students first, and apart those that cost everything."""
    functions: dict[tuple[bool, str], dict[str, None]] = {}
    who: dict[tuple[bool, str], dict[Who, None]] = {}
    for record in records:
        is_whole = record.state == "fault"
        lost: list[FunctionDigest | None] = [digest for digest in record.functions if digest.hundredths is None]
        if is_whole:
            lost = lost[:1] or [None]
        for digest in lost:
            key = (is_whole, _reason(digest, record, anonymous))
            functions.setdefault(key, {})[digest.name if digest else ""] = None
            who.setdefault(key, {})[calls[record.folder]] = None
    groups = [Unscored(key[1], () if key[0] else tuple(functions[key]), tuple(who[key])) for key in who]
    return tuple(sorted(groups, key=lambda lost: -len(lost.who)))


def _reason(digest: FunctionDigest | None, record: Record, anonymous: bool) -> str:
    failing = digest.failing if digest else ()
    fault = next((check for check in failing if check.verdict is Verdict.FAULT), None)
    if fault is not None:
        return told(fault, anonymous)
    return "" if anonymous else record.note


def _slowest(records: Sequence[Record], calls: Mapping[str, Who]) -> tuple[Slow, ...]:
    order = sorted((record for record in records if record.functions), key=lambda record: -record.seconds)
    return tuple(_slow(record, calls[record.folder]) for record in order[:_SLOWEST])


def _slow(record: Record, who: Who) -> Slow:
    costs = [(f.cpu_seconds, f.name) for f in record.functions if f.cpu_seconds is not None]
    seconds, name = max(costs, default=(None, ""))
    return Slow(who, record.seconds, name, seconds)
