"""The HTML report: one safe page without network or script."""

import base64
import hashlib
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from grader.model import Exhibit, Report, Verdict
from grader.report.html import MAX_BYTES, render_html
from tests.report.sample_reports import (
    HOSTILE,
    SECRET,
    all_fault,
    check,
    every_verdict,
    full_marks,
    function,
    hostile,
    pictured,
    report,
    wholly_failing,
)


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


def numberless(attributes: set[tuple[str, str, str | None]]) -> set[tuple[str, str, str]]:
    """Return attributes without the numbers in them: one text makes one row more than another."""
    return {(tag, name, re.sub(r"[\d.-]+", "#", value or "")) for tag, name, value in attributes}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_inert(name: str) -> None:
    page, plain = Page(hostile(HOSTILE[name])), Page(hostile("plain"))
    assert [tag for tag in page.tags if tag != "code"][:9] == [tag for tag in plain.tags if tag != "code"][:9]
    assert set(page.tags) <= set(plain.tags)
    assert numberless(page.attributes) <= numberless(plain.attributes)
    assert {unicodedata.category(c) for c in page.source if c != "\n"} & {"Cc", "Cf", "Cs"} == set()
    assert len(page.source) < 120_000


def test_a_card_shows_hint_picture_and_code_in_this_order() -> None:
    text = " ".join(Page(every_verdict()).text.split())
    places = [
        text.index(said)
        for said in (
            "Hint Divide each row",
            "1 of 4 values differs",
            "first wrong",
            "Your code hw1.py, lines 10 to 15, 3",
        )
    ]
    assert places == sorted(places)


def test_the_smallest_example_of_a_hidden_case_is_shown() -> None:
    hidden = check("", Verdict.FAIL, visible=False, smallest=Exhibit({"x": "[7.5]"}, "[1.5]", "[2.5]"))
    text = " ".join(Page(report((function("f", 0, 100, (hidden,)),))).text.split())
    assert "a hidden case" in text and "[7.5]" in text and "[2.5]" in text


def test_the_line_of_an_error_is_marked() -> None:
    source = render_html(every_verdict())
    assert re.findall(r'<mark data-line="(\d+)">(.*?)</mark>', source) == [
        ("12", "    if z.size == 0:"),
        ("14", "    return e / e.sum()"),
    ]


def test_what_passed_is_said_in_one_line() -> None:
    assert "✓ Full marks: cross_entropy" in " ".join(Page(every_verdict()).text.split())
    assert "Full marks:" not in Page(full_marks()).text


def test_steps_lead_to_the_cards() -> None:
    source = render_html(every_verdict())
    (start,) = re.findall(r'<section class="panel start".*?</section>', source, re.DOTALL)
    targets = re.findall(r'href="#([\w-]+)"', start)
    assert targets == ["f2-body", "f1-body", "f4-body"]
    assert all(f'id="{target}"' in source for target in targets)


def test_a_hint_is_given_once_in_a_card() -> None:
    source = render_html(wholly_failing(1))
    assert source.count('<p class="hint">') == 1
    assert source.count("The hint above explains this too.") == 1


def test_of_many_cards_only_the_first_steps_are_open() -> None:
    assert len(re.findall(r'<details class="card" id="f\d+" open>', render_html(wholly_failing(20)))) == 3


def test_every_picture_is_drawn_and_told() -> None:
    page = Page(pictured())
    assert page.source.count('<svg viewBox="') == page.source.count('<figure class="picture">') == 5
    assert "Box 1 wrongly kept" in page.text


def test_a_page_without_pictures_imports_no_matplotlib() -> None:
    code = (
        "import sys; from grader.report.html import render_html; "
        "from tests.report.sample_reports import full_marks; render_html(full_marks()); "
        "print({'matplotlib', 'numpy'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_the_largest_report_is_below_two_megabytes() -> None:
    page = render_html(wholly_failing(58))
    assert 500_000 < len(page.encode()) < MAX_BYTES
    assert page.count('<figure class="picture">') > 2
    assert "1 of 4 values differs" in page.split('id="f58"')[1]


def test_hostile_text_cannot_make_a_page_too_large() -> None:
    worst = hostile("\u202e" * 100_000).functions[0]
    crowd = tuple(replace(c, summary=f"{n}", visible=True) for n in range(12) for c in worst.checks[:2])
    page = render_html(report(tuple(function("f", 0, 100, crowd, excerpts=worst.excerpts) for _ in range(58))))
    assert len(page.encode()) < MAX_BYTES
