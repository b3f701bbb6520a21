"""The terminal report: readable without colour, unwrapped in a log, and safe with any submission."""

import io
import re
import unicodedata

import pytest
from rich.console import Console

from grader.model import Report
from grader.report.terminal import print_report
from tests.report.sample_reports import HOSTILE, SECRET, all_fault, every_verdict, full_marks, hostile

SGR = re.compile(r"\x1b\[[0-9;]*m")


def printed(report: Report, *, tty: bool = False, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    console = Console(file=file, force_terminal=tty, width=width, color_system="standard" if tty else None)
    print_report(report, console)
    file.flush()
    return raw.getvalue().decode(encoding)


def test_a_log_gets_one_fact_per_line() -> None:
    text = printed(every_verdict())
    assert "Softmax classifier: 9.50 / 45 points" in text
    assert re.search(r"^softmax +~ partly right +4\.50 / 10  values 1/4, edge cases 0/1, ", text, re.MULTILINE)
    assert "    where         hw1.py:12\n" in text
    assert "    where         hw1.ipynb cell 3, line 5\n" in text
    assert "    check         small, two rows and 1 hidden case\n" in text
    assert "    first wrong   [0, 1]: expected 0.24472847, got 0.66524096\n" in text
    assert "  - hw1.ipynb cell 3, line 2: The cell does not parse and is left out.\n" in text
    assert not re.search(r" $|[─│]|\x1b", text, re.MULTILINE)


def test_every_state_has_a_word_and_a_mark() -> None:
    text = printed(every_verdict())
    for shown in ("~ partly right", "✗ not right yet", "✓ full marks", "✗ not found", "? not graded", "- no checks"):
        assert shown in text


def test_a_fault_is_ours() -> None:
    text = printed(all_fault())
    assert "Softmax classifier: Not graded\n" in text
    assert "our fault, not yours" in text
    assert "0.00" not in text


def test_full_marks_say_nothing_more() -> None:
    assert printed(full_marks()).count("\n") == 6


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit_a_terminal(width: int) -> None:
    text = SGR.sub("", printed(every_verdict(), tty=True, width=width))
    assert max(map(len, text.splitlines())) <= width
    assert SECRET not in text


def test_a_poor_encoding_is_enough() -> None:
    text = printed(every_verdict(), encoding="ascii")
    assert "x not right yet" in text and "+ full marks" in text and "\\u" not in text


@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_inert(name: str, tty: bool) -> None:
    text = printed(hostile(HOSTILE[name]), tty=tty)
    if tty:
        text = SGR.sub("", text)
    assert {unicodedata.category(c) for c in text if c != "\n"} & {"Cc", "Cf", "Cs"} == set()
    assert "##[" not in text and "##vso[" not in text
    assert not re.search(r"^\s*::[a-z]", text, re.MULTILINE)
    assert len(text) < 20_000


def test_markup_is_text() -> None:
    assert "[red]x[/red] [link=https://evil.example]y[/link]" in printed(hostile(HOSTILE["rich"]))
