"""The page: what it says, that nothing of a submission gets loose in it, and how it looks in a browser."""

import re
from dataclasses import replace

import pytest

from grader.batch.find import find
from grader.model import Location
from grader.similar import page, wording
from grader.similar.gather import gather
from grader.similar.model import Refused
from grader.similar.page import render_page
from grader.similar.survey import survey
from tests.report.test_page_in_browser import (
    ACCESSIBILITY,
    CONTRASTS,
    OPEN_ALL,
    browser,  # noqa: F401 - fixtures
    events,  # noqa: F401
    open_page,  # noqa: F401
)
from tests.similar.conftest import NAMES
from tests.similar.disguise import disguise

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def klass(tmp_path, versions):
    """Three students, of whom one copied, and a hand-in that cannot be read; everything that can be is hostile."""
    folder = tmp_path / "class"
    sources = {name: "\n\n".join(versions[one][n] for one in NAMES) for n, name in enumerate((HOSTILE, "ben"))}
    sources["cleo"] = disguise(sources[HOSTILE], *NAMES)
    for name, text in sources.items():
        (folder / name.replace("/", "|")).mkdir(parents=True)
        odd = text.replace("return ", f"return '{HOSTILE}</pre>\u202e' or ", 1)
        (folder / name.replace("/", "|") / "<u>&.py").write_text(odd)
    read = list(gather(find(folder)[0], NAMES))
    return survey(NAMES, [*read, Refused(HOSTILE, HOSTILE)], [], 10), read


def test_the_page_says_what_it_is_and_is_not(klass):
    text = render_page(*klass, "hw1")
    assert "A place to look, not a verdict." in text
    assert "Honest students may be alike" in text
    assert "<code>hw1</code>" in text
    assert wording.summary(klass[0]) in text


def test_nothing_of_a_submission_is_markup(klass):
    text = render_page(*klass, HOSTILE)
    assert not re.search(r"<script|<u>|</pre>[^\n<]", text)
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text
    assert "\\u202e" in text
    assert text.count("<pre") == text.count("</pre>")


def test_both_sides_are_shown_with_the_same_words_marked(klass):
    text = render_page(*klass, "hw1")
    shown = sum(len(one.pairs) for one in klass[0].functions)
    assert text.count('<div class="sides"') == shown
    first, second = re.findall(r'<div class="side">.*?</div>', text, re.DOTALL)[:2]
    marked = [re.sub(r"\W|my_\d+", "", "".join(re.findall("<mark>(.*?)</mark>", side))) for side in (first, second)]
    assert min(map(len, marked)) > 40
    assert first.count("<mark>") > 1 < second.count("<mark>")


def test_a_docstring_is_not_shown(klass):
    text = render_page(*klass, "hw1")
    assert "Keep the best box" not in text
    assert 'data-line="⋮"' in text


def test_a_page_without_room_for_passages_keeps_the_pairs(klass, monkeypatch):
    monkeypatch.setattr(page, "MAX_CHARACTERS", 3_000)
    text = render_page(*klass, "hw1")
    assert 0 < text.count('<div class="sides"') < sum(len(one.pairs) for one in klass[0].functions)
    assert "--only" in text


def test_long_passages_are_cut(klass, monkeypatch):
    monkeypatch.setattr(page, "MAX_LINES", 3)
    monkeypatch.setattr(page, "MAX_COLUMNS", 20)
    text = render_page(*klass, "hw1")
    assert re.search(r"and \d+ more lines", text)
    assert not re.search(r'data-line="\d+">[^<]{30}', text)


def test_a_class_in_which_nobody_is_alike(klass):
    found, read = klass
    text = render_page(replace(found, pairs=(), functions=(), too_short=("relu",), same=("iou",)), read, "hw1")
    assert "No two submissions are alike in any function." in text
    assert "Too short to compare" in text
    assert f"{wording.SAME}: <code>iou</code>." in text


def test_places_tell_cells_apart():
    assert wording.place(Location("hw.ipynb", 3, 2)) == "hw.ipynb cell 2, line 3"


def test_only_all_of_it_is_all_of_it():
    assert [wording.percent(share) for share in (0.0, 0.999, 1.0)] == ["0%", "99%", "100%"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable(klass, open_page, events, scheme):  # noqa: F811
    shown = open_page(render_page(*klass, "hw1"), scheme=scheme)
    shown.evaluate(OPEN_ALL)
    assert shown.evaluate(CONTRASTS) == []
    assert events == []


@pytest.mark.parametrize("width", [360, 1200])
def test_everything_has_a_name_and_a_place_within_the_width(klass, open_page, events, width):  # noqa: F811
    shown = open_page(render_page(*klass, "hw1"), width=width)
    shown.evaluate(OPEN_ALL)
    assert shown.evaluate(ACCESSIBILITY) == []
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    assert events == []


def test_a_link_opens_what_it_leads_to(klass, open_page):  # noqa: F811
    shown = open_page(render_page(*klass, "hw1"), width=1200)
    link = shown.locator(".couples a").nth(2)
    link.click()
    assert shown.locator(link.get_attribute("href")).is_visible()
