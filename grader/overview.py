"""`grader topics`: the course at a glance."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.assignment import assignment_names, load_assignment
from grader.codec import to_json
from grader.course import load_course, topic_files
from grader.topic import Topic


@dataclass(frozen=True, slots=True)
class Row:
    """One function: its chapter, points in hundredths (None when no assignment grades it), and what its topic holds."""

    function: str
    chapter: str
    hundredths: int | None
    gradient: bool = False
    random: bool = False
    timed: bool = False
    cases: int = 0
    mistakes: int = 0
    fault: str = ""


def overview(root: Path) -> list[Row]:
    """Return a row for each function that an assignment grades, in its order, then for each topic that none grades."""
    rows = [
        Row(function.name, name, function.hundredths)
        for name in assignment_names(root)
        for function in load_assignment(root, [name]).functions
    ]
    graded = {row.function for row in rows}
    rows += [Row(name, path.parent.name, None) for name, path in topic_files(root).items() if name not in graded]
    course = load_course(root, [row.function for row in rows])
    return [_filled(row, course.topics.get(row.function), course.faults.get(row.function, "")) for row in rows]


def print_overview(rows: Sequence[Row], as_json: bool) -> None:
    """Print the rows as a table, or as a JSON list."""
    if as_json:
        sys.stdout.buffer.write(to_json(rows))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("function", "assignment", "points", "kind", "cases", "mistakes"):
        table.add_column(column, justify="right" if column in ("points", "cases", "mistakes") else "left")
    for row in rows:
        points = "-" if row.hundredths is None else f"{row.hundredths / 100:.2f}"
        kinds = (("gradient", row.gradient), ("random", row.random), ("timed", row.timed))
        kind = " ".join(word for word, is_so in kinds if is_so)
        table.add_row(row.function, row.chapter, points, kind, str(row.cases), str(row.mistakes))
    console = Console()
    console.print(table)
    for row in rows:
        if row.fault:
            console.print(f"fault: {escape(row.fault)}", highlight=False)


def _filled(row: Row, topic: Topic | None, fault: str) -> Row:
    if topic is None:
        return replace(row, fault=fault)
    return replace(
        row,
        gradient=topic.backward is not None,
        random=topic.is_random,
        timed=topic.speed is not None,
        cases=len(topic.cases),
        mistakes=len(topic.mistakes),
    )
