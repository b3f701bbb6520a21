"""similar.html: the most alike pairs with their passages side by side, without scripts and without the network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from grader import __version__
from grader.model import Location
from grader.report.html import page_template
from grader.similar import wording
from grader.similar.fingerprints import RUN
from grader.similar.model import Alike, Passage, Place, Read, Refused, Side, Survey, Written
from grader.similar.pools import MANY, MIN_WORDS
from grader.similar.survey import MIN_SHARE
from grader.similar.words import words

# Of one passage; and of all passages together, so that the page stays one that a browser opens at once.
MAX_LINES, MAX_COLUMNS, MAX_CHARACTERS = 120, 240, 2_000_000


class Line(NamedTuple):
    """A line of source: its number, and its text in pieces that stand in the other submission too, or do not."""

    number: int
    pieces: list[tuple[str, bool]]


class Shown(NamedTuple):
    """A passage for the page: its first line, those from its first word on, and how many are left out after them."""

    location: Location
    head: Line
    lines: list[Line]
    left: int


Passages = tuple[list[Shown], list[Shown]]


def render_page(survey: Survey, read: Iterable[Read | Refused], folder: str) -> str:
    """Return the page; passages come from the submissions that were read."""
    anchors = {
        key(pair): f"f{number}-{rank}"
        for number, function in enumerate(survey.functions, 1)
        for rank, pair in enumerate(function.pairs, 1)
    }
    return page_template("similar.html.j2", "feedback.css", "similar.css").render(
        survey=survey,
        folder=folder,
        passages=_passages(survey, {one.name: one.functions for one in read if isinstance(one, Read)}),
        anchors=anchors,
        key=key,
        wording=wording,
        limits={"run": RUN, "many": MANY, "words": MIN_WORDS, "share": wording.percent(MIN_SHARE)},
        version=__version__,
    )


def key(pair: Alike) -> tuple[str, str, str]:
    """Return what identifies a function of two submissions."""
    return pair.function, pair.first.submission, pair.second.submission


def _passages(survey: Survey, versions: Mapping[str, Mapping[str, Written]]) -> dict[tuple[str, str, str], Passages]:
    """Return the passages to show, of the most alike first, as far as there is room."""
    shown: dict[tuple[str, str, str], Passages] = {}
    room = MAX_CHARACTERS
    for pair in sorted((pair for one in survey.functions for pair in one.pairs), key=lambda pair: -pair.share):
        first, second = (_shown(side, versions[side.submission][pair.function]) for side in (pair.first, pair.second))
        room -= sum(
            len(text) for one in (*first, *second) for line in (one.head, *one.lines) for text, _ in line.pieces
        )
        if room < 0:
            break
        shown[key(pair)] = (first, second)
    return shown


def _shown(side: Side, version: Written) -> list[Shown]:
    """Take the passages of one side apart into lines, and those into what the other has too and what it has not."""
    places: dict[Location, list[Place]] = defaultdict(list)
    for place in side.places:
        places[place.location].append(place)
    return [_shown_passage(passage, places) for passage in version.passages]


def _shown_passage(passage: Passage, places: Mapping[Location, list[Place]]) -> Shown:
    """Take a passage apart; the rest of the signature and the docstring, which do not count, are not shown."""
    lines = list(enumerate(passage.text.split("\n"), passage.location.line))
    begin = max(1, next((word.line for word in words(passage.text)), 1) - 1)
    cut = [
        Line(number, _pieces(line, places[replace(passage.location, line=number)]))
        for number, line in [lines[0], *lines[begin : begin + MAX_LINES]]
    ]
    return Shown(passage.location, cut[0], cut[1:], max(0, len(lines) - begin - MAX_LINES))


def _pieces(line: str, places: Iterable[Place]) -> list[tuple[str, bool]]:
    """Take a line apart where the parts begin and end that stand in the other submission."""
    pieces, end = [], 0
    text = line if len(line) <= MAX_COLUMNS else f"{line[:MAX_COLUMNS]} ..."
    for place in places:
        pieces += [(text[end : place.start], False), (text[place.start : place.stop], True)]
        end = place.stop
    return [piece for piece in [*pieces, (text[end:], False)] if piece[0]]
