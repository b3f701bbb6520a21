"""The page in a real browser: quiet, within its width, usable by keyboard, readable in light and dark."""

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from grader.report.html import render_html
from tests.report.sample_reports import HOSTILE, all_fault, every_verdict, hostile, timed

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the path")

# WCAG contrast of every piece of text with the nearest background that is painted under it.
CONTRASTS = """() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = color => {
    const [r, g, b] = channels(color).map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const painted = element => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text) continue;
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(painted(element))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) low.push([text.slice(0, 40), (a + .05) / (b + .05)]);
  }
  return low;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def events() -> list[str]:
    """Everything that a page says, asks for or opens besides itself."""
    return []


@pytest.fixture
def open_page(browser: "sync_api.Browser", tmp_path: Path, events: list[str]) -> Iterator[object]:
    contexts = []

    def load(page_source: str, width: int = 800, scheme: str = "light") -> "sync_api.Page":
        file = tmp_path / "feedback.html"
        file.write_text(page_source, "utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: events.append(message.text))
        page.on("pageerror", lambda error: events.append(str(error)))
        page.on("dialog", lambda dialog: events.append(dialog.message))
        page.on("request", lambda request: events.append(request.url))
        page.goto(file.as_uri())
        assert events.pop(0) == file.as_uri()
        return page

    yield load
    for context in contexts:
        context.close()


@pytest.mark.parametrize("report", [every_verdict, timed])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable(open_page, events, scheme: str, report) -> None:
    page = open_page(render_html(report()), scheme=scheme)
    red, *_ = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (red > 200) == (scheme == "light")
    assert page.evaluate(CONTRASTS) == []
    assert events == []


@pytest.mark.parametrize("name", ["verdicts", "fault", "timed", "script", "bidi", "long", "lines"])
def test_nothing_runs_and_nothing_overflows_a_phone(open_page, events, name: str) -> None:
    report = {"verdicts": every_verdict, "fault": all_fault, "timed": timed}.get(name, lambda: hostile(HOSTILE[name]))()
    page = open_page(render_html(report), width=360)
    for card in page.query_selector_all("details"):
        card.evaluate("details => details.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert events == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 900])
def test_plots_fit_and_take_the_colour_of_the_text(open_page, events, width: int, scheme: str) -> None:
    page = open_page(render_html(timed()), width=width, scheme=scheme)
    card = page.locator("#f1")
    ink = card.evaluate("card => getComputedStyle(card).color")
    for text in card.locator("svg[role=img] text").all():
        assert text.evaluate("text => getComputedStyle(text).fill") == ink
        assert text.evaluate("text => text.getBoundingClientRect().height") >= 9
    boxes = [plot.bounding_box() for plot in card.locator("svg[role=img]").all()]
    assert len(boxes) == 2
    assert all(box["x"] > 0 and box["x"] + box["width"] < width for box in boxes)
    assert (boxes[0]["y"] == boxes[1]["y"]) == (width == 900)
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))
    assert events == []


def test_wide_arrays_scroll_in_their_own_box(open_page) -> None:
    page = open_page(render_html(every_verdict()), width=360)
    box = page.locator("pre.array", has_text="0.66524096").first
    assert box.evaluate("pre => pre.scrollWidth > pre.clientWidth")
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("pre => pre.scrollLeft > 0", arg=box.element_handle())


def test_cards_open_by_keyboard(open_page) -> None:
    page = open_page(render_html(every_verdict()))
    card = page.locator("#f3")
    assert card.get_attribute("open") is None
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    assert card.get_attribute("open") is not None
    page.keyboard.press("Space")
    assert card.get_attribute("open") is None
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_headings_are_in_order(open_page) -> None:
    page = open_page(render_html(every_verdict()))
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "Softmax classifier: feedback for alice-hw1"


def test_print_is_light_and_shows_every_card(open_page) -> None:
    page = open_page(render_html(every_verdict()), scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRASTS) == []
    assert page.locator("#f3 .body").is_visible()
