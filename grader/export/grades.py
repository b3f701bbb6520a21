"""grades.csv: one row for each function of each submission, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from grader.export.text import headline
from grader.model import FunctionResult, Report
from grader.report import words
from grader.report.escape import cell

HEADER = ("submission", "outcome", "function", "points", "max_points", "status", "checks_passed", "checks", "feedback")


def files(reports: Sequence[Report]) -> Mapping[str, bytes]:
    """Return grades.csv; a function that a fault of ours left unscored has an empty cell for its points."""
    return {"grades.csv": table([HEADER, *(_row(report, each) for report in reports for each in report.functions)])}


def table(rows: Iterable[Iterable[str]]) -> bytes:
    """Return rows of guarded cells as CSV: UTF-8, every cell quoted, so that no separator of a locale splits one."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _row(report: Report, function: FunctionResult) -> tuple[str, ...]:
    return (
        cell(report.submission.name),
        report.outcome,
        cell(function.name),
        "" if function.hundredths is None else words.points(function.hundredths),
        words.points(function.max_hundredths),
        words.status(function).word,
        str(sum(score.passed for score in function.aspects)),
        str(sum(score.total for score in function.aspects)),
        cell(headline(function)),
    )
