"""Long work under a progress bar on a terminal, and without one in a log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from grader.model import Report
    from grader.pipeline import Progress

Item = TypeVar("Item")


def tracked(items: Iterable[Item], what: str, count: int) -> Iterator[Item]:
    """Yield the items; `count` is how many are expected."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, what, count, console=console, transient=True, disable=not console.is_terminal)


def graded(work: Callable[[Progress], Report]) -> Report:
    """Run the grading of one submission.

    At the first sign of progress the renderers are loaded in a thread: from then on this process mostly waits.
    """
    from grader.report import load_renderers

    loading = threading.Thread(target=load_renderers, daemon=True)
    # The default of 5 ms would keep each answer of the box waiting for a thread that computes.
    sys.setswitchinterval(0.0005)

    def begin() -> None:
        if not loading.ident:
            loading.start()

    if not sys.stderr.isatty():
        return work(lambda done, count, function: begin())
    from rich.console import Console  # a log needs none of it
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("grading {task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, count: int, function: str) -> None:
            begin()
            bar.update(task, completed=done, total=count, description=function)

        return work(show)
