"""Reports for people: on a terminal, as Markdown and as HTML."""

from __future__ import annotations

from pathlib import Path

from grader.atomic import write_atomically
from grader.model import Report


def load_renderers() -> None:
    """Import the renderers and compile their templates, ahead of the report that needs them."""
    import grader.report.terminal  # noqa: F401 - imported for later
    from grader.report import html, markdown

    html.template()
    markdown.template()


def write_feedback(report: Report, out: Path) -> tuple[Path, Path]:
    """Write feedback.md and feedback.html into `out`, each in one step, and return their paths."""
    # Jinja costs more than everything else that a command imports, and most commands render nothing.
    from grader.report.html import render_html
    from grader.report.markdown import render_markdown

    out.mkdir(parents=True, exist_ok=True)
    return (
        write_atomically(out / "feedback.md", render_markdown(report).encode()),
        write_atomically(out / "feedback.html", render_html(report).encode()),
    )
