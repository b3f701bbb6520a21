"""`grader check --watch`: check again what a saved file changed."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
ROUND_MS = 250


@dataclass(frozen=True, slots=True)
class Statement:
    """A top-level statement: the function or class that it defines, or "", its syntax tree, and the names in it."""

    name: str
    tree: str
    names: frozenset[str]


def watch_submission(
    path: Path, handout: Handout, vectors: Vectors, sandbox: Sandbox, functions: Sequence[str]
) -> None:
    """Check a submission, then again and again what changed, until Ctrl-C.

    Raises AssignmentError for an unknown function, CollectError without watchfiles or files, and SandboxUnavailable.
    """
    try:
        from watchfiles import watch
    except ImportError as error:
        raise CollectError("--watch needs watchfiles: python -m pip install watchfiles") from error
    wanted = [function.name for function in vectors.assignment.functions]
    watcher = _Watcher(path, handout, vectors, sandbox, list(functions) or wanted)
    watcher.check()
    click.echo(f"\nWatching {path.name}: what you save is checked at once; Ctrl-C ends it.")
    rounds = watch(
        path,
        watch_filter=_is_source,
        debounce=SETTLE_MS,
        step=STEP_MS,
        rust_timeout=ROUND_MS,
        yield_on_timeout=True,
    )
    began = False
    with contextlib.suppress(KeyboardInterrupt):
        for saved in rounds:
            # When the first round is over the watch has begun: it may have missed what was saved before.
            if saved or not began:
                watcher.check_again(said=bool(saved))
            began = True


def _is_source(change: object, path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


@dataclass(slots=True)
class _Watcher:
    path: Path
    handout: Handout
    vectors: Vectors
    sandbox: Sandbox
    wanted: Sequence[str]
    before: Submission | None = None

    def check(self) -> None:
        """Check everything."""
        submission = collect_for(self.path, self.vectors, self.handout)
        self._print(submission, self.wanted)
        self.before = submission

    def check_again(self, said: bool) -> None:
        """Check what is not as it was before; a folder that cannot be checked is as it was, once that is told."""
        try:
            submission = collect_for(self.path, self.vectors, self.handout)
            again = changed(self.wanted, submission, self.before, self.vectors) if self.before else self.wanted
            if again:
                click.echo("")
                self._print(submission, again)
            elif said:
                click.echo("Saved: no function has changed.")
            self.before = submission
        except (CollectError, SandboxUnavailable) as error:
            click.echo(f"grader: {error}", err=True)

    def _print(self, submission: Submission, functions: Sequence[str]) -> None:
        from rich.console import Console

        from grader.report.terminal import print_report

        print_report(check_submission(submission, self.vectors, self.sandbox, functions), Console())
        # The next box starts while the student reads, and not beside the last one.
        self.sandbox.warm(self.vectors.framework, Limits.for_framework(self.vectors.framework))


def changed(names: Sequence[str], now: Submission, before: Submission, vectors: Vectors) -> list[str]:
    """Return the functions that may answer otherwise than before."""
    old, new = _statements(before.modules), _statements(now.modules)
    again = []
    for name in names:
        called = vectors.called(name)
        places = [(_place(now, one), _place(before, one)) for one in called]
        definitions = [definition for one in called if (definition := now.definitions.get(one))]
        if (
            any(place != earlier for place, earlier in places)
            or any(_without(new, one.module) != _without(old, one.module) for one in definitions)
            or any(needed(new[one.module], [one.name]) != needed(old[one.module], [one.name]) for one in definitions)
        ):
            again.append(name)
    return again


def _place(submission: Submission, name: str) -> str:
    """Return the module of a function and its name there, or why it is nowhere."""
    definition = submission.definitions.get(name)
    return f"{definition.module}.{definition.name}" if definition else submission.absent.get(name, "")


def _without(modules: Mapping[str, Sequence[Statement]], name: str) -> dict[str, Sequence[Statement]]:
    return {other: statements for other, statements in modules.items() if other != name}


def _statements(modules: Sequence[Module]) -> dict[str, list[Statement]]:
    """Return the top-level statements of each module; a module that cannot be parsed is one statement."""
    return {module.name: [s for chunk in module.chunks for s in parsed(chunk.text)] for module in modules}


def parsed(text: str) -> Iterator[Statement]:
    """Yield the top-level statements of a module; places, comments and layout play no part in them."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        yield Statement("", text, frozenset())
        return
    for node in tree.body:
        names = frozenset(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
        yield Statement(getattr(node, "name", ""), ast.dump(node), names)


def needed(statements: Sequence[Statement], called: Sequence[str]) -> list[Statement]:
    """Return the statements that some functions may depend on: all but functions and classes that they never name."""
    by_name = {statement.name: statement for statement in statements if statement.name}
    kept, left = set(called), [name for name in called if name in by_name]
    left += [name for statement in statements if not statement.name for name in statement.names & by_name.keys()]
    while left:
        statement = by_name[left.pop()]
        kept.add(statement.name)
        left += (statement.names & by_name.keys()) - kept
    return [statement for statement in statements if not statement.name or statement.name in kept]
