"""The page in a real browser: quiet, within its width, usable by keyboard, readable in light and dark."""

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from grader.report.html import render_html
from tests.report.sample_reports import HOSTILE, all_fault, every_verdict, hostile, pictured, timed, wholly_failing

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

# What an accessibility checker asks of every page: each thing that can be reached or seen has a name, ids are unique
# and references to them lead somewhere, landmarks are there, nothing that scrolls is out of the keyboard's reach.
ACCESSIBILITY = """() => {
  const found = [], all = selector => [...document.querySelectorAll(selector)];
  const text = element => (element ? element.textContent : "").trim();
  const name = element => {
    const labels = (element.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean);
    if (labels.some(id => !document.getElementById(id))) found.push(["dangling", element.outerHTML.slice(0, 80)]);
    const label = labels.map(id => text(document.getElementById(id))).join(" ") || element.getAttribute("aria-label");
    return label || text(element.querySelector(":scope > title")) || text(element);
  };
  for (const element of all("a, summary, svg[role=img], [tabindex='0'], nav, figure"))
    if (!name(element)) found.push(["no name", element.outerHTML.slice(0, 80)]);
  for (const element of all("pre[tabindex]"))
    if (!element.hasAttribute("role") || !element.hasAttribute("aria-labelledby"))
      found.push(["no label", element.outerHTML.slice(0, 80)]);
  for (const svg of all("svg:not([aria-hidden=true])"))
    if (svg.getAttribute("role") !== "img" || !svg.querySelector("desc"))
      found.push(["no alternative", svg.outerHTML.slice(0, 80)]);
  const ids = all("[id]").map(element => element.id);
  for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) found.push(["id twice", id]);
  for (const link of all("a[href^='#']"))
    if (!document.getElementById(link.getAttribute("href").slice(1))) found.push(["leads nowhere", link.outerHTML]);
  for (const landmark of ["header", "main", "footer"])
    if (all(`body > ${landmark}`).length !== 1) found.push(["landmark", landmark]);
  for (const element of all("[tabindex]"))
    if (element.tabIndex > 0) found.push(["tabindex", element.outerHTML.slice(0, 80)]);
  const scrolls = element => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  for (const element of all("body *"))
    if (element.scrollWidth > element.clientWidth + 1 && element.tabIndex < 0 && scrolls(element))
      found.push(["scrolls out of reach", element.outerHTML.slice(0, 80)]);
  const levels = all("h1, h2, h3, h4").map(heading => +heading.tagName[1]);
  levels.forEach((level, i) => { if (level > (i ? levels[i - 1] : 0) + 1) found.push(["heading", level, i]); });
  return found;
}"""
OPEN_ALL = "document.querySelectorAll('details').forEach(details => { details.open = true; })"


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


@pytest.mark.parametrize("report", [every_verdict, timed, pictured])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable(open_page, events, scheme: str, report) -> None:
    page = open_page(render_html(report()), scheme=scheme)
    page.evaluate(OPEN_ALL)
    red, *_ = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (red > 200) == (scheme == "light")
    assert page.evaluate(CONTRASTS) == []
    assert events == []


@pytest.mark.parametrize("width", [360, 900])
@pytest.mark.parametrize(
    "report",
    [every_verdict, timed, pictured, all_fault, lambda: wholly_failing(20), lambda: hostile(HOSTILE["script"])],
    ids=["verdicts", "timed", "pictured", "fault", "many", "hostile"],
)
def test_everything_has_a_name_and_a_place(open_page, events, report, width: int) -> None:
    page = open_page(render_html(report()), width=width)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(ACCESSIBILITY) == []
    assert events == []


def test_the_tab_key_goes_through_the_page_in_its_order(open_page) -> None:
    page = open_page(render_html(every_verdict()))
    reachable = page.evaluate("[...document.querySelectorAll('a, summary, [tabindex=\"0\"]')].length")
    places = []
    for _ in range(reachable):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "[...document.querySelectorAll('a, summary, [tabindex=\"0\"]')].indexOf(document.activeElement)"
        )
        if place < 0:  # out of the page: what is in closed details was skipped
            break
        places.append(place)
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
    assert places == sorted(places) and len(places) > 20 and places[0] == 0


def test_the_first_stop_skips_to_what_to_do(open_page) -> None:
    page = open_page(render_html(every_verdict()))
    page.keyboard.press("Tab")
    link = page.locator(":focus")
    assert link.inner_text() == "Skip to what to do first"
    assert link.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.start') !== null")


def test_a_link_opens_the_card_that_it_leads_to(open_page, events) -> None:
    page = open_page(render_html(wholly_failing(20)))
    assert page.locator("#f15").get_attribute("open") is None
    page.locator("nav a", has_text="f14").click()
    page.wait_for_function("document.getElementById('f15').open")
    assert 0 <= page.locator("#f15 summary").first.bounding_box()["y"] < 800
    assert [url for url in events if "#f15" not in url] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 900])
def test_pictures_fit_and_can_be_read(open_page, events, width: int, scheme: str) -> None:
    page = open_page(render_html(pictured()), width=width, scheme=scheme)
    pictures = page.locator("figure.picture svg[role=img]").all()
    assert len(pictures) == 5
    for picture in pictures:
        box = picture.bounding_box()
        assert box["x"] > 0 and box["x"] + box["width"] < width
        assert all(text.bounding_box()["height"] >= 8 for text in picture.locator("text").all())
    ink = page.locator("figcaption").first.evaluate("caption => getComputedStyle(caption).color")
    axis = page.locator("figure.picture svg text", has_text="expected").last
    assert axis.evaluate("text => getComputedStyle(text).fill") == ink
    assert events == []


def test_lines_of_code_are_numbered_and_the_error_stands_out(open_page) -> None:
    page = open_page(render_html(every_verdict()), width=360)
    code = page.locator("pre.code").first
    numbers = code.evaluate(
        "pre => [...pre.children].map(line => getComputedStyle(line, '::before').content.replaceAll('\"', ''))"
    )
    assert numbers == ["10", "11", "\u25b6\xa012", "13", "\u25b6\xa014", "15"]
    assert code.evaluate("pre => pre.innerText").split("\n")[0] == "def softmax(z):"


@pytest.mark.parametrize("name", ["verdicts", "fault", "timed", "pictured", "script", "bidi", "long", "lines"])
def test_nothing_runs_and_nothing_overflows_a_phone(open_page, events, name: str) -> None:
    reports = {"verdicts": every_verdict, "fault": all_fault, "timed": timed, "pictured": pictured}
    report = reports.get(name, lambda: hostile(HOSTILE[name]))()
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
    page.locator("details.check", has=box).first.evaluate("details => details.open = true")
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
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = false; })")
    assert all(part.is_visible() for part in page.locator(".body, .inside, pre.code").all())
    assert all(part.bounding_box()["height"] > 0 for part in page.locator(".inside, pre.code").all())
