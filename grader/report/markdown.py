"""The report as GitHub-flavoured Markdown: for step summaries and comments."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from grader.model import Report
from grader.report.templates import markdown_environment

if TYPE_CHECKING:
    from jinja2 import Template


def render_markdown(report: Report) -> str:
    """Return a summary table and one section for each function that lost points."""
    return template().render(report=report)


@cache
def template() -> Template:
    """Return the compiled template."""
    return markdown_environment().get_template("feedback.md.j2")
