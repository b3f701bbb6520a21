"""What the commands share: exit codes, errors in one line, options, the sandbox, the delivery of results."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.model import Report
    from sandbox.base import Sandbox

FULL_MARKS, MARKS_LOST, WRONG_REQUEST, OUR_FAULT = 0, 1, 2, 3

# Options that several commands share.
in_course = click.option("--course", type=click.Path(path_type=Path), help="Folder with reference/ and assignments/.")
in_framework = click.option("--framework", type=click.Choice(["numpy", "torch"]), default="numpy", show_default=True)
on_device = click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
in_sandbox = click.option(
    "--sandbox",
    "backend",
    type=click.Choice(["auto", "docker", "bubblewrap", "process"]),
    default="auto",
    show_default=True,
    help="auto takes the strongest backend that works.",
)
of_assignments = click.option(
    "--assignment", "assignments", multiple=True, metavar="NAME", help="Grade this assignment; repeatable."
)
only_functions = click.option("--only", metavar="F,G", default="", help="Grade only these functions.")
in_runtime = click.option(
    "--runtime", default="", metavar="NAME", help="Docker: another runtime of the engine, such as runsc."
)
with_speed = click.option(
    "--speed/--no-speed", default=True, show_default=True, help="Time critical kernels that are right."
)
from_seed = click.option(
    "--seed", type=int, default=0, show_default=True, help="Choose other inputs, the same for everybody."
)
in_hidden = click.option(
    "--hidden",
    type=click.Choice(["visible", "hidden", "after_due_date", "after_published"]),
    default="visible",
    show_default=True,
    help="gradescope: when students see the tests of hidden checks.",
)


def stop(message: str, code: int) -> NoReturn:
    """End with one line on stderr."""
    click.echo(f"grader: {' '.join(message.split())}", err=True)
    sys.exit(code)


def names(listed: str) -> tuple[str, ...]:
    """Return the names in a list with commas."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())


@contextmanager
def warm_sandbox(backend: str, framework: str, runtime: str, device: str = "cpu") -> Iterator[Sandbox]:
    """Choose a sandbox and start a box ahead; at the end close the sandbox, whatever happened."""
    from grader.interrupt import ended
    from sandbox.base import Limits, SandboxUnavailable
    from sandbox.select import choose

    if device != "cpu" and framework != "torch":
        stop(f"--device {device} needs --framework torch.", WRONG_REQUEST)
    try:
        sandbox = choose(backend, framework, runtime, device)  # type: ignore[arg-type]
    except SandboxUnavailable as error:
        stop(str(error), OUR_FAULT)
    with ended(sandbox):
        sandbox.warm(framework, Limits.for_framework(framework, device))  # type: ignore[arg-type]
        yield sandbox


def deliver(report: Report, out: Path, as_json: bool) -> None:
    """Write everything for staff and what students may read, then print the student's report, or results.json."""
    from datetime import UTC, datetime

    from grader.codec import encode
    from grader.visibility import public

    student = public(report, datetime.now(UTC))
    write_results(student, out, report)
    if as_json:
        sys.stdout.buffer.write(encode(student))
        return
    show(student)
    click.echo(f"\nReport: {out / 'feedback.html'}")


def write_results(report: Report, out: Path, whole: Report | None = None) -> None:
    """Write the files, results.json last, since its presence says that the others are there."""
    from grader.report import write_all
    from grader.results import files_of

    try:
        write_all(files_of(report, whole), out)
    except OSError as error:
        stop(f"cannot write the results to {out}: {error.strerror or error}.", OUR_FAULT)


def show(report: Report) -> None:
    """Print a report on the terminal."""
    from rich.console import Console

    from grader.report.terminal import print_report

    print_report(report, Console())


def exit_code(report: Report, exit_zero: bool) -> int:
    """Return the exit code that a report asks for."""
    if report.outcome != "graded":
        return OUR_FAULT
    return FULL_MARKS if exit_zero or report.hundredths == report.max_hundredths else MARKS_LOST
