"""What pytest collects of a handout: a group for each function, an item for each public check.

A function runs once in the session, in a box of the process backend, when the first of its items does.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from os import PathLike
from typing import Any

import pytest

from grader.collect import CollectError
from grader.judge import NOT_STARTED
from grader.model import Check, FunctionResult, Submission, Verdict
from grader.report import words
from grader.report.words import Status
from grader.selfcheck import HandoutError, check_submission, collect_for, find_handout
from grader.vectors import VectorsError, load
from sandbox.base import Limits, Sandbox, SandboxUnavailable
from sandbox.select import choose, own_code


class CheckFailed(Exception):  # noqa: N818
    """A check that did not pass; the message is the finding."""


class HandoutFile(pytest.File):
    """The grader.toml of a handout."""

    _sandbox: Sandbox | None = None

    def collect(self) -> Iterator[FunctionGroup]:
        """Yield the functions of the assignment."""
        try:
            self.handout = find_handout(self.path.parent)
            self.vectors = load(self.handout.cases)
        except (HandoutError, VectorsError) as error:
            raise self.CollectError(str(error)) from None
        self.results: dict[str, FunctionResult] = {}
        for function in self.vectors.assignment.functions:
            yield FunctionGroup.from_parent(self, name=function.name)

    def result(self, function: str) -> FunctionResult:
        """Return what checking a function found, from the first time that it is asked for. Raises CollectError."""
        if isinstance(self._collected, CollectError):
            raise self._collected
        if function not in self.results:
            report = check_submission(self._collected, self.vectors, self._box(), [function])
            self.results[function] = report.functions[0]
        return self.results[function]

    @cached_property
    def _collected(self) -> Submission | CollectError:
        try:
            return collect_for(self.handout.root, self.vectors, self.handout)
        except CollectError as error:
            return error

    def _box(self) -> Sandbox:
        if self._sandbox is None:
            self._sandbox = choose(own_code(), self.vectors.framework)
            self._sandbox.warm(self.vectors.framework, Limits.for_framework(self.vectors.framework), keep=1)
            self.config.add_cleanup(self._sandbox.close)
        return self._sandbox


class FunctionGroup(pytest.Class):
    """A function of the assignment; a class for pytest, since that is what editors show as a group."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the function's checks."""
        assert isinstance(self.parent, HandoutFile)  # noqa: S101 - which makes these
        for check in self.parent.vectors.plan([self.name]).checks:
            yield CheckItem.from_parent(self, name=_name(check), check=check, file=self.parent)


class CheckItem(pytest.Item):
    """A public check."""

    def __init__(self, *, check: Check, file: HandoutFile, **rest: Any) -> None:
        super().__init__(**rest)
        self.check, self.file = check, file

    def runtest(self) -> None:
        """Skip what is not started; raise CheckFailed with the finding of a check that does not pass."""
        try:
            function = self.file.result(self.check.function)
        except (CollectError, SandboxUnavailable) as error:
            raise CheckFailed(str(error)) from None
        result = next(result for result in function.checks if result.id == self.check.id)
        if result.summary == NOT_STARTED or words.status(function) is Status.UNSTARTED:
            pytest.skip("not started")
        if result.verdict is not Verdict.PASS:
            raise CheckFailed(_finding(replace(function, checks=(result,), note="")))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the finding alone: our own lines would tell a student nothing."""
        return str(excinfo.value) if isinstance(excinfo.value, CheckFailed) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[PathLike[str] | str, int | None, str]:
        """Return where the item is from, and its heading."""
        return self.path, None, f"{self.check.function}: {self.name}"


def _name(check: Check) -> str:
    """Return a name that stays the same, without what separates names in pytest."""
    return f"{check.case.replace('::', ':')} ({check.kind})" if check.case else check.kind


def _finding(function: FunctionResult) -> str:
    from rich.console import Console

    from grader.report.terminal import print_function

    console = Console(file=io.StringIO(), force_terminal=False, force_jupyter=False, color_system=None)
    with console.capture() as capture:
        print_function(function.name, function, (), console, heading=False)
    return textwrap.dedent(capture.get()).rstrip()
