"""Automated grading of deep-learning coursework: what course authors import, and students in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grader.topic import Case, Close, Equivalent, Exact, Indices, Mistake, Properties, Speed, Topic

if TYPE_CHECKING:
    from grader.live import Card

__version__ = "0.1.0"

__all__ = ["Case", "Close", "Equivalent", "Exact", "Indices", "Mistake", "Properties", "Speed", "Topic", "check"]


def check(function: Callable[..., Any] | str, name: str | None = None) -> Card:
    """Check a function as it is now against the public cases of the handout in this folder; return a card to show.

    `function` may be its name. `name` is what the assignment calls it, where that is not its own name. A NumPy
    function's gradient is checked by its backward, which is looked up where `check` is called.
    """
    from grader.live import check_live

    return check_live(function, name, sys._getframe(1).f_globals)


def load_ipython_extension(ipython: Any) -> None:
    """Add `%%grade` to IPython: called by `%load_ext grader`."""
    from grader.magics import register

    register(ipython)
