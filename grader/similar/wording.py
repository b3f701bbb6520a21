"""The words for what was found, the same on the page and on the terminal."""

from __future__ import annotations

from grader.report.words import count, place
from grader.similar.model import FunctionSurvey, Pair, Side, Survey

__all__ = ["count", "place"]

NO_VERDICT = "A place to look, not a verdict."
HONEST = (
    "Honest students may be alike: they heard the same lecture and follow the same notes, a short function or a "
    "textbook's formula can be written in few ways, and working together may have been allowed."
)
TELLING = (
    "A pair that is alike in many functions tells more than one function, and an odd detail or a needless step that "
    "both have tells more than a high share. Nothing here says who wrote first: read both, and hear both."
)

SAME = "More than half of the submissions have the same of these. Was it handed out? Otherwise look there by hand"


def percent(share: float) -> str:
    """Return `92%`; only all of it is 100%."""
    return f"{int(100 * share)}%"


def summary(survey: Survey) -> str:
    """Say what was compared."""
    compared = f"{count(len(survey.submissions), 'submission')}, {count(len(survey.functions), 'function')} compared"
    short = f", {len(survey.too_short)} too short to compare" if survey.too_short else ""
    same = f", {len(survey.same)} the same for most" if survey.same else ""
    refused = f", {count(len(survey.refused), 'hand-in')} not read" if survey.refused else ""
    return f"{compared}{short}{same}{refused}."


def usual(function: FunctionSurvey) -> str:
    """Say what two submissions usually have in common, as far as there are enough to say it."""
    return "" if function.usual is None else f"usually {percent(function.usual)}"


def extent(pair: Pair) -> str:
    """Say in how many functions a pair is alike."""
    return f"{len(pair.alike)} of {pair.compared}"


def part(side: Side) -> str:
    """Say how much of one submission's words stand in the other: `64 of 70 words, 91%`."""
    return f"{side.matched} of {count(side.words, 'word')}, {percent(side.matched / side.words)}"
