"""Both files appear whole, replace older ones, and leave nothing else behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from grader.report import html, write_feedback
from tests.report.sample_reports import HOSTILE, every_verdict, full_marks, hostile


def test_files_are_written_and_replaced(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "alice"
    assert write_feedback(every_verdict(), out) == (out / "feedback.md", out / "feedback.html")
    write_feedback(full_marks(), out)
    assert {path.name for path in out.iterdir()} == {"feedback.md", "feedback.html"}
    assert "Every function has full marks." in (out / "feedback.html").read_text("utf-8")


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_feedback(full_marks(), tmp_path)
    before = (tmp_path / "feedback.html").read_bytes()
    monkeypatch.setattr(html, "render_html", lambda report: "\ud800")
    with pytest.raises(UnicodeEncodeError):
        write_feedback(every_verdict(), tmp_path)
    assert (tmp_path / "feedback.html").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"feedback.md", "feedback.html"}


def test_what_no_encoding_knows_can_be_written(tmp_path: Path) -> None:
    markdown, page = write_feedback(hostile(HOSTILE["surrogate"]), tmp_path)
    assert "\\ud800" in markdown.read_text("utf-8") and "\\ud800" in page.read_text("utf-8")


def test_the_facade_imports_nothing_heavy() -> None:
    code = "import sys, grader.report; print({'jinja2', 'rich'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
