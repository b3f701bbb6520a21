"""What one failing check shows, as labelled texts that every rendering lays out in its own way."""

from __future__ import annotations

from typing import Literal, NamedTuple

from grader.model import CheckRecord, CheckResult, Exhibit, Mismatch
from grader.report import words

# Up to so many characters an array is easier to read, and to copy, on one line.
LINE = 80


class Fact(NamedTuple):
    """A labelled text: one `line`, an `array` whose columns line up, or `prose` that may wrap."""

    name: str
    value: str
    kind: Literal["line", "array", "prose"] = "line"


def facts(check: CheckResult, summary: str) -> list[Fact]:
    """Return what is known about a check, the most telling first; `summary` is said already and not repeated."""
    rows = []
    if check.error not in summary:
        rows.append(Fact("error", check.error, "prose"))
    if check.mismatch:
        rows += _mismatch(check.mismatch)
    if check.smallest:
        rows += _smallest(check.smallest)
    elif check.exhibit:
        rows += [Fact(f"input {name}", value, "array") for name, value in check.exhibit.inputs.items()]
        if check.exhibit.expected:
            rows.append(Fact("expected", check.exhibit.expected, "array"))
        rows.append(Fact("your answer", check.exhibit.actual, "array"))
    if check.printed:
        rows.append(Fact("printed", check.printed, "prose"))
    if check.record:
        rows += _record(check, check.record)
    return rows


def _record(check: CheckResult, record: CheckRecord) -> list[Fact]:
    """Return what only staff read."""
    rows = []
    if record.traceback:
        lines = (f"{words.place(line.location)} in {line.function}\n    {line.source}" for line in record.traceback)
        rows.append(Fact("traceback", "\n".join(lines), "array"))
    if record.seconds is not None:
        rows.append(Fact("took", f"{record.seconds:.3f} s"))
    if check.visibility != "visible":
        rows.append(Fact("for students", "hidden" if check.visibility == "hidden" else "hidden until the due date"))
    return rows


def _smallest(exhibit: Exhibit) -> list[Fact]:
    inputs = "\n".join(f"{name} = {_joined(value)}" for name, value in exhibit.inputs.items())
    return [
        Fact("small example", inputs, "array"),
        Fact("expected", _joined(exhibit.expected), "array"),
        Fact("your answer", _joined(exhibit.actual), "array"),
    ]


def _joined(value: str) -> str:
    """Return a small array on one line, after its dtype and shape."""
    line = " ".join(value.replace("[ ", "[").split())
    return line if "\n[" in value and len(line) <= LINE else value


def _mismatch(mismatch: Mismatch) -> list[Fact]:
    rows = []
    if difference := mismatch.difference:
        where = f"[{', '.join(map(str, difference.index))}]: " if difference.index else ""
        expected = f"expected {difference.expected}, " if difference.expected else ""
        rows.append(Fact("first wrong", f"{where}{expected}got {difference.actual}"))
    rows += _pair("shape", _shape(mismatch.expected_shape), _shape(mismatch.actual_shape))
    rows += _pair("dtype", mismatch.expected_dtype, mismatch.actual_dtype)
    sizes = (
        ("{:.3g}", mismatch.max_abs_error),
        ("{:.3g} relative", mismatch.max_rel_error),
        ("allowed {:.3g}", mismatch.allowed_error),
    )
    if known := [text.format(size) for text, size in sizes if size is not None]:
        rows.append(Fact("largest error", ", ".join(known)))
    return rows


def _pair(name: str, expected: str | None, actual: str | None) -> list[Fact]:
    if expected == actual:
        return [Fact(name, expected)] if expected else []
    if expected is None:
        return [Fact(name, f"got {actual}")]
    return [Fact(name, f"expected {expected}, got {actual or 'none'}")]


def _shape(shape: tuple[int, ...] | None) -> str | None:
    return None if shape is None else str(shape) if shape else "() (a scalar)"
