"""The card of one function, for a notebook's output: HTML that takes the colours around it, Markdown, and text."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

from grader.live import OFFICIAL, Card
from grader.report import words
from grader.report.templates import html_environment, markdown_environment
from grader.report.words import Status

if TYPE_CHECKING:
    from jinja2 import Template

# Seen on white and on black; what is said with them is said in words, too.
COLOURS = {
    Status.FULL: "#2e9e5b",
    Status.PART: "#c27c00",
    Status.SLOW: "#c27c00",
    Status.NONE: "#d64a3a",
    Status.MISSING: "#d64a3a",
    Status.UNSTARTED: "#808080",
    Status.FAULT: "#8a6fd6",
    Status.EMPTY: "#808080",
}


def card_html(card: Card) -> str:
    """Return the card as a piece of HTML: inline styles alone, no script, no colour of its own for text."""
    state = words.status(card.function) if card.function else Status.EMPTY
    return _html().render(card=card, official=OFFICIAL, colour=COLOURS[state])


def card_markdown(card: Card) -> str:
    """Return the card as GitHub-flavoured Markdown."""
    return _markdown().render(card=card, official=OFFICIAL)


def card_text(card: Card) -> str:
    """Return the card as plain text."""
    from rich.console import Console

    from grader.report.terminal import print_function

    console = Console(file=io.StringIO(), force_terminal=False, force_jupyter=False, color_system=None)
    with console.capture() as capture:
        print_function(card.name, card.function, card.problems, console)
    return f"{capture.get()}{OFFICIAL if card.function else ''}".rstrip()


@cache
def _html() -> Template:
    return html_environment().get_template("card.html.j2")


@cache
def _markdown() -> Template:
    return markdown_environment().get_template("card.md.j2")
