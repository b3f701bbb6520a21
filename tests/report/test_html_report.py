"""The HTML report: one safe page without network or script."""

import base64
import hashlib
import re
import unicodedata
from html.parser import HTMLParser

import pytest

from grader.model import Report
from grader.report.html import render_html
from tests.report.sample_reports import HOSTILE, SECRET, all_fault, every_verdict, full_marks, hostile


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.source = render_html(report)
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str, str | None]] = set()
        self.text = ""
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += "" if tag == "code" else " "
        self.attributes |= {(tag, name, value) for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_says_what_is_known() -> None:
    page = Page(every_verdict())
    text = " ".join(page.text.split())
    for said in (
        "9.50 / 45 points",
        "conv2d (10.00 points to gain)",
        "Hint exp overflows for large logits",
        "Look at hw1.py:12",
        "first wrong [0, 1]: expected 0.24472847, got 0.66524096",
        "shape expected (2, 3, 5, 5), got (2, 3, 25)",
        "dtype expected float32, got float64",
        "largest error 0.421, 0.632 relative, allowed 3.55e-15",
        "1 hidden case fails in the same way: wrong values. Hidden cases are not shown",
        "your answer [0.00000000 0.66524096",
        "hw1.ipynb cell 3, line 2: The cell does not parse",
        "batchnorm looks like batch_norm",
        "Passed: uniform, gradient of small, dtype of every answer and inputs left unchanged",
        "Ran without network",
    ):
        assert said in text
    assert SECRET not in page.source


def test_only_what_needs_work_is_open() -> None:
    cards = re.findall(r'<details class="card" id="f(\d)"( open)?>', render_html(every_verdict()))
    assert [number for number, is_open in cards if not is_open] == ["3", "9"]


def test_the_policy_lets_in_one_style_sheet() -> None:
    page = Page(full_marks())
    (css,) = re.findall(r"<style>(.*?)</style>", page.source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    (policy,) = [v for tag, name, v in page.attributes if name == "content" and v and "default-src" in v]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in css and "@import" not in css


def test_a_fault_is_ours() -> None:
    page = Page(all_fault())
    assert "Not graded" in page.text and "Our fault, not yours" in page.text and "0.00" not in page.text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_inert(name: str) -> None:
    page, plain = Page(hostile(HOSTILE[name])), Page(hostile("plain"))
    assert [tag for tag in page.tags if tag != "code"][:9] == [tag for tag in plain.tags if tag != "code"][:9]
    assert set(page.tags) <= set(plain.tags)
    assert page.attributes <= plain.attributes
    assert {unicodedata.category(c) for c in page.source if c != "\n"} & {"Cc", "Cf", "Cs"} == set()
    assert len(page.source) < 120_000
