"""`check(softmax)`: a function as it is in this session, against the public cases, shown as a card.

The chain is that of `grader check`: only the sandbox is another, since the function is already here.
"""

from __future__ import annotations

import difflib
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from grader.assignment import AssignmentError
from grader.model import Definition, FunctionResult, Problem, Submission
from grader.places import Places
from grader.selfcheck import Handout, HandoutError, check_submission, find_handout
from grader.vectors import Vectors, VectorsError, load
from sandbox.base import SandboxUnavailable
from sandbox.inprocess import InProcessSandbox

OFFICIAL = "Public cases only, on the function as it is in this session. The official run uses the saved file."
STILL_RUNNING = "A call did not end in time and still runs: restart the kernel to end it."
MODULE = "session"


class LiveError(Exception):
    """A function that cannot be checked; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class Card:
    """What a check shows: as HTML and Markdown in a notebook, as text elsewhere.

    `function` is the result, None when there is none; `problems` say why, or what else there is to say.
    """

    name: str
    function: FunctionResult | None
    problems: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        from grader.report.card import card_text

        return card_text(self)

    def _repr_html_(self) -> str:
        from grader.report.card import card_html

        return card_html(self)

    def _repr_markdown_(self) -> str:
        from grader.report.card import card_markdown

        return card_markdown(self)


def check_live(function: Callable[..., Any] | str, name: str | None, namespace: Mapping[str, Any]) -> Card:
    """Check a function, or what has this name in the namespace, as the one called `name` in the assignment."""
    own = function if isinstance(function, str) else str(getattr(function, "__name__", ""))
    called = name or own
    try:
        if not isinstance(function, str) and not callable(function):
            raise LiveError(f"This is of type {type(function).__name__}, not a function: write check(softmax).")
        handout = find_handout(Path.cwd())
        vectors = _vectors(handout.cases, handout.cases.stat().st_mtime_ns)
        graded = _graded(called, vectors)
        found = _look_up(function, namespace) if isinstance(function, str) else function
        return _checked(graded, called, found, namespace, handout, vectors)
    except (LiveError, HandoutError, VectorsError, AssignmentError, SandboxUnavailable, OSError) as error:
        return Card(called, None, (Problem(str(error)),))


def _graded(called: str, vectors: Vectors) -> str:
    """Return the function of the assignment for which this one is called."""
    names = [function.name for function in vectors.assignment.functions]
    for name in names:
        if called in vectors.called(name):
            return name
    near = difflib.get_close_matches(called, names, 1)
    advice = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}."
    raise LiveError(f"{called or 'This'} is not a function of {vectors.manifest.assignment}: {advice}")


def _look_up(name: str, namespace: Mapping[str, Any]) -> Callable[..., Any]:
    found: Callable[..., Any] | None = namespace.get(name)
    if found is None:
        raise LiveError(f"{name} is not defined in this session yet: run its cell first.")
    if not callable(found):
        raise LiveError(f"{name} is of type {type(found).__name__} here, not a function.")
    return found


@lru_cache(maxsize=2)
def _vectors(path: Path, changed_ns: int) -> Vectors:
    return load(path)


def _checked(
    graded: str,
    called: str,
    found: Callable[..., Any],
    namespace: Mapping[str, Any],
    handout: Handout,
    vectors: Vectors,
) -> Card:
    wanted = vectors.called(graded)
    known = ChainMap({called: found}, dict(namespace), getattr(found, "__globals__", {}))
    functions = {name: known[name] for name in wanted if callable(known.get(name))}
    places = Places(handout.root)
    sandbox = InProcessSandbox(functions, places.label)
    report = check_submission(_submission(functions, wanted, places), vectors, sandbox, [graded])
    problems = (Problem(STILL_RUNNING),) if sandbox.running else ()
    return Card(graded, report.functions[0], problems)


def _submission(functions: Mapping[str, Callable[..., Any]], wanted: list[str], places: Places) -> Submission:
    definitions = {name: Definition(name, MODULE, places.location(function)) for name, function in functions.items()}
    absent = {name: f"{name} is not defined in this session yet" for name in wanted if name not in functions}
    return Submission("this session", "", (), places.modules(), definitions, absent, ())
