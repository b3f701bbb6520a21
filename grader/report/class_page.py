"""The class at a glance as one HTML page: no network, and a script that sorts and searches its tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from grader.batch.tally import ATTEMPTS, PERCENT_FAILING
from grader.batch.view import ClassView, Student, Suspect
from grader.report import words
from grader.report.html import page_template

if TYPE_CHECKING:
    from jinja2 import Template

# Who has less than this part of the points may need help.
LOW_PERCENT = 50
# Pixels of a bar of the small chart of a student's functions, and its height.
_STEP, _HEIGHT = 5, 20


def render_class(view: ClassView) -> str:
    """Return class.html: the marks, whom to help, cases that look wrong, mistakes, functions, and every student."""
    return _template().render(view=view)


def low(view: ClassView) -> list[Student]:
    """Return who has less than half of the points, the lowest marks first."""
    found = [student for student in view.students if student.percent is not None and student.percent < LOW_PERCENT]
    return sorted(found, key=lambda student: student.percent or 0)


def headline(view: ClassView) -> str:
    """Return one sentence on who handed in what."""
    states = [student.state for student in view.students]
    missing = states.count("missing")
    said = f"{len(states) - missing} of {words.count(len(states), 'student')} handed in"
    said += "" if "graded" in states else ", and none of it is fully graded"
    told = [
        (states.count("partial"), "graded in part"),
        (states.count("fault"), "not graded, our fault"),
        (states.count("refused"), "could not be read"),
        (sum(student.late for student in view.students), "late"),
    ]
    return f"{said}{''.join(f'; {number} {what}' for number, what in told if number)}."


def hardest(view: ClassView) -> str:
    """Return the functions in which the fewest of those who tried have full marks, when there are several functions."""
    tried = [row for row in view.functions if row.handed_in >= ATTEMPTS and row.full < row.handed_in]
    order = sorted(tried, key=lambda row: row.full / row.handed_in)[:3]
    named = [f"`{row.name}` ({words.percent(row.full, row.handed_in)} % with full marks)" for row in order]
    return f"Hardest for those who tried: {', '.join(named)}." if len(view.functions) > 1 and named else ""


def reading(suspect: Suspect) -> str:
    """Return what a case that nearly everybody fails looks like, and what to do."""
    rest = f"{suspect.alone} of the {suspect.failing} who fail get everything else of the function right"
    known = f"{suspect.agreeing} of the {suspect.failing} who fail make the mistake `{suspect.diagnosis}`"
    match suspect.reading:
        case "case":
            return f"This looks like a wrong case: {rest}, and no known mistake explains most of them."
        case "mistake":
            return f"This looks like a mistake to talk about: {known}. Unfair only if the text does not rule it out."
    said = f"This looks like a hard function or an unclear text: only {rest}."
    return f"{said} {known}." if suspect.agreeing else said


def strip(percents: Sequence[int | None]) -> Markup:
    """Return a small chart: one bar for each function, as high as its marks, nothing where it has none."""
    bars = "".join(
        f"M{position * _STEP} {_HEIGHT}v-{max(2, _HEIGHT * percent // 100)}h{_STEP - 1}V{_HEIGHT}"
        for position, percent in enumerate(percents)
        if percent
    )
    width = _STEP * max(len(percents), 1)
    return Markup(  # noqa: S704 - numbers alone
        f'<svg class="strip" aria-hidden="true" width="{width}" height="{_HEIGHT}">'
        f'<path class="ground" d="M0 {_HEIGHT - 1}h{width - 1}v1H0"/><path d="{bars}"/></svg>'
    )


def segments(*parts: tuple[str, int]) -> Markup:
    """Return a bar of parts by the word that colours each."""
    whole, start, drawn = sum(size for _, size in parts), 0, []
    for slug, size in parts:
        if size:
            x, width = 100 * start / whole, 100 * size / whole
            drawn.append(f'<rect class="{slug}" x="{x:.2f}%" width="{width:.2f}%" height="100%"/>')
        start += size
    return Markup(f'<svg class="bar parts" aria-hidden="true">{"".join(drawn)}</svg>')  # noqa: S704 - our own words


@cache
def _template() -> Template:
    given = {
        "ATTEMPTS": ATTEMPTS,
        "PERCENT_FAILING": PERCENT_FAILING,
        "LOW_PERCENT": LOW_PERCENT,
        "low": low,
        "headline": headline,
        "hardest": hardest,
        "reading": reading,
        "strip": strip,
        "segments": segments,
    }
    return page_template("class.html.j2", "feedback.css", "class.css", script="class.js", given=given)
