"""Timings in every rendering: one line for each timed function, and nothing at all for the others."""

import re
import subprocess
import sys
import unicodedata
from dataclasses import replace

import pytest

from grader.model import Pace, Report
from grader.report import words
from grader.report.findings import next_steps
from grader.report.markdown import render_markdown
from grader.report.words import Status
from tests.report.sample_reports import (
    HOSTILE,
    SLOW,
    every_verdict,
    hostile_timing,
    report,
    timed,
    timed_function,
    timing,
)
from tests.report.test_html_report import Page
from tests.report.test_markdown_report import shape, tokens
from tests.report.test_terminal_report import SGR, printed

LINES = {
    "conv2d": "14.2x slower than the reference, limit 3x, ±4 %",
    "nms": "1.3x of the reference's time, ±2 %",
    "iou": "0.05x of the reference's time, ±4 %; so fast that a person will look at it",
    "max_pool": "unstable: Your function takes between 2.1x and 6.0x the reference's CPU time",
    "im2col": "not measured: Too few rounds could be timed.",
}
GROWTH = "Your nms grows like n^2.9 in the number of boxes; n^2 is expected."


def test_a_log_has_one_line_for_each_timed_function() -> None:
    lines = printed(timed()).split("\n")
    start = lines.index("Speed") + 1
    marks = dict(zip(LINES, "~✓✓--", strict=True))
    said = [f"  {marks[name]} {name} {line}" for name, line in LINES.items()]
    said.insert(2, f"    {GROWTH}")
    assert [line[: len(begins)] for line, begins in zip(lines[start:], said, strict=False)] == said
    assert lines[start + len(said) :] == [""]


def test_a_poor_encoding_is_enough() -> None:
    assert "limit 3x, +-4 %" in printed(timed(), encoding="ascii")


def test_lines_fit_a_terminal() -> None:
    text = SGR.sub("", printed(timed(), tty=True, width=40))
    assert max(map(len, text.splitlines())) <= 40


def test_markdown_has_a_list() -> None:
    text = render_markdown(timed())
    section = text.split("## Speed\n\n")[1].replace("\\", "")
    for name, line in LINES.items():
        assert f"- `{name}` {line}" in section
    assert f"±2 % ({GROWTH})\n" in section
    assert "\n\n\n" not in text and re.findall(r"^## .*$", text, re.MULTILINE) == ["## Speed"]
    assert shape(timed()).count("list_item_open") == len(LINES)


def test_a_page_has_a_section_in_each_timed_card() -> None:
    page = Page(timed())
    text = " ".join(page.text.split())
    for line in LINES.values():
        assert f"Speed: {line.replace(': ', ' ')}" in text
    assert GROWTH in text and "Time of one call by the number of boxes" in text
    assert page.source.count('role="img"') == 4 + 2
    assert text.count("Speed:") == len(LINES)


def test_a_slow_function_is_right_and_something_to_do() -> None:
    first, *others = timed().functions
    assert words.status(first) is Status.SLOW and words.status(others[0]) is Status.FULL
    (step,) = next_steps(timed())
    assert (step.function, step.summary, step.hint, step.lost) == (first, SLOW, "", 50)
    worse = replace(first, timing=replace(first.timing, growth=timed().functions[1].timing.growth))
    assert next_steps(report((worse,)))[0].hint.startswith("Your conv2d grows like n^2.9")


def test_who_is_not_timed_reads_nothing_of_it() -> None:
    assert "Speed" not in printed(every_verdict()) + render_markdown(every_verdict())
    code = """
import sys
from grader.report.html import render_html
from tests.report.sample_reports import full_marks
render_html(full_marks())
print("matplotlib" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_timing_without_numbers_is_said_plainly() -> None:
    assert words.speed(timing("f", Pace.UNMEASURED, reason="No.")) == "not measured: No."
    assert words.speed(timing("f", Pace.SLOW, 14.2, uncertainty=None)).endswith("limit 3x")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_inert_on_a_page(name: str) -> None:
    page, plain = Page(hostile_timing(HOSTILE[name])), Page(hostile_timing("plain"))
    assert set(page.tags) <= {*plain.tags, "code"}
    assert page.attributes <= plain.attributes
    assert {unicodedata.category(c) for c in page.source if c != "\n"} & {"Cc", "Cf", "Cs"} == set()
    assert len(page.source) < 60_000


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ("empty", "blank")])
def test_hostile_text_is_inert_in_markdown(name: str) -> None:
    hostile: Report = hostile_timing(HOSTILE[name])
    kinds = {token.type for token in tokens(hostile)}
    assert kinds.isdisjoint({"html_block", "html_inline", "link_open", "image", "hr", "code_block", "em_open"})
    assert shape(hostile) == shape(hostile_timing("plain"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_inert_on_a_terminal(name: str) -> None:
    text = printed(hostile_timing(HOSTILE[name]))
    assert {unicodedata.category(c) for c in text if c != "\n"} & {"Cc", "Cf", "Cs"} == set()
    assert "##[" not in text and not re.search(r"^\s*::[a-z]", text, re.MULTILINE)
    assert len(text) < 20_000


def test_a_wrong_function_is_told_what_is_wrong_first() -> None:
    softmax = every_verdict().functions[0]
    both = replace(softmax, timing=timed_function(timing("softmax", Pace.SLOW, 14.2, reason=SLOW)).timing)
    (step,) = next_steps(report((both,)))
    assert step.summary != SLOW
