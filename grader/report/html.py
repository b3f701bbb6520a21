"""The report as one HTML page that needs no network and runs no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from markupsafe import Markup

from grader.model import Report
from grader.report.findings import next_steps
from grader.report.templates import FOLDER, html_environment

if TYPE_CHECKING:
    from jinja2 import Template

MAX_BYTES = 2_000_000
# Figures in bytes and characters per value: what a page falls back to when it would be too large.
_ROOMS = ((1_100_000, 4_000), (600_000, 800), (0, 0))
_SMALL_FIGURE = 12_000
# Drawing costs time: after so many figures that did not fit, no more are tried.
_REFUSALS = 5
# With more functions to work on than this, only those to begin with are open.
_FEW = 8


@dataclass(slots=True)
class Room:
    """How much a page may still hold: bytes of figures, and the characters of one value."""

    figures: int
    characters: int
    drawn: dict[str, Markup] = field(default_factory=dict)
    refused: int = 0

    def draw(self, name: str, painter: Callable[..., Markup], *arguments: object) -> Markup:
        """Return the figure that the painter draws under a name, "" when there is no room for it."""
        if self.figures < _SMALL_FIGURE or self.refused > _REFUSALS:
            return Markup()
        if name not in self.drawn:
            self.drawn[name] = painter(*arguments, name)
        if len(self.drawn[name]) > self.figures:
            self.refused += 1
            return Markup()
        self.figures -= len(self.drawn[name])
        return self.drawn[name]


def render_html(report: Report) -> str:
    """Return the page, below 2 MB: the score, what to do first, and one card for each function."""
    steps, drawn = next_steps(report), dict[str, Markup]()
    open_cards = {step.position for step in steps}
    needing = [n for n, function in enumerate(report.functions, 1) if function.hundredths != function.max_hundredths]
    if len(needing) <= _FEW:
        open_cards = set(range(1, len(report.functions) + 1))
    page = ""
    for figures, characters in _ROOMS:
        room = Room(figures, characters, drawn)
        page = template().render(report=report, steps=steps, open_cards=open_cards, room=room)
        if len(page.encode("utf-8", "replace")) < MAX_BYTES:
            break
    return page


@cache
def template() -> Template:
    """Return the compiled template of the report."""
    return page_template("feedback.html.j2", "feedback.css")


def page_template(
    name: str, *sheets: str, script: str = "", given: Mapping[str, object] = MappingProxyType({})
) -> Template:
    """Return the compiled template of a page, which gets the style sheets, joined, the script, and what is `given`.

    The policy's hashes let our own style sheet and script in, and nothing that a submission might get into the page.
    """
    css = "".join((FOLDER / sheet).read_text("utf-8") for sheet in sheets)
    code = (FOLDER / script).read_text("utf-8") if script else ""
    scripts = f" script-src {_hashed(code)};" if script else ""
    policy = f"default-src 'none'; style-src {_hashed(css)};{scripts} base-uri 'none'; form-action 'none'"
    trusted = {"css": Markup(css), "script": Markup(code), "policy": policy}  # noqa: S704 - our own files
    return html_environment().get_template(name, globals={**given, **trusted})


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
