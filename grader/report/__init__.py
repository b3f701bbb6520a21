"""Reports for people: on a terminal, as Markdown and as HTML."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from grader.model import Report


def write_feedback(report: Report, out: Path) -> tuple[Path, Path]:
    """Write feedback.md and feedback.html into `out`, each in one step, and return their paths."""
    # Jinja costs more than everything else that a command imports, and most commands render nothing.
    from grader.report.html import render_html
    from grader.report.markdown import render_markdown

    out.mkdir(parents=True, exist_ok=True)
    return (
        _replace(out / "feedback.md", render_markdown(report)),
        _replace(out / "feedback.html", render_html(report)),
    )


def _replace(path: Path, text: str) -> Path:
    """Write beside the file and rename, so that nobody ever reads half a page."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path
