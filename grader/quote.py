"""Quote a submission: the student's own lines where points were lost."""

from __future__ import annotations

from dataclasses import replace

from grader.model import Excerpt, FunctionResult, Location, Submission, Verdict

MAX_LINES = 40
MAX_COLUMNS = 200
# Where a program stops outside of the function itself: so many lines before and after, in so many places.
_BEFORE, _AFTER, _PLACES = 4, 2, 2


def quote(submission: Submission, function: FunctionResult, backward: str = "") -> tuple[Excerpt, ...]:
    """Return the definitions of a function and of its backward, each where one of its checks is not right.

    The lines around a place where the program stopped follow, unless they are among those.
    """
    wrong = [check for check in function.checks if check.verdict not in (Verdict.PASS, Verdict.FAULT)]
    names = {
        function.name: any(check.kind != "gradient" for check in wrong) or (wrong and not backward),
        backward: any(check.kind == "gradient" for check in wrong),
    }
    wanted = [submission.definitions[name] for name, told in names.items() if told and name in submission.definitions]
    excerpts = [excerpt for d in wanted if (excerpt := _excerpt(submission, d.location, d.last_line))]
    for place in dict.fromkeys(check.location for check in wrong if check.location):
        if len(excerpts) < len(wanted) + _PLACES and not any(holds(excerpt, place) for excerpt in excerpts):
            start = replace(place, line=max(1, place.line - _BEFORE))
            around = _excerpt(submission, start, place.line + _AFTER)
            excerpts += [around] if around else []
    return tuple(excerpts)


def holds(excerpt: Excerpt, place: Location) -> bool:
    """Tell whether a place is one of the lines of an excerpt, or of those that were left out after them."""
    first = excerpt.location
    last = first.line + excerpt.text.count("\n") + excerpt.left
    return (place.file, place.cell) == (first.file, first.cell) and first.line <= place.line <= last


def source_lines(submission: Submission, place: Location, last_line: int) -> list[str]:
    """Return the submission's lines from a place to a line of the same file or cell, [] when it does not have them."""
    label = place.file if place.cell is None else f"{place.file}#cell-{place.cell}"
    for chunk in (chunk for module in submission.modules for chunk in module.chunks if chunk.label == label):
        lines = chunk.text.split("\n")
        start = place.line - chunk.line
        if 0 <= start < len(lines):
            return lines[start : max(place.line, last_line) - chunk.line + 1]
    return []


def location_in(label: str, line: int) -> Location:
    """Return the place of a line in a chunk of this label, which names a file or a notebook's cell."""
    file, mark, cell = label.partition("#cell-")
    return Location(file, line, int(cell)) if mark and cell.isdigit() else Location(label, line)


def _excerpt(submission: Submission, place: Location, last_line: int) -> Excerpt | None:
    """Return lines from a place on, long ones and too many of them cut; None when the submission does not have them."""
    own = source_lines(submission, place, last_line)
    shown = "\n".join(line if len(line) <= MAX_COLUMNS else f"{line[:MAX_COLUMNS]} ..." for line in own[:MAX_LINES])
    return Excerpt(place, shown, max(0, len(own) - MAX_LINES)) if shown.strip() else None
