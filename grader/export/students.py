"""Whose results are whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.export.errors import ExportError
from grader.model import Report
from grader.report.escape import terminal


def by_student(reports: Sequence[Report], student: str) -> Mapping[str, Report]:
    """Return the reports by student: the one that is named, else each submission's name. Raises ExportError."""
    found: dict[str, Report] = {}
    for report in reports:
        key = student or report.submission.name
        if key in found:
            raise ExportError(f"Two of the results are of {terminal(key, 80)!r}: keep one.")
        found[key] = report
    return found
