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
    """Return what the class page shows of the submissions that count, by the `name` that record and entry share.

    Without entries every record is a student. With `anonymous` nothing that a submission, a roster or a path says gets
    into the view: submissions are numbered in an order that does not follow their names, and have no links.
    """
    by_name = {record.name: record for record in records}
    entries = entries or [_entry(record) for record in by_name.values()]
    counting = [entry for entry in entries if entry.counts]
    present = [by_name[name] for name in dict.fromkeys(entry.name for entry in counting) if name in by_name]
    if anonymous:
        present.sort(
            key=lambda record: hashlib.sha256(f"{record.key}\0{record.name}".encode("utf-8", "replace")).digest()
        )
        calls = {record.name: Who(f"Submission {number}") for number, record in enumerate(present, 1)}
        ranks = {name: rank for rank, name in enumerate(calls)}
        counting.sort(key=lambda entry: ranks.get(entry.name, len(ranks)))
    else:
        calls = {entry.name: _named(entry) for entry in counting}
    functions: dict[str, FunctionTally] = {}
    mistakes = MistakeTally(anonymous)
    for record in present:
        for digest in record.functions:
            functions.setdefault(digest.name, FunctionTally(anonymous)).add(calls[record.name], digest)
        mistakes.add(calls[record.name], record.functions)
    students = [_student(entry, by_name.get(entry.name)) for entry in counting]
    if anonymous:
        students = [
            replace(student, who=calls.get(entry.name, Who("")), note="")
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


def _named(entry: Entry) -> Who:
    href = "" if entry.state in ("refused", "missing") else f"./{quote(entry.folder, errors='replace')}/{FEEDBACK}"
    return Who(entry.student, entry.person, href)


def _student(entry: Entry, record: Record | None) -> Student:
    plain = Student(_named(entry), entry.state, late=entry.late, note=entry.note)
    if record is None or record.state == "refused":
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
        lost = [digest for digest in record.functions if digest.hundredths is None]
        is_whole = record.state == "fault"
        for digest in lost[:1] if is_whole else lost:
            key = (is_whole, _reason(digest, record, anonymous))
            functions.setdefault(key, {})[digest.name] = None
            who.setdefault(key, {})[calls[record.name]] = None
    groups = [Unscored(key[1], () if key[0] else tuple(functions[key]), tuple(who[key])) for key in who]
    return tuple(sorted(groups, key=lambda lost: -len(lost.who)))


def _reason(digest: FunctionDigest, record: Record, anonymous: bool) -> str:
    fault = next((check for check in digest.failing if check.verdict is Verdict.FAULT), None)
    if fault is not None:
        return told(fault, anonymous)
    return "" if anonymous else record.note


def _slowest(records: Sequence[Record], calls: Mapping[str, Who]) -> tuple[Slow, ...]:
    order = sorted((record for record in records if record.functions), key=lambda record: -record.seconds)
    return tuple(_slow(record, calls[record.name]) for record in order[:_SLOWEST])


def _slow(record: Record, who: Who) -> Slow:
    costs = [(f.cpu_seconds, f.name) for f in record.functions if f.cpu_seconds is not None]
    seconds, name = max(costs, default=(None, ""))
    return Slow(who, record.seconds, name, seconds)
