"""No text gets through a sanitiser with any effect on its target."""

import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from grader.report.escape import (
    cell,
    command,
    command_property,
    excerpt,
    markdown,
    markdown_code,
    markdown_fence,
    terminal,
    xml,
)
from tests.report.sample_reports import HOSTILE

SNIPPETS = st.sampled_from([
    "::error::", "##[", "`", "``", "|", "\\", "<b>", "*", "_", "~~", "@me", "#1", "![", "](x)", "https://x.y",
    "\x1b[0m", "\u202e", "\r\n", "\n", "\t", " ", "1. ", "- ", "&lt;", "$x$", "\ud800", "\0", "e" + 4 * "\u0301",
    "mailto:a@b.c", "GH-1", "::x", "www.x.y", "0", "a",
])  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.lists(SNIPPETS, max_size=12).map("".join),
)
many = settings(max_examples=150, deadline=None)


def invisible(text: str) -> set[str]:
    return {hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}


def inline(text: str) -> list[tuple[str, str]]:
    (token,) = MarkdownIt("commonmark", {"linkify": False}).parseInline(text)
    return [(child.type, child.content) for child in token.children or ()]


@given(TEXTS)
@many
def test_excerpt_shows_what_is_invisible(text: str) -> None:
    # Format characters that shape Arabic digits and the like draw something; the test allows those few.
    drawn = {hex(c) for c in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)}
    drawn |= {hex(c) for c in (*range(0x13430, 0x13440), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B))}
    assert invisible(excerpt(text, 1000, 50)) <= drawn
    assert "\n" not in excerpt(text, 1000)
    excerpt(text, 1000).encode()


@given(TEXTS)
@many
def test_excerpt_is_stable(text: str) -> None:
    once = excerpt(text, 1000, 50)
    assert excerpt(once, 10_000, 50) == once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("\u202egpj", r"\u202egpj"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("naïve 日本語 עברית 👍 ∇·x", "naïve 日本語 עברית 👍 ∇·x"),
        ("a\n b\t c", "a b c"),
    ],
)
def test_excerpt_leaves_ordinary_text_alone(text: str, shown: str) -> None:
    assert excerpt(text, 100) == shown


def test_excerpt_says_how_much_is_left_out() -> None:
    assert excerpt("A" * 10_000_000, 10) == "AAAAAAAAAA … 9,999,990 more characters"
    assert excerpt("abc", 2) == "ab … 1 more character"
    assert excerpt("a\r\nb\r\nc\n", 100, 2) == "a\nb\n… 3 more characters"
    assert len(excerpt("x\n" * 5_000_000, 4000, 20).splitlines()) == 21


@given(TEXTS)
@many
def test_terminal_has_no_runner_commands(text: str) -> None:
    for line in terminal(text, 1000, 50).split("\n"):
        assert "##[" not in line and "##vso[" not in line
        assert "::error" not in line
        assert not line.strip().startswith("::e")


def test_terminal_keeps_slices_and_names() -> None:
    assert terminal("x[::2], torch::Tensor, a[:, ::-1]") == "x[::2], torch::Tensor, a[:, ::-1]"


@given(TEXTS)
@many
def test_markdown_prose_renders_as_the_text_itself(text: str) -> None:
    children = inline(markdown(text, 1000))
    assert {kind for kind, _ in children} <= {"text", "text_special"}
    assert "".join(content for _, content in children).replace("\u200b", "") == excerpt(text, 1000)


@given(TEXTS)
@many
def test_markdown_prose_is_one_paragraph_and_one_cell(text: str) -> None:
    blocks = MarkdownIt("commonmark").parse(markdown(text, 1000))
    assert [token.type for token in blocks] in ([], ["paragraph_open", "inline", "paragraph_close"])
    for shown in (markdown(text, 1000), markdown_code(text, 1000, cell=True)):
        tokens = MarkdownIt("commonmark").enable("table").parse(f"| a | b |\n|--|--|\n| {shown} | x |\n")
        assert [t.content for t in tokens if t.type == "inline"][3:] == ["x"]


@given(TEXTS)
@many
def test_markdown_code_is_one_code_span(text: str) -> None:
    ((kind, content),) = inline(markdown_code(text, 1000))
    assert (kind, content) == ("code_inline", terminal(text, 1000) or " ")


@given(TEXTS)
@many
def test_markdown_fence_is_one_block(text: str) -> None:
    (token,) = MarkdownIt("commonmark").parse(markdown_fence(text, 1000, 50))
    assert (token.type, token.content) == ("fence", terminal(text, 1000, 50) + "\n")


@pytest.mark.parametrize("text", ["@octocat", "#12", "GH-3", "a@b.io", "https://evil.example", "www.evil.example"])
def test_markdown_breaks_what_github_links_after_rendering(text: str) -> None:
    assert text not in markdown(f"see {text}")


@pytest.mark.parametrize("name", HOSTILE)
def test_every_sanitiser_survives(name: str) -> None:
    for sanitise in (excerpt, terminal, markdown, markdown_code, markdown_fence):
        assert len(sanitise(HOSTILE[name], 200).encode()) < 3000


@given(TEXTS)
@many
def test_a_command_is_one_line_that_reads_back_as_the_text(text: str) -> None:
    for shown, escapes in (
        (command(text, 1000, 50), {"%0D": "\r", "%0A": "\n", "%25": "%"}),
        (command_property(text, 1000), {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}),
    ):
        assert not set("\r\n") & set(shown)
        for code, character in escapes.items():
            shown = shown.replace(code, character)
        assert shown in (terminal(text, 1000, 50), terminal(text, 1000))
    assert not set(":,") & set(command_property(text, 1000))


@given(st.one_of(TEXTS, st.text("=+-@ \t\n;'a", max_size=8)))
@many
def test_no_line_of_a_cell_is_a_formula(text: str) -> None:
    shown = cell(text, 1000, 50)
    for part in shown.replace(";", "\n").split("\n"):
        assert not part.strip().startswith(tuple("=+-@＝＋－＠"))
    assert shown.replace("'", "") == excerpt(text, 1000, 50).replace("'", "")


@given(TEXTS)
@many
def test_xml_can_hold_the_text(text: str) -> None:
    element = ElementTree.Element("a", {"b": xml(text, 1000, 1)})
    element.text = xml(text, 1000, 50)
    read = ElementTree.fromstring(ElementTree.tostring(element))
    assert (read.text or "") == xml(text, 1000, 50) and read.get("b") == xml(text, 1000, 1)
