"""The handout's text, taken apart by headings, so that each function finds its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEADING = re.compile(r"^#{1,6} ")
FENCE = re.compile(r"^(```|~~~)")
IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<file>[\w.-]+)\)|<img [^>]*?src=\"(?P<source>[\w.-]+)\"[^>]*>")
ALT = re.compile(r"alt=\"([^\"]*)\"")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what follows it, up to the next heading, and the functions that it is about."""

    text: str
    functions: tuple[str, ...]

    @property
    def heading(self) -> str:
        return self.text.partition("\n")[0]


def sections(text: str, names: Sequence[str]) -> list[Section]:
    """Return the sections of a text; a function belongs to the heading that names it, else to the first text that does.

    `names` are all functions of the assignment.
    """
    pieces = list(_pieces(text))
    named = {name: _first(pieces, name, heading=True) for name in names}
    owner = {name: _first(pieces, name, heading=False) if at is None else at for name, at in named.items()}
    return [
        Section(piece, tuple(name for name in names if owner[name] == number)) for number, piece in enumerate(pieces)
    ]


def kept(parts: Sequence[Section], names: Sequence[str]) -> list[Section]:
    """Return the sections without those that are about other functions alone."""
    return [
        Section(part.text, tuple(name for name in part.functions if name in names))
        for part in parts
        if not part.functions or set(part.functions) & set(names)
    ]


def images(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the images of a text: how each is written, its file and its alternative text."""
    for found in IMAGE.finditer(text):
        alt = ALT.search(found[0])
        yield found[0], found["file"] or found["source"], found["alt"] or (alt[1] if alt else "")


def _pieces(text: str) -> Iterator[str]:
    """Yield the text cut before each heading; a line in a fence is none."""
    piece: list[str] = []
    fenced = False
    for line in text.splitlines():
        fenced ^= bool(FENCE.match(line))
        if HEADING.match(line) and not fenced and piece:
            yield "\n".join(piece).strip()
            piece = []
        piece.append(line)
    yield "\n".join(piece).strip()


def _first(pieces: Sequence[str], name: str, heading: bool) -> int | None:
    call = f"`{name}("
    texts = [piece.partition("\n")[0] if heading else piece for piece in pieces]
    return next((number for number, text in enumerate(texts) if call in text), None)
