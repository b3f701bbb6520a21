"""How a batch gets on, on a terminal: done and left, the rate, the remaining time, and what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from grader.batch.model import Record

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Shown:
    """Counts what is told, and draws it where there is a bar; what was there before does not count for the rate."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar, self._task = bar, None if bar is None else bar.add_task("grading", total=None, trouble="")
        self.reused = self._total = self._new = self._trouble = 0

    def begin(self, total: int) -> None:
        """Say how many submissions there are."""
        self._total = total
        if self._bar is not None and self._task is not None:
            self._draw(self._bar, self._task)

    def told(self, record: Record, known: bool) -> None:
        """Take note of a submission that has been dealt with, now or before."""
        self.reused += known
        self._new += not known
        self._trouble += record.state != "graded"
        if self._bar is not None and self._task is not None:
            self._draw(self._bar, self._task)

    def _draw(self, bar: Progress, task: TaskID) -> None:
        trouble = f"[red]{self._trouble} not graded[/]" if self._trouble else ""
        bar.update(task, completed=self._new, total=self._total - self.reused, trouble=trouble)


@contextmanager
def progress() -> Iterator[Shown]:
    """Yield what to tell of the progress: a bar on a terminal, nothing in a log."""
    if not sys.stderr.isatty():
        yield Shown(None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Task as Bar
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Bar) -> Text:
            return Text("" if not task.speed else f"{task.speed:.1f}/s")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[trouble]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=60) as bar:
        yield Shown(bar)
