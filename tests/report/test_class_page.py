"""class.html: one safe page, its words, and what it does in a real browser."""

import base64
import hashlib
import re
import shutil
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from grader.batch.glance import glance
from grader.batch.model import Entry, Record
from grader.batch.view import ClassView
from grader.model import Verdict
from grader.report.class_page import render_class
from tests.batch.classes import alike, digest, entry, failing, missing, real_class, record
from tests.export.reports import FORMULAS
from tests.report.sample_reports import HOSTILE
from tests.report.test_page_in_browser import ACCESSIBILITY, CONTRASTS, OPEN_ALL, browser, events

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the path")

__all__ = ["browser", "events"]
TEXTS = HOSTILE | FORMULAS


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str, str | None]] = set()
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += " "
        self.attributes |= {(tag, name, value) for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def words_of(view: ClassView) -> str:
    """Return the text of the page in one line."""
    return " ".join(Page(render_class(view)).text.split())


def everything(text: str = "plain", size: int = 8, *, anonymous: bool = False) -> ClassView:
    """Return a class in which every section has something, and every text of a submission or roster is `text`."""
    said = {"summary": text, "hint": text, "outline": text}
    functions = (
        digest("f", failing("f/a", **said), failing("f/b", diagnosis="axis", **said)),
        digest("g", failing("g/a", Verdict.ERROR, diagnosis="broadcast", **said), hundredths=200),
        digest("h", failing("h/a", Verdict.FAULT, **said), hundredths=None),
    )
    records = [record(f"{text}{n}", *functions, state="partial", note=text) for n in range(size)]
    records += [record(f"{text} zip", state="refused", note=text)]
    records += [record(f"{text} lost", digest("f", hundredths=None), state="fault", note=text)]
    entries = [entry(made, f"{text}{n}", text, late=n == 1) for n, made in enumerate(records)]
    others = [entry(record(f"{text} older"), text, counts=False), missing(text, text)]
    return glance("Softmax classifier", records, [*entries, *others], anonymous=anonymous)


def test_a_page_says_what_is_known() -> None:
    said = words_of(everything())
    for text in (
        "For staff only: this tells of hidden cases and of every student's marks.",
        "35 % median",
        "10 of 11 students handed in, and none of it is fully graded; 8 graded in part; 1 not graded, our fault; "
        "1 could not be read; 1 late. 1 other submission of theirs does not count.",
        "Hardest for those who tried: f (0 % with full marks), g (0 % with full marks).",
        "It costs h in 8 submissions",
        "It costs everything in 1 submission",
        "Handed in nothing: 1",
        "Could not be read: 1",
        "Below 50 %: 8",
        "f/a 8 of 8 fail",
        "This looks like a wrong case: 8 of the 8 who fail get everything else of the function right",
        "grader report FOLDER/staff.json --as staff",
    ):
        assert text in said


def test_a_class_in_order_says_so() -> None:
    said = words_of(glance("Softmax", alike(6, digest("f"), digest("g")), ()))
    assert "None: no check is failed by 80 % or more of those who tried its function, where at least 5 did." in said
    assert "Nobody who is graded is below 50 %." in said
    assert "No known mistake is made by more than one submission." in said
    assert "Hardest" not in said and "our fault:" not in said and "6 of 6 students handed in." in said


def test_nothing_at_all() -> None:
    assert "Nothing is graded yet." in words_of(glance("Softmax", (), ()))


def test_readings_are_told_apart() -> None:
    known = words_of(glance("t", alike(6, digest("f", failing("f/a", diagnosis="axis"))), ()))
    assert "a mistake to talk about: 6 of the 6 who fail make the mistake axis" in known
    hard = digest("f", *(failing(f"f/{n}") for n in range(5)), status="not right yet", hundredths=0)
    assert "a hard function or an unclear text: only 0 of the 6 who fail" in words_of(glance("t", alike(6, hard), ()))


def test_the_policy_lets_in_one_style_sheet_and_one_script() -> None:
    page = Page(render_class(everything()))
    hashes = [
        base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        for tag in ("style", "script")
        for inner in re.findall(rf"<{tag}>(.*?)</{tag}>", page.source, re.DOTALL)
    ]
    assert len(hashes) == 2
    (policy,) = [v for tag, name, v in page.attributes if name == "content" and v and "default-src" in v]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; base-uri 'none'; "
        "form-action 'none'"
    )
    assert "url(" not in page.source and "@import" not in page.source
    assert not any(name in ("src", "style") or name.startswith("on") for _, name, _ in page.attributes)
    links = {value for tag, name, value in page.attributes if name == "href"}
    assert all(link is not None and link.startswith(("./", "#")) for link in links)


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_is_inert(name: str) -> None:
    page, plain = Page(render_class(everything(TEXTS[name]))), Page(render_class(everything()))
    assert set(page.tags) <= set(plain.tags)
    assert {(tag, key) for tag, key, _ in page.attributes} <= {(tag, key) for tag, key, _ in plain.attributes}
    same = {(tag, key, value) for tag, key, value in page.attributes if key in ("id", "class", "content", "data-is")}
    assert same <= plain.attributes
    assert page.tags.count("script") == 1 and page.tags.count("tr") >= 12
    assert {unicodedata.category(c) for c in page.source if c != "\n"} & {"Cc", "Cf", "Cs"} == set()
    assert len(page.source) < 250_000


def test_anonymous_pages_have_no_names_and_no_links() -> None:
    source = render_class(everything("Zaphod", anonymous=True))
    assert "Zaphod" in render_class(everything("Zaphod"))
    rows = re.findall(r'<tr data-is="[^"]*">\n<td>(.*?)</td>', source, re.DOTALL)
    assert [re.sub("<.*?>", "", row).split()[:2] for row in rows] == [["Submission", str(n)] for n in range(1, 11)]
    assert "feedback.html" not in source and "@uni.example" not in source and "graded/" not in source
    assert {value for tag, name, value in Page(source).attributes if name == "href"} == {"#students"}


def test_anonymous_pages_of_real_gradings_name_nobody() -> None:
    records, entries = real_class(60)
    source = render_class(glance("Softmax", records, entries, anonymous=True))
    assert "Submission 60" in source and "columns" in source
    for told in ("student-0", "Person", "absentee", "Absent", "graded/"):
        assert told not in source


@pytest.fixture
def open_class(browser: "sync_api.Browser", tmp_path: Path, events: list[str]) -> Iterator[object]:
    contexts = []

    def load(view: ClassView, width: int = 1280, scheme: str = "light", script: bool = True) -> "sync_api.Page":
        file = tmp_path / "class.html"
        file.write_text(render_class(view), "utf-8")
        size = {"width": width, "height": 800}
        context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=script)
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


def column(page: "sync_api.Page", number: int, table: str = "student-table") -> list[str]:
    """Return the cells of a column as they stand, of the rows that are shown."""
    rows = f"[...document.querySelectorAll('#{table} tbody tr')].filter(row => !row.hidden)"
    return page.evaluate(f"{rows}.map(row => row.cells[{number}].innerText.trim())")


def three() -> tuple[list[Record], list[Entry]]:
    points = {"s10": 90, "s9": 100, "s2": 5}
    records = [
        record(name, digest("f", *([] if full == 100 else [failing("f/a")]), hundredths=full * 10), seconds=full)
        for name, full in points.items()
    ]
    people = ("José Ñandú", "Ada Lovelace", "Zoë")
    entries = [entry(made, made.name, person) for made, person in zip(records, people, strict=True)]
    return records, [*entries, missing("s1", "Bob")]


@in_chromium
def test_a_click_sorts_and_another_turns_it_round(open_class, events) -> None:
    page = open_class(glance("t", *three()))
    marks = page.locator("#student-table th", has_text="Marks")
    assert column(page, 1) == ["90 %", "100 %", "5 %", "–"]
    marks.locator("button").click()
    assert column(page, 1) == ["100 %", "90 %", "5 %", "–"] and marks.get_attribute("aria-sort") == "descending"
    marks.locator("button").click()
    assert column(page, 1) == ["5 %", "90 %", "100 %", "–"] and marks.get_attribute("aria-sort") == "ascending"
    name = page.locator("#student-table th").first
    name.locator("button").focus()
    page.keyboard.press("Enter")
    assert [cell.split()[0] for cell in column(page, 0)] == ["Ada", "Bob", "José", "Zoë"]
    assert name.get_attribute("aria-sort") == "ascending" and marks.get_attribute("aria-sort") is None
    page.keyboard.press("Space")
    assert [cell.split()[0] for cell in column(page, 0)] == ["Zoë", "José", "Bob", "Ada"]
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert events == []


@in_chromium
def test_ids_sort_by_their_numbers(open_class) -> None:
    records, _ = three()
    page = open_class(glance("t", records, ()))
    page.locator("#student-table th button").first.click()
    assert column(page, 0) == ["s2", "s9", "s10"]


@in_chromium
def test_search_and_choice_filter_the_students(open_class, events) -> None:
    page = open_class(glance("t", *three()))
    search, status = page.get_by_label("Search"), page.locator(".search [role=status]")
    assert status.inner_text() == "4 of 4 shown"
    search.fill("nandu jose")
    assert [cell.split()[0] for cell in column(page, 0)] == ["José"] and status.inner_text() == "1 of 4 shown"
    search.fill("s9")
    assert [cell.split()[0] for cell in column(page, 0)] == ["Ada"]
    search.fill("<img src=x>")
    assert column(page, 0) == [] and status.inner_text() == "0 of 4 shown"
    search.fill("")
    page.get_by_label("Show").select_option("below 50 %")
    assert [cell.split()[0] for cell in column(page, 0)] == ["Zoë"]
    page.get_by_label("Show").select_option("handed in nothing")
    assert [cell.split()[0] for cell in column(page, 0)] == ["Bob"]
    page.locator("#student-table th button").first.click()
    page.get_by_label("Show").select_option("everybody")
    assert len(column(page, 0)) == 4 and events == []


@in_chromium
def test_the_page_says_everything_without_its_script(open_class) -> None:
    page = open_class(everything(), script=False)
    assert page.locator("#student-table tbody tr").count() == 11
    assert not page.locator(".search").is_visible() and page.locator("th button").count() == 0
    assert page.locator("#cases .suspect").count() == 2


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["plain", "script", "bidi", "long", "numbers"])
def test_every_text_can_be_read_and_fits(open_class, events, name: str, width: int, scheme: str) -> None:
    page = open_class(everything(HOSTILE.get(name, name)[:10_000]), width=width, scheme=scheme)
    page.evaluate(OPEN_ALL)
    red, *_ = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (red > 200) == (scheme == "light")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(CONTRASTS) == []
    assert page.evaluate(ACCESSIBILITY) == []
    assert events == []


@in_chromium
def test_a_real_class_fits_a_phone(open_class, events) -> None:
    page = open_class(glance("Softmax", *real_class(40)), width=360)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    wide = "[...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth + 1).length"
    assert page.evaluate(wide) == 0
    assert page.locator("#student-table th:visible").all_inner_texts() == ["Student", "Marks"]
    assert events == []


@in_chromium
def test_a_thousand_submissions_sort_and_search(open_class, events) -> None:
    page = open_class(glance("Softmax", *real_class(1000)))
    assert page.locator("#student-table tbody tr").count() == 1001
    page.locator("#student-table th button", has_text="Marks").click()
    marks = [int(cell.rstrip(" %")) for cell in column(page, 1) if cell != "–"]
    assert len(marks) == 1000 and marks == sorted(marks, reverse=True) and len(set(marks)) > 5
    page.get_by_label("Search").fill("0999")
    assert len(column(page, 0)) == 1
    assert page.locator("#student-table a:visible").get_attribute("href") == "./graded/student-0999/feedback.html"
    assert events == []


@in_chromium
def test_print_is_light_and_complete(open_class) -> None:
    page = open_class(everything(), scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRASTS) == []
    assert not page.locator(".search").is_visible()
