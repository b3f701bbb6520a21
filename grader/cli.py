"""The commands; nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from grader import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from grader.export.bundle import Bundle
    from grader.model import Report
    from sandbox.base import Sandbox

FULL_MARKS, MARKS_LOST, WRONG_REQUEST, OUR_FAULT = 0, 1, 2, 3


def main() -> None:
    """Run the command line; every error is one line that says what to do."""
    from grader.interrupt import interruptible

    try:
        with interruptible():
            cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        _stop(error.format_message(), WRONG_REQUEST)
    except (click.Abort, KeyboardInterrupt):
        _stop("interrupted; nothing was graded.", OUR_FAULT)
    except Exception as error:  # whatever we did not foresee must not look like a grade
        if os.environ.get("GRADER_DEBUG"):
            raise
        _stop(f"our own fault: {type(error).__name__}: {error}. Set GRADER_DEBUG=1 to see where.", OUR_FAULT)


def _stop(message: str, code: int) -> NoReturn:
    click.echo(f"grader: {' '.join(message.split())}", err=True)
    sys.exit(code)


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
in_hidden = click.option(
    "--hidden",
    type=click.Choice(["visible", "hidden", "after_due_date", "after_published"]),
    default="visible",
    show_default=True,
    help="gradescope: when students see the tests of hidden checks.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="grader")
def cli() -> None:
    """Grade deep-learning coursework: sandboxed, with calibrated tolerances, and with feedback that names the mistake.

    Exit codes: 0 full marks, 1 graded with marks lost, 2 the request is wrong, 3 our own fault and no grade.
    """


@cli.command()
@click.argument("submission", type=click.Path(path_type=Path))
@in_course
@click.option("--assignment", "assignments", multiple=True, metavar="NAME", help="Grade this assignment; repeatable.")
@click.option("--only", metavar="F,G", default="", help="Grade only these functions.")
@in_framework
@on_device
@in_sandbox
@click.option("--runtime", default="", metavar="NAME", help="Docker: another runtime of the engine, such as runsc.")
@click.option("--speed/--no-speed", default=True, show_default=True, help="Time critical kernels that are right.")
@click.option("--seed", type=int, default=0, show_default=True, help="Choose other inputs, the same for everybody.")
@click.option("--out", type=click.Path(path_type=Path), help="Results folder [default: grader-results/<name>/].")
@click.option("--export", "targets", metavar="TO,..", default="", help="Also export, as `grader export --to` does.")
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

    exported = _targets(targets, ready=True) if targets else {}
    # A box takes its time to start: everything else is loaded meanwhile.
    with _warm_sandbox(backend, framework, runtime, device) as sandbox:
        if sandbox.name == "process" != backend and os.environ.get("GITHUB_ACTIONS") == "true":
            _stop(
                "only the process sandbox works here, in which a submission could find the job's tokens: set up Docker "
                "(grader sandbox build) or bubblewrap; where the job has nothing to lose, give --sandbox process.",
                OUR_FAULT,
            )
        from grader.assignment import AssignmentError
        from grader.collect import CollectError
        from grader.course import CourseError, find_course
        from grader.pipeline import Request, grade, prepare
        from grader.progress import graded

        functions = _names(only)
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
                write = partial(_export, targets=step, out=folder, told=told)
                report = graded(
                    lambda progress: grade_each(prepared, sandbox, lambda so_far: write([so_far]), progress)
                )
            else:
                report = graded(lambda progress: grade(prepared, sandbox, progress))
        except (CollectError, CourseError, AssignmentError) as error:
            _stop(str(error), WRONG_REQUEST)
        except SandboxUnavailable as error:
            _stop(str(error), OUR_FAULT)
        _deliver(report, folder, as_json)
        if exported:
            _export([report], exported, folder, told)
    sys.exit(_exit_code(report, exit_zero))


@cli.command()
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

    RESULTS is a results.json; canvas, csv and moodle also take a folder with many, as FOLDER/NAME/results.json.
    """
    from grader.codec import ResultsError, decode

    folder = results if results.is_dir() else results.parent
    paths = sorted(results.glob("*/results.json")) if results.is_dir() else [results]
    if not paths:
        _stop(f"{results} holds no NAME/results.json: name the results of `grader run`.", WRONG_REQUEST)
    wanted, reports = _targets(targets), []
    for path in paths:
        try:
            reports.append(decode(path.read_bytes()))
        except (OSError, ResultsError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            _stop(f"{path}: {said}.", WRONG_REQUEST)
    try:
        book = gradebook.read_bytes() if gradebook else b""
    except OSError as error:
        _stop(f"{gradebook}: {error.strerror}.", WRONG_REQUEST)
    told = {"student": student, "gradebook": book, "column": column, "identity": identity, "hidden": hidden}
    for path in _export(reports, wanted, out or folder, told):
        click.echo(path)
    if ours := [path for path, report in zip(paths, reports, strict=True) if report.outcome != "graded"]:
        _stop(f"exported, but our faults keep {ours[0]} from being fully graded: see its feedback.", OUR_FAULT)


@cli.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--only", metavar="F,G", default="", help="Check only these functions.")
@click.option("--watch", is_flag=True, help="Check again what changed, whenever a file is saved.")
@click.option("--out", type=click.Path(path_type=Path), help="Write results.json and the feedback here.")
def check(path: Path, only: str, watch: bool, out: Path | None) -> None:
    """Check your own work at PATH against the public cases of its handout.

    PATH is the folder of a handout, or a file in it [default: the current folder]. Nothing is written without --out.
    """
    from grader.selfcheck import PUBLIC_ONLY, HandoutError, find_handout

    try:
        handout = find_handout(path)
    except HandoutError as error:
        _stop(str(error), WRONG_REQUEST)
    with _warm_sandbox("process", handout.framework, "") as sandbox:
        from grader.assignment import AssignmentError
        from grader.collect import CollectError
        from grader.selfcheck import check_submission, collect_for, submission_path
        from grader.vectors import VectorsError, load
        from sandbox.base import SandboxUnavailable

        functions = _names(only)
        try:
            vectors = load(handout.cases)
            given = submission_path(path, handout)
            if watch:
                from grader.watch import watch_submission

                click.echo(PUBLIC_ONLY)
                watch_submission(given, handout, vectors, sandbox, functions)
                return
            report = check_submission(collect_for(given, vectors, handout), vectors, sandbox, functions)
        except (CollectError, AssignmentError, VectorsError) as error:
            _stop(str(error), WRONG_REQUEST)
        except SandboxUnavailable as error:
            _stop(str(error), OUR_FAULT)
    if out:
        _write(report, out)
    _print(report)
    click.echo(f"\n{PUBLIC_ONLY}")
    sys.exit(_exit_code(report, exit_zero=False))


@cli.command()
@click.argument("assignment")
@in_course
@click.option("--out", "-o", type=click.Path(path_type=Path), required=True, help="Folder of the handout.")
@click.option("--format", "kind", type=click.Choice(["py", "ipynb"]), default="py", show_default=True)
@in_framework
@click.option("--only", metavar="F,G", default="", help="Hand out only these functions.")
@click.option("--points", is_flag=True, help="Say how many points each function is worth.")
@click.option("--solution", is_flag=True, help="Fill in the references: the instructor's own copy.")
@click.option("--check", "compare", is_flag=True, help="Write nothing; fail when the handout is out of date.")
def generate(
    assignment: str,
    course: Path | None,
    out: Path,
    kind: str,
    framework: str,
    only: str,
    points: bool,
    solution: bool,
    compare: bool,
) -> None:
    """Make the handout of ASSIGNMENT: stubs or a notebook, the text, the public cases, a README, a workflow.

    The public cases do not depend on GRADER_SECRET, and no hidden case, reference or hint is in a handout.
    """
    from grader.assignment import AssignmentError
    from grader.course import CourseError, find_course
    from grader.generate.handout import Options, handout, outdated, write
    from grader.generate.stubs import GenerateError

    try:
        root = find_course(course, Path.cwd())
        options = Options(kind, framework, _names(only), points, solution)  # type: ignore[arg-type]
        files = handout(root, assignment, options)
        if not compare:
            write(files, out)
    except (AssignmentError, CourseError, GenerateError) as error:
        _stop(str(error), WRONG_REQUEST)
    if not compare:
        click.echo(f"{len(files)} files in {out}: start with README.md.")
        return
    lines = outdated(files, out, assignment)
    for line in lines:
        click.echo(f"{out}: {line}")
    click.echo(f"{out} is {'out of date: generate it again' if lines else 'up to date'}.")
    sys.exit(MARKS_LOST if lines else FULL_MARKS)


@cli.command()
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

    with _warm_sandbox(backend, framework, "", device) as sandbox:
        from grader.assignment import AssignmentError
        from grader.bench import bench as timings_of
        from grader.bench import print_timings
        from grader.collect import CollectError
        from grader.course import CourseError, find_course
        from grader.pipeline import Request, prepare

        functions = _names(only)
        try:
            root = find_course(course, Path.cwd())
            request = Request(submission, root, (), functions, framework, device=device)  # type: ignore[arg-type]
            prepared = prepare(request)
            timings = timings_of(prepared, sandbox)
        except (CollectError, CourseError, AssignmentError) as error:
            _stop(str(error), WRONG_REQUEST)
        except SandboxUnavailable as error:
            _stop(str(error), OUR_FAULT)
        print_timings(timings, as_json)


@cli.command()
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
            _print(shown)
        else:
            for path in write_feedback(shown, out or file.parent, [format_]):
                click.echo(f"Report: {path}")
    except ResultsError as error:
        _stop(str(error), WRONG_REQUEST)
    except OSError as error:
        _stop(f"cannot write the report to {out or file.parent}: {error.strerror or error}.", OUR_FAULT)


@cli.command()
@in_course
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def topics(course: Path | None, as_json: bool) -> None:
    """List the functions of the course with their points, cases and mistakes."""
    from grader.assignment import AssignmentError
    from grader.course import CourseError, find_course
    from grader.overview import overview, print_overview

    try:
        rows = overview(find_course(course, Path.cwd()))
    except (CourseError, AssignmentError) as error:
        _stop(str(error), WRONG_REQUEST)
    print_overview(rows, as_json)
    sys.exit(OUR_FAULT if any(row.fault for row in rows) else FULL_MARKS)


@cli.command()
@click.argument("functions", nargs=-1, metavar="[FUNCTION]...")
@in_course
@click.option("--jobs", type=click.IntRange(min=1), help="Topics at once [default: the number of cores].")
@click.option("--matrix", is_flag=True, help="Show which case catches which mistake.")
@click.option("--thorough", is_flag=True, help="Random functions: 10,000 seeds for references, 1,000 for mistakes.")
@click.option("--json", "as_json", is_flag=True, help="Print the proofs as JSON and nothing else.")
def verify(
    functions: tuple[str, ...], course: Path | None, jobs: int | None, matrix: bool, thorough: bool, as_json: bool
) -> None:
    """Prove that topics are sound: right answers pass, mistakes, mutants and trivial answers fail."""
    from grader.codec import to_json
    from grader.course import CourseError, find_course, topic_files
    from grader.progress import tracked
    from grader.verify import verify as proofs_of
    from grader.verify.prove import THOROUGH, Effort
    from grader.verify.show import print_proofs

    try:
        root = find_course(course, Path.cwd())
        known = list(topic_files(root))
    except CourseError as error:
        _stop(str(error), WRONG_REQUEST)
    if unknown := sorted(set(functions) - set(known)):
        _stop(f"No topic {unknown[0]!r}; `grader topics` lists them.", WRONG_REQUEST)
    names = [name for name in known if not functions or name in functions]
    unsorted = tracked(proofs_of(root, names, THOROUGH if thorough else Effort(), jobs), "proving", len(names))
    proofs = sorted(unsorted, key=lambda proof: names.index(proof.topic))
    if as_json:
        sys.stdout.buffer.write(to_json(proofs))
    else:
        print_proofs(proofs, matrix or len(names) == 1)
    sys.exit(MARKS_LOST if any(proof.failures for proof in proofs) else FULL_MARKS)


@cli.command()
@in_course
def doctor(course: Path | None) -> None:
    """Check this machine: Python, libraries, container engine, images, backends, course; one line each."""
    from grader.doctor import examine, print_findings

    findings = examine(course)
    print_findings(findings)
    sys.exit(OUR_FAULT if any(finding.state == "fail" for finding in findings) else FULL_MARKS)


@cli.group()
def gradescope() -> None:
    """Make the autograder of a Gradescope assignment."""


@cli.group()
def classroom50() -> None:
    """Make the autograder of a Classroom 50 assignment."""


# Options of what grades on other machines.
in_assignments = click.option(
    "--assignment", "assignments", multiple=True, required=True, metavar="NAME", help="What is graded; repeatable."
)
from_index = click.option("--from-index", is_flag=True, help="Install the engine by its name; the bundle has no wheel.")


@gradescope.command("build")
@in_assignments
@in_course
@in_framework
@click.option("--sandbox", "backend", type=click.Choice(["auto", "bubblewrap", "process"]), default="auto")
@in_hidden
@from_index
@click.option("--out", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The zip to write.")
def build_gradescope(out: Path, **options: Any) -> None:
    """Write the zip to upload as the autograder: engine, course, setup.sh and run_autograder.

    The secret of the hidden inputs is taken from GRADER_SECRET; only staff can see what is in the zip.
    """
    from grader.atomic import write_atomically
    from grader.export.bundle import gradescope, zipped

    with _bundling(out):
        files = gradescope(_bundle(options | {"secret": os.environ.get("GRADER_SECRET", "")}))
        write_atomically(out, zipped(files))
    click.echo(f"{out}: {len(files)} files. Upload it under Configure Autograder.")


@classroom50.command("build")
@in_assignments
@in_course
@in_framework
@in_sandbox
@from_index
@click.option("--out", "-o", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write.")
def build_classroom50(out: Path, **options: Any) -> None:
    """Write autograder.py and what it needs for an assignment's autograder folder.

    Classroom 50 publishes that folder: references and hidden cases in it can be read by students who look for them.
    """
    from grader.export.bundle import classroom50, write

    with _bundling(out):
        write(files := classroom50(_bundle({"hidden": "visible"} | options)), out)
    click.echo(f"{out}: {len(files)} files. Students who look for this folder can read it, references included.")


@cli.group()
def new() -> None:
    """Begin a part of a course."""


@new.command()
@click.argument("name")
@click.option("--chapter", required=True, metavar="CHAPTER", help="Folder under reference/ and assignments/.")
@click.option("--course", type=click.Path(path_type=Path), help="Course to add to; a new folder becomes a course.")
def topic(name: str, chapter: str, course: Path | None) -> None:
    """Write the topic file of function NAME with the places to fill in: see docs/authoring.md."""
    from grader.course import CourseError, find_course
    from grader.scaffold import new_topic

    try:
        options = f" --course {course}" if course else ""
        for line in new_topic(course or find_course(None, Path.cwd()), name, chapter, options):
            click.echo(line)
    except CourseError as error:
        _stop(str(error), WRONG_REQUEST)


@cli.group()
def sandbox() -> None:
    """Manage the sandboxes: their images, and what killed graders left behind."""


@sandbox.command()
@click.option("--base", default="python:3.11-slim", show_default=True, metavar="IMAGE", help="Base image with Python.")
@click.option("--torch", is_flag=True, help="Build the image with torch too.")
@click.option("--cuda", is_flag=True, help="Build the image with a torch for NVIDIA cards too.")
def build(base: str, torch: bool, cuda: bool) -> None:
    """Build the sandbox image from sandbox/Dockerfile."""
    from sandbox.base import SandboxUnavailable
    from sandbox.images import build_images

    try:
        for line in build_images(base, torch, cuda):
            click.echo(line)
    except SandboxUnavailable as error:
        _stop(str(error), OUR_FAULT)


@sandbox.command()
def clean() -> None:
    """Remove the containers and folders that killed graders left behind; those of running graders stay."""
    from sandbox.leftovers import clean

    for line in clean():
        click.echo(line)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())


@contextmanager
def _warm_sandbox(backend: str, framework: str, runtime: str, device: str = "cpu") -> Iterator[Sandbox]:
    """Choose a sandbox and start a box ahead; at the end close the sandbox, whatever happened."""
    from sandbox.base import Limits, SandboxUnavailable
    from sandbox.select import choose

    if device != "cpu" and framework != "torch":
        _stop(f"--device {device} needs --framework torch.", WRONG_REQUEST)
    try:
        sandbox = choose(backend, framework, runtime, device)  # type: ignore[arg-type]
    except SandboxUnavailable as error:
        _stop(str(error), OUR_FAULT)
    try:
        sandbox.warm(framework, Limits.for_framework(framework, device))  # type: ignore[arg-type]
        yield sandbox
    finally:
        try:
            sandbox.close()
        except KeyboardInterrupt:  # the only one that ever comes
            sandbox.close()
            raise


def _deliver(report: Report, out: Path, as_json: bool) -> None:
    """Write everything for staff and what students may read, then print the student's report, or results.json."""
    from datetime import UTC, datetime

    from grader.codec import encode
    from grader.visibility import public

    student = public(report, datetime.now(UTC))
    _write(student, out, report)
    if as_json:
        sys.stdout.buffer.write(encode(student))
        return
    _print(student)
    click.echo(f"\nReport: {out / 'feedback.html'}")


def _write(report: Report, out: Path, whole: Report | None = None) -> None:
    """Write the files, results.json last, since its presence says that the others are there."""
    from grader.atomic import write_atomically
    from grader.codec import encode
    from grader.report import STAFF_MODE, write_feedback

    try:
        out.mkdir(parents=True, exist_ok=True)
        write_feedback(report, out)
        if whole is not None:
            write_atomically(out / "staff.json", encode(whole), STAFF_MODE)
        write_atomically(out / "results.json", encode(report))
    except OSError as error:
        _stop(f"cannot write the results to {out}: {error.strerror or error}.", OUR_FAULT)


def _bundle(options: Mapping[str, Any]) -> Bundle:
    from grader.course import find_course
    from grader.export.bundle import Bundle

    root = find_course(options["course"], Path.cwd())
    renamed = {"course": root, "sandbox": options["backend"]}
    return Bundle(**{name: value for name, value in options.items() if name != "backend"} | renamed)


@contextmanager
def _bundling(out: Path) -> Iterator[None]:
    from grader.assignment import AssignmentError
    from grader.course import CourseError
    from grader.export import ExportError

    try:
        yield
    except (AssignmentError, CourseError, ExportError) as error:
        _stop(str(error), WRONG_REQUEST)
    except OSError as error:
        _stop(f"cannot write {out}: {error.strerror}.", OUR_FAULT)


def _targets(text: str, *, ready: bool = False) -> dict[str, Path | None]:
    """Read the targets; with `ready`, nothing else will be said about them."""
    from grader.export import ExportError, Options, parse_targets
    from grader.export import ready as require

    try:
        targets = parse_targets(text)
        if ready:
            require(targets, Options(environment=os.environ))
        return targets
    except ExportError as error:
        _stop(str(error), WRONG_REQUEST)


def _export(
    reports: Sequence[Report], targets: Mapping[str, Path | None], out: Path, told: Mapping[str, Any]
) -> list[Path]:
    """Write the exports and print what GitHub reads from a step."""
    from grader.export import ExportError, Options
    from grader.export import export as write_exports

    try:
        paths, printed = write_exports(reports, targets, out, Options(**told, environment=os.environ))
    except ExportError as error:
        _stop(str(error), WRONG_REQUEST)
    except OSError as error:
        _stop(f"cannot write {error.filename}: {error.strerror}.", OUR_FAULT)
    # GitHub reads both streams, and stdout may be for results.json alone.
    click.echo(printed, nl=False, err=True)
    return paths


def _print(report: Report) -> None:
    from rich.console import Console

    from grader.report.terminal import print_report

    print_report(report, Console())


def _exit_code(report: Report, exit_zero: bool) -> int:
    if report.outcome != "graded":
        return OUR_FAULT
    return FULL_MARKS if exit_zero or report.hundredths == report.max_hundredths else MARKS_LOST
