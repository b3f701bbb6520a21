"""The feedback on one function as plain text, for every place that shows text and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from grader.model import CheckResult, FunctionResult
from grader.report import words
from grader.report.escape import terminal
from grader.report.facts import facts
from grader.report.findings import faults, findings

MOST_FINDINGS = 6
ARRAY, ARRAY_LINES = 1200, 20
CUT = "… cut here; the whole is in feedback.html"
WHOLE = 100_000


def points(hundredths: int) -> float:
    """Return hundredths as the number of points that JSON shows with at most two decimals."""
    return hundredths / 100


def name(text: str) -> str:
    """Return a name on one line; never an empty one, which several readers refuse."""
    return terminal(text, 120) or "(no name)"


def verdict(function: FunctionResult) -> str:
    """Return "8.50 / 10, partly right"."""
    return f"{words.out_of(function.hundredths, function.max_hundredths)}, {words.status(function).word}"


def headline(function: FunctionResult) -> str:
    """Return one sentence on a function: what is most urgent about it, else how it did."""
    if function.hundredths is None:
        reason = terminal(function.note) or next((terminal(found.summary) for found in faults(function)), "")
        return " ".join(filter(None, ("Not graded.", reason, words.FAULT_NOTE)))
    reasons = [finding.summary for finding in findings(function)]
    return words.sentence(terminal(reasons[0]) if reasons else words.status(function).word)


def feedback(function: FunctionResult, limit: int = WHOLE) -> str:
    """Return everything a student should read about a function in at most `limit` characters, several lines."""
    return cut("\n".join(_lines(function)), limit)


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters, ending with a whole line and a word about the rest."""
    if len(text) <= limit:
        return text
    return (text[: max(limit - len(CUT) - 1, 0)].rpartition("\n")[0] + "\n" + CUT).strip()[:limit]


def about(check: CheckResult) -> str:
    """Return one line on a check: what it found, and the hint."""
    return " ".join(filter(None, (terminal(check.summary or words.SENTENCES[check.verdict]), terminal(check.hint))))


def _lines(function: FunctionResult) -> Iterator[str]:
    yield verdict(function)
    if function.note:
        yield terminal(function.note)
    for found in faults(function):
        yield f"? {terminal(found.summary)} {words.FAULT_NOTE}"
    reasons = findings(function)
    for position, finding in enumerate(reasons[:MOST_FINDINGS]):
        extent = terminal(finding.extent)
        yield f"\n✗ {terminal(finding.summary)}" + (f" ({extent})" if extent else "")
        if finding.hint:
            yield f"  Hint: {terminal(finding.hint)}"
        if place := finding.location or function.location:
            yield f"  where: {terminal(words.place(place))}"
        for label, value, kind in facts(finding.first, finding.summary):
            if kind == "line":
                yield f"  {terminal(label, 60)}: {terminal(value)}"
            elif not position:
                shown = terminal(value, ARRAY, ARRAY_LINES).replace("\n", "\n    ")
                yield f"  {terminal(label, 60)}:\n    {shown}"
        if finding.hidden and finding.extent:
            yield f"  {terminal(finding.unseen)}"
    if len(reasons) > MOST_FINDINGS:
        yield f"\nand {words.count(len(reasons) - MOST_FINDINGS, 'more mistake')}"
    if function.timing:
        yield f"\nspeed: {terminal(words.speed(function.timing))}"
