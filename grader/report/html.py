"""The report as one HTML page that needs no network and runs no script."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from grader.model import Report
from grader.report.findings import next_steps
from grader.report.templates import FOLDER, html_environment

if TYPE_CHECKING:
    from jinja2 import Template


def render_html(report: Report) -> str:
    """Return the page: the score, what to do first, and one card for each function."""
    return template().render(report=report, steps=next_steps(report))


@cache
def template() -> Template:
    """Return the compiled template."""
    css = (FOLDER / "feedback.css").read_text("utf-8")
    # The hash lets our own style sheet in and nothing that a submission might get into the page.
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return html_environment().get_template("feedback.html.j2", globals={"css": Markup(css), "policy": policy})  # noqa: S704
