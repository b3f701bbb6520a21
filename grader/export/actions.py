"""GitHub Actions: the job summary, and at most one annotation for each function, at the student's line."""

from __future__ import annotations

from collections.abc import Mapping

from grader.export.text import headline, verdict
from grader.model import FunctionResult, Report
from grader.report import words
from grader.report.escape import command, command_property
from grader.report.findings import findings
from grader.report.markdown import render_markdown

# A summary of more than 1 MiB is refused as a whole.
SUMMARY_BYTES = 900_000
# Ten of a kind are kept for each step; what comes after them is dropped without a word.
MOST = 10
MESSAGE = 1000
REST = "\n\nThis summary is cut here: the whole is in feedback.html.\n"


def files(report: Report, folder: str = "") -> Mapping[str, bytes]:
    """Return summary.md for $GITHUB_STEP_SUMMARY and annotations.txt, which a step prints.

    `folder` is where the submission lies in the repository, with a final slash.
    """
    return {"summary.md": summary(report), "annotations.txt": annotated(report, folder)}


def summary(report: Report, limit: int = SUMMARY_BYTES) -> bytes:
    """Return the feedback as Markdown in at most `limit` bytes; what is cut ends before a section."""
    whole = render_markdown(report).encode()
    if len(whole) <= limit:
        return whole
    kept, room = [], limit - len(REST.encode())
    for section in whole.split(b"\n## "):
        room -= len(section) + len(b"\n## ")
        if room < 0:
            break
        kept.append(section)
    return b"\n## ".join(kept) + REST.encode()


def annotated(report: Report, folder: str = "") -> bytes:
    """Return one workflow command a line, the functions with most points to lose first: errors, then our faults."""
    wrong = [f for f in report.functions if f.hundredths is not None and f.hundredths < f.max_hundredths]
    wrong.sort(key=lambda function: (function.hundredths or 0) - function.max_hundredths)
    ours = [function for function in report.functions if function.hundredths is None]
    return "".join([*_level("error", wrong, folder), *_level("warning", ours, folder)]).encode()


def _level(level: str, functions: list[FunctionResult], folder: str) -> list[str]:
    shown = functions if len(functions) <= MOST else functions[: MOST - 1]
    lines = [_annotation(level, function, folder) for function in shown]
    if rest := len(functions) - len(shown):
        lines.append(f"::{level} title=and {words.count(rest, 'more function')}::The job summary has them all.\n")
    return lines


def _annotation(level: str, function: FunctionResult, folder: str) -> str:
    reasons = findings(function)
    place = (reasons[0].location if reasons else None) or function.location
    properties = {}
    if place:
        # A line in a notebook's cell is no line of its file.
        properties = {"file": folder + place.file, "line": str(place.line) if place.cell is None else "1"}
    properties["title"] = f"{function.name}: {verdict(function)}"
    listed = ",".join(f"{key}={command_property(value, 300)}" for key, value in properties.items())
    where = f"{words.place(place)}: " if place and place.cell is not None else ""
    hint = f" {reasons[0].hint}" if reasons and reasons[0].hint else ""
    return f"::{level} {listed}::{command(where + headline(function) + hint, MESSAGE)}\n"
