"""The Markdown report: a table, a section for what lost points, and nothing of the submission's own making."""

import re
from itertools import pairwise

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from grader.model import Report
from grader.report.markdown import render_markdown
from tests.report.sample_reports import HOSTILE, SECRET, all_fault, every_verdict, full_marks, hostile


def tokens(report: Report) -> list[Token]:
    flat = []
    for token in MarkdownIt("commonmark").enable("table").parse(render_markdown(report)):
        flat += [token, *(token.children or ())]
    return flat


def shape(report: Report) -> list[str]:
    """Return the structure of the document: its block tokens, without the text."""
    return [t.type for t in tokens(report) if t.block and t.type != "inline"]


def test_the_table_and_the_sections() -> None:
    text = render_markdown(every_verdict())
    assert text.startswith("# Softmax classifier: 9.50 / 45 points\n")
    assert "| `softmax` | \\~ partly right | 4.50 / 10 | values 1/4, edge cases 0/1, " in text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "About your files",
        "`softmax`: 4.50 / 10",
        "`conv2d`: 0.00 / 10",
        "`max_pool`: 0.00 / 5",
        "`im2col`: 0.00 / 5",
        "`nms`: 0.00 / 5",
        "`batch_norm`: 0.00 / 5",
        "`iou`: – / 10",
    ]
    assert "- where: `hw1.ipynb cell 3, line 5`\n" in text
    assert "\n\n\n" not in text
    assert SECRET not in text


def test_headings_lists_and_fences_stand_apart() -> None:
    lines = render_markdown(every_verdict()).split("\n")
    for before, line in pairwise(lines):
        if line.startswith(("## ", "**")) or (line.startswith("- ") and not before.startswith("- ")):
            assert before == "", line


def test_full_marks_are_short() -> None:
    assert shape(full_marks()).count("heading_open") == 1


def test_a_fault_is_ours() -> None:
    text = render_markdown(all_fault())
    assert "Our fault, not yours" in text and "Not graded" in text and "0.00" not in text


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ("empty", "blank")])
def test_hostile_text_is_inert(name: str) -> None:
    report = hostile(HOSTILE[name])
    kinds = {token.type for token in tokens(report)}
    assert kinds.isdisjoint({"html_block", "html_inline", "link_open", "image", "hr", "code_block", "em_open"})
    assert shape(report) == shape(hostile("plain"))
    assert len(render_markdown(report)) < 60_000


@pytest.mark.parametrize("name", ["empty", "blank"])
def test_blank_text_is_survived(name: str) -> None:
    assert shape(hostile(HOSTILE[name]))
