"""`grader check --watch`: check again what a saved file changed."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.assignment import AssignmentError, only
from grader.collect import CollectError
from grader.collect.files import SUFFIXES
from grader.selfcheck import Handout, check_submission, collect_for
from sandbox.base import Limits, Sandbox, SandboxUnavailable

if TYPE_CHECKING:
    from grader.model import Submission
    from grader.vectors import Vectors
    from sandbox.base import Module

# Editors save in several steps; what follows within this time is one save.
SETTLE_MS, STEP_MS = 50, 10

# A statement by what it defines, with its source; what defines nothing stands under its own text.
Statements = dict[str, str]


def watch_submission(
    path: Path, handout: Handout, vectors: Vectors, sandbox: Sandbox, functions: Sequence[str]
) -> None:
    """Check a submission, then again and again what changed, until Ctrl-C. Raises SandboxUnavailable.

    Raises AssignmentError for an unknown function and CollectError without watchfiles.
    """
    try:
        from watchfiles import watch
    except ImportError as error:
        raise CollectError("--watch needs watchfiles: python -m pip install watchfiles") from error
    wanted = list(functions) or [function.name for function in vectors.assignment.functions]
    only(vectors.assignment, wanted)
    # The next box starts while the last answers are read.
    sandbox.warm(vectors.framework, Limits.for_framework(vectors.framework), keep=1)
    before = _checked(path, handout, vectors, sandbox, wanted, None)
    for changes in watch(path, debounce=SETTLE_MS, step=STEP_MS, watch_filter=_is_source, raise_interrupt=True):
        if changes:
            before = _checked(path, handout, vectors, sandbox, wanted, before)


def _is_source(change: object, path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


def _checked(
    path: Path, handout: Handout, vectors: Vectors, sandbox: Sandbox, wanted: Sequence[str], before: Submission | None
) -> Submission | None:
    """Check what is not as it was before, and return what it is now; say what keeps it from being checked."""
    from rich.console import Console

    from grader.report.terminal import print_report

    try:
        submission = collect_for(path, vectors, handout)
        again = [name for name in wanted if _changed(name, submission, before, vectors)]
        if again:
            print_report(check_submission(submission, vectors, sandbox, again), Console())
            click.echo("")
    except (CollectError, AssignmentError, SandboxUnavailable) as error:
        click.echo(f"grader: {error}", err=True)
        return before
    return submission


def _changed(name: str, now: Submission, before: Submission | None, vectors: Vectors) -> bool:
    """Tell whether a function may answer otherwise than before."""
    if before is None:
        return True
    called = vectors.called(name)
    if [_place(now, one) for one in called] != [_place(before, one) for one in called]:
        return True
    modules = {definition.module for one in called if (definition := now.definitions.get(one))}
    if any(_others(now.modules, module) != _others(before.modules, module) for module in modules):
        return True
    return any(
        needed(_statements(now.modules, module), called) != needed(_statements(before.modules, module), called)
        for module in modules
    )


def _place(submission: Submission, name: str) -> str:
    """Return where a function is, or why it is nowhere."""
    definition = submission.definitions.get(name)
    return definition.module if definition else submission.absent.get(name, "")


def _others(modules: Sequence[Module], name: str) -> list[tuple[str, list[str]]]:
    return [(module.name, [chunk.text for chunk in module.chunks]) for module in modules if module.name != name]


def _statements(modules: Sequence[Module], name: str) -> Statements:
    """Return the top-level statements of a module by what they define."""
    found: Statements = {}
    for chunk in (chunk for module in modules if module.name == name for chunk in module.chunks):
        try:
            tree = ast.parse(chunk.text)
        except (SyntaxError, ValueError, RecursionError):
            return {"": chunk.text}
        for node in tree.body:
            text = ast.get_source_segment(chunk.text, node) or ""
            defined = getattr(node, "name", text)
            found[defined] = found.get(defined, "") + text
    return found


def needed(statements: Statements, called: Collection[str]) -> Mapping[str, str]:
    """Return the statements that some functions may depend on: all but the other functions that they never name."""
    functions = {name: text for name, text in statements.items() if name != text and name}
    kept, left = set(called) & functions.keys(), list(called)
    while left:
        for name in _names(functions.get(left.pop(), "")):
            if name in functions and name not in kept:
                kept.add(name)
                left.append(name)
    return {name: text for name, text in statements.items() if name not in functions or name in kept}


def _names(text: str) -> Iterator[str]:
    yield from (node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name))
