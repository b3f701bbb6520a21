"""What was found, on the terminal: the pairs over all functions, then the most alike pair of each function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.report.escape import terminal
from grader.similar import wording
from grader.similar.model import FunctionSurvey, Pair, Survey

LISTED, LONGEST = 20, 60


def print_survey(survey: Survey, console: Console) -> None:
    """Print what is to be looked at, and that it is no verdict."""
    _say(console, wording.summary(survey))
    _say(console, f"{wording.NO_VERDICT} {wording.HONEST}", "bold")
    for one in survey.refused[:LISTED]:
        _say(console, f"not read: {terminal(one.name, LONGEST)}: {terminal(one.reason)}", "yellow")
    if survey.pairs:
        console.print()
        console.print(_pairs(survey.pairs))
    alike = [function for function in survey.functions if function.pairs]
    if alike:
        console.print()
        console.print(_functions(alike))
    if not alike:
        _say(console, "No two submissions have enough in common in any function.")
    if survey.same:
        _say(console, f"\n{wording.SAME}: {', '.join(survey.same)}.", "bold")
    if survey.too_short:
        _say(console, f"\nToo short to compare: {', '.join(survey.too_short)}.", "dim")


def _pairs(pairs: Iterable[Pair]) -> Table:
    table = _table("pairs over all functions", "alike in", "words shared")
    for pair in pairs:
        table.add_row(_both(pair.first, pair.second), wording.extent(pair), wording.percent(pair.share))
    return table


def _functions(functions: Sequence[FunctionSurvey]) -> Table:
    table = _table("function", "most alike", "words shared", "usually")
    table.columns[1].justify = "left"
    for one in functions:
        first = one.pairs[0]
        usual = "-" if one.usual is None else wording.percent(one.usual)
        both = _both(first.first.submission, first.second.submission)
        table.add_row(one.function, both, wording.percent(first.share), usual)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold")
    for other in others:
        table.add_column(other, justify="right", overflow="fold")
    return table


def _both(first: str, second: str) -> Text:
    return Text(f"{terminal(first, LONGEST)} & {terminal(second, LONGEST)}")


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style))
