"""Grading and what comes of it: `run`, `bench`, `report`, `export`."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import (
    OUR_FAULT,
    WRONG_REQUEST,
    deliver,
    exit_code,
    from_seed,
    in_course,
    in_framework,
    in_hidden,
    in_runtime,
    in_sandbox,
    names,
    of_assignments,
    on_device,
    only_functions,
    show,
    stop,
    warm_sandbox,
    with_speed,
)
from grader.cli.exporting import export_to, in_export, targets_of

if TYPE_CHECKING:
    from grader.model import Report


@click.command()
@click.argument("submission", type=click.Path(path_type=Path))
@in_course
@of_assignments
@only_functions
@in_framework
@on_device
@in_sandbox
@in_runtime
@with_speed
@from_seed
@click.option("--out", type=click.Path(path_type=Path), help="Results folder [default: grader-results/<name>/].")
@in_export
@in_hidden
@click.option("--json", "as_json", is_flag=True, help="Print results.json and nothing else.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 when marks were lost.")
def run(
    submission: Path,
    course: Path | None,
    assignments: tuple[str, ...],
    only: str,
    framework: str,
    device: str,
    backend: str,
    runtime: str,
    speed: bool,
    seed: int,
    out: Path | None,
    targets: str,
    hidden: str,
    as_json: bool,
    exit_zero: bool,
) -> None:
    """Grade SUBMISSION; write results.json, feedback.html and feedback.md, and staff.json with all that is hidden.

    A submission is a folder, a .py file, a notebook, or an archive (.zip, .tar, .tar.gz, .tgz).
    """
    from sandbox.base import SandboxUnavailable

    exported = targets_of(targets, ready=True) if targets else {}
    # A box takes its time to start: everything else is loaded meanwhile.
    with warm_sandbox(backend, framework, runtime, device) as sandbox:
        from grader.assignment import AssignmentError
        from grader.collect import CollectError
        from grader.course import CourseError, find_course
        from grader.pipeline import Request, grade, prepare
        from grader.progress import graded

        functions = names(only)
        secret = f"{os.environ.get('GRADER_SECRET', '')}:{seed}"
        try:
            root = find_course(course, Path.cwd())
            request = Request(submission, root, assignments, functions, framework, secret, speed, device)  # type: ignore[arg-type]
            prepared = prepare(request)
            if sandbox.name == "process" and not as_json:
                click.echo("grader: warning: the process backend does not protect against hostile code.", err=True)
            folder = out or Path("grader-results") / prepared.submission.name
            told = {"source": submission, "hidden": hidden}
            if "gradescope" in exported:  # which ends what takes too long, and keeps what has been written
                from grader.stepwise import grade_each

                step = {"gradescope": exported["gradescope"]}
                write = partial(export_to, targets=step, out=folder, told=told)
                report = graded(
                    lambda progress: grade_each(prepared, sandbox, lambda so_far: write([so_far]), progress)
                )
            else:
                report = graded(lambda progress: grade(prepared, sandbox, progress))
        except (CollectError, CourseError, AssignmentError) as error:
            stop(str(error), WRONG_REQUEST)
        except SandboxUnavailable as error:
            stop(str(error), OUR_FAULT)
        deliver(report, folder, as_json)
        if exported:
            export_to([report], exported, folder, told)
    sys.exit(exit_code(report, exit_zero))


@click.command()
@click.argument("submission", type=click.Path(path_type=Path))
@in_course
@click.option("--only", metavar="F,G", default="", help="Time only these functions.")
@in_framework
@on_device
@in_sandbox
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list and nothing else.")
def bench(
    submission: Path, course: Path | None, only: str, framework: str, device: str, backend: str, as_json: bool
) -> None:
    """Time the critical kernels of SUBMISSION beside the references, with many rounds: for tuning.

    Nothing is graded; a kernel whose answers are wrong says so.
    """
    from sandbox.base import SandboxUnavailable

    with warm_sandbox(backend, framework, "", device) as sandbox:
        from grader.assignment import AssignmentError
        from grader.bench import bench as timings_of
        from grader.bench import print_timings
        from grader.collect import CollectError
        from grader.course import CourseError, find_course
        from grader.pipeline import Request, prepare

        functions = names(only)
        try:
            root = find_course(course, Path.cwd())
            request = Request(submission, root, (), functions, framework, device=device)  # type: ignore[arg-type]
            prepared = prepare(request)
            timings = timings_of(prepared, sandbox)
        except (CollectError, CourseError, AssignmentError) as error:
            stop(str(error), WRONG_REQUEST)
        except SandboxUnavailable as error:
            stop(str(error), OUR_FAULT)
        print_timings(timings, as_json)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "audience", type=click.Choice(["student", "staff"]), default="student", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the files [default: the folder of FILE].")
@click.option("--format", "format_", type=click.Choice(["html", "md", "terminal"]), default="html", show_default=True)
def report(file: Path, audience: str, out: Path | None, format_: str) -> None:
    """Render FILE again, a results.json or a staff.json: feedback.html for students, staff.html for staff.

    Of a staff.json students see what they may read today: after the due date more than before.
    """
    from grader.codec import ResultsError
    from grader.report import load_report, write_feedback

    try:
        shown = load_report(file, audience)  # type: ignore[arg-type]
        if format_ == "terminal":
            show(shown)
        else:
            for path in write_feedback(shown, out or file.parent, [format_]):
                click.echo(f"Report: {path}")
    except ResultsError as error:
        stop(str(error), WRONG_REQUEST)
    except OSError as error:
        stop(f"cannot write the report to {out or file.parent}: {error.strerror or error}.", OUR_FAULT)


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--to", "targets", metavar="TO,..", required=True, help="Targets, each alone or as TARGET=FOLDER.")
@click.option("--out", type=click.Path(path_type=Path), help="Write to OUT/TARGET/ [default: beside the results].")
@click.option("--student", default="", metavar="ID", help="Whose results these are [default: the submission's name].")
@click.option("--gradebook", type=click.Path(path_type=Path), help="canvas: your export of the gradebook.")
@click.option("--column", default="", metavar="TITLE", help="canvas: the assignment's column, by title or number.")
@click.option(
    "--identity",
    type=click.Choice(["username", "idnumber", "email"]),
    default="username",
    show_default=True,
    help="moodle: what the students' names are.",
)
@in_hidden
def export(
    results: Path,
    targets: str,
    out: Path | None,
    student: str,
    gradebook: Path | None,
    column: str,
    identity: str,
    hidden: str,
) -> None:
    """Write RESULTS for other places.

    Targets: actions, canvas, classroom, classroom50, csv, gradescope, junit, moodle, prairielearn.

    RESULTS is a results.json; canvas, csv and moodle also take a folder with many, as FOLDER/NAME/results.json. Of the
    results of `grader batch` what counts in its gradebook is written, under the students' ids.
    """
    folder = results if results.is_dir() else results.parent
    wanted = targets_of(targets)
    paths, reports = _results(results, by_email=identity == "email")
    try:
        book = gradebook.read_bytes() if gradebook else b""
    except OSError as error:
        stop(f"{gradebook}: {error.strerror}.", WRONG_REQUEST)
    told = {"student": student, "gradebook": book, "column": column, "identity": identity, "hidden": hidden}
    for path in export_to(reports, wanted, out or folder, told):
        click.echo(path)
    if ours := [path for path, report in zip(paths, reports, strict=True) if report.outcome != "graded"]:
        stop(f"exported, but our faults keep {ours[0]} from being fully graded: see its feedback.", OUR_FAULT)


def _results(results: Path, by_email: bool) -> tuple[list[Path], list[Report]]:
    """Read the results in a file, of a batch, or in the folders of a folder; return where each lies too."""
    from grader.batch.counted import counted_reports, read_gradebook
    from grader.codec import ResultsError

    try:
        if results.is_dir() and (book := read_gradebook(results)) is not None:
            lines = list(counted_reports(results, book, by_email))
            if without := [entry.student for entry, report in lines if report is None]:
                shown = ", ".join(without[:10]) + (f" and {len(without) - 10} more" if len(without) > 10 else "")
                click.echo(f"grader: without results, and left out: {' '.join(shown.split())}", err=True)
            found = {results / entry.folder / "results.json": report for entry, report in lines if report is not None}
        else:
            paths = sorted(results.glob("*/results.json")) if results.is_dir() else [results]
            found = {path: _read(path) for path in paths}
    except ResultsError as error:
        stop(f"{error}.", WRONG_REQUEST)
    if not found:
        stop(f"{results} holds no NAME/results.json: name the results of `grader run`.", WRONG_REQUEST)
    return list(found), list(found.values())


def _read(path: Path) -> Report:
    from grader.codec import ResultsError, decode

    try:
        return decode(path.read_bytes())
    except (OSError, ResultsError) as error:
        raise ResultsError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from error
