"""moodle.csv: grade and feedback of each student, for Moodle's CSV import of grades."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from grader.export.errors import ExportError
from grader.export.grades import table
from grader.export.students import by_student
from grader.export.text import headline, name
from grader.model import Report
from grader.report import words
from grader.report.escape import cell

IDENTITIES = {"username": "Username", "idnumber": "ID number", "email": "Email address"}
FEEDBACK, FEEDBACK_LINES = 10_000, 200


def files(reports: Sequence[Report], identity: str, student: str) -> Mapping[str, bytes]:
    """Return moodle.csv; who is not fully graded has an empty grade, which Moodle takes for none."""
    titles = {report.title for report in reports}
    if len(titles) != 1:
        raise ExportError("moodle takes results of one assignment: these are of several, or there are none.")
    title = cell(titles.pop(), 120) or "Grade"
    rows = [
        (cell(key), words.points(report.hundredths) if report.outcome == "graded" else "", _feedback(report))
        for key, report in by_student(reports, student).items()
    ]
    return {"moodle.csv": table([(IDENTITIES[identity], title, f"{title} feedback"), *rows])}


def _feedback(report: Report) -> str:
    """Return a line for each function that lost points; Moodle shows the cell as HTML."""
    lines = [f"{words.total(report)}. {words.standing(report)}"]
    for function in report.functions:
        if function.hundredths is None or function.hundredths < function.max_hundredths:
            score = words.out_of(function.hundredths, function.max_hundredths)
            lines.append(f"{name(function.name)}: {score}. {headline(function)}")
    return cell(html.escape("\n".join(lines), quote=False), FEEDBACK, FEEDBACK_LINES)
