"""Reports for people: on a terminal, as Markdown and as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from grader.atomic import write_atomically
from grader.model import Audience, Report
from grader.visibility import public

STAFF, STAFF_MODE = "staff.", 0o600


def load_renderers() -> None:
    """Import the renderers and compile their templates, ahead of the report that needs them."""
    import grader.report.terminal  # noqa: F401 - imported for later
    from grader.report import html, markdown

    html.template()
    markdown.template()


def load_report(file: Path, audience: Audience) -> Report:
    """Read a results.json or staff.json as students may read it now, or as staff. Raises ResultsError."""
    from grader.codec import ResultsError, decode

    try:
        report = decode(file.read_bytes())
    except OSError as error:
        raise ResultsError(f"{file} cannot be read: {error.strerror or error}.") from error
    except ResultsError as error:
        raise ResultsError(f"{file}: {error}; give a results.json or staff.json that `grader run` wrote.") from error
    if audience == "student":
        return public(report, datetime.now(UTC))
    if report.audience != "staff":
        raise ResultsError(f"{file} holds only what students may read; give the staff.json beside it.")
    return report


def rendered(report: Report, formats: Sequence[str] = ("md", "html")) -> dict[str, bytes]:
    """Return feedback.md and feedback.html by name; those of a report for staff are called staff.md and staff.html."""
    # Jinja costs more than everything else that a command imports, and most commands render nothing.
    from grader.report.html import render_html
    from grader.report.markdown import render_markdown

    name = "staff" if report.audience == "staff" else "feedback"
    renderers = {"md": render_markdown, "html": render_html}
    return {f"{name}.{format_}": renderers[format_](report).encode() for format_ in formats}


def write_feedback(report: Report, out: Path, formats: Sequence[str] = ("md", "html")) -> tuple[Path, ...]:
    """Write what `rendered` returns into `out`, each file in one step, and return their paths."""
    return write_all(rendered(report, formats), out)


def write_all(files: Mapping[str, bytes], out: Path) -> tuple[Path, ...]:
    """Write files into a folder, each in one step, in their order; what is for staff only its owner may read."""
    out.mkdir(parents=True, exist_ok=True)
    return tuple(
        write_atomically(out / name, data, STAFF_MODE if name.startswith(STAFF) else 0o666)
        for name, data in files.items()
    )
