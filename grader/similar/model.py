"""What the comparison of a class finds; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.model import Location

SCHEMA = "grader/similar/v1"


@dataclass(frozen=True, slots=True)
class Passage:
    """A definition in a submission: where it begins, and its lines."""

    location: Location
    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """A function as one submission has it: its definition, then the helpers that it uses.

    `code` has one character for each word of the passages; see words.py.
    """

    passages: tuple[Passage, ...]
    code: str


@dataclass(frozen=True, slots=True)
class Read:
    """A submission, and what it has of each wanted function; stubs are left out."""

    name: str
    functions: Mapping[str, Written]


@dataclass(frozen=True, slots=True)
class Refused:
    """A hand-in that could not be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Place:
    """Words of one line that are the same in both submissions: `start` and `stop` are columns, counted from 0."""

    location: Location
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Side:
    """What two submissions have in common, seen from one: `matched` of the `words` that count, and where they are."""

    submission: str
    location: Location
    words: int
    matched: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Alike:
    """One function of two submissions, side by side; `share` is the part of both sides' words that match."""

    function: str
    share: float
    first: Side
    second: Side


@dataclass(frozen=True, slots=True)
class FunctionSurvey:
    """One function over the class: how many wrote it, how many were long enough to compare, the most alike first.

    `usual` is the median share of two of them, None when they are too few to say. `alike` is the share from which a
    pair counts as alike in this function. `common` says that passages were left out which more than half of them have.
    """

    function: str
    written: int
    compared: int
    usual: float | None
    alike: float
    common: bool
    pairs: tuple[Alike, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two submissions over all functions that both wrote: those in which they are alike, most alike first.

    `share` is the part of all their words that match, `compared` the number of functions.
    """

    first: str
    second: str
    share: float
    compared: int
    alike: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """All that is found: a place to look, and not a verdict.

    Functions that are not compared are `too_short`, or `same`: more than half of the submissions have the same of it.
    """

    schema: str
    submissions: tuple[str, ...]
    refused: tuple[Refused, ...]
    pairs: tuple[Pair, ...]
    functions: tuple[FunctionSurvey, ...]
    too_short: tuple[str, ...]
    same: tuple[str, ...]
