"""What instructors and authors run: `generate`, `topics`, `verify`, `new`, and autograders for other machines."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import (
    FULL_MARKS,
    MARKS_LOST,
    OUR_FAULT,
    WRONG_REQUEST,
    in_course,
    in_framework,
    in_hidden,
    in_sandbox,
    names,
    stop,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from grader.export.bundle import Bundle


@click.command()
@click.argument("assignment")
@in_course
@click.option("--out", "-o", type=click.Path(path_type=Path), required=True, help="Folder of the handout.")
@click.option("--format", "kind", type=click.Choice(["py", "ipynb"]), default="py", show_default=True)
@in_framework
@click.option("--only", metavar="F,G", default="", help="Hand out only these functions.")
@click.option("--points", is_flag=True, help="Say how many points each function is worth.")
@click.option("--solution", is_flag=True, help="Fill in the references: the instructor's own copy.")
@click.option("--official", is_flag=True, help="Write the workflow that grades officially into the course OUT instead.")
@click.option("--check", "compare", is_flag=True, help="Write nothing; fail when what is there is out of date.")
def generate(
    assignment: str,
    course: Path | None,
    out: Path,
    kind: str,
    framework: str,
    only: str,
    points: bool,
    solution: bool,
    official: bool,
    compare: bool,
) -> None:
    """Make the handout of ASSIGNMENT: stubs or a notebook, the text, the public cases, a README, a workflow.

    The public cases do not depend on GRADER_SECRET, and no hidden case, reference or hint is in a handout. With
    --official, make the workflow that grades students' repositories with the hidden cases, for the private repository
    of the course: see docs/ci.md.
    """
    from grader.assignment import AssignmentError
    from grader.course import CourseError, find_course
    from grader.generate.handout import Options, handout, outdated, write
    from grader.generate.stubs import GenerateError
    from grader.generate.workflow import official as official_workflow

    options = Options(kind, framework, names(only), points, solution)  # type: ignore[arg-type]
    if official and options != Options(framework=options.framework):
        stop("--official grades a whole assignment in any format: of the others give --framework alone.", WRONG_REQUEST)
    try:
        root = find_course(course, Path.cwd())
        if official:
            files = official_workflow(root, assignment, options.framework)
        else:
            files = handout(root, assignment, options)
        if not compare:
            write(files, out)
    except (AssignmentError, CourseError, GenerateError) as error:
        stop(str(error), WRONG_REQUEST)
    if not compare:
        click.echo(f"{out / next(iter(files))}" if official else f"{len(files)} files in {out}: start with README.md.")
        return
    lines = outdated(files, out, assignment)
    for line in lines:
        click.echo(f"{out}: {line}")
    click.echo(f"{out} is {'out of date: generate it again' if lines else 'up to date'}.")
    sys.exit(MARKS_LOST if lines else FULL_MARKS)


@click.command()
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
        stop(str(error), WRONG_REQUEST)
    print_overview(rows, as_json)
    sys.exit(OUR_FAULT if any(row.fault for row in rows) else FULL_MARKS)


@click.command()
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
        stop(str(error), WRONG_REQUEST)
    if unknown := sorted(set(functions) - set(known)):
        stop(f"No topic {unknown[0]!r}; `grader topics` lists them.", WRONG_REQUEST)
    names = [name for name in known if not functions or name in functions]
    unsorted = tracked(proofs_of(root, names, THOROUGH if thorough else Effort(), jobs), "proving", len(names))
    proofs = sorted(unsorted, key=lambda proof: names.index(proof.topic))
    if as_json:
        sys.stdout.buffer.write(to_json(proofs))
    else:
        print_proofs(proofs, matrix or len(names) == 1)
    sys.exit(MARKS_LOST if any(proof.failures for proof in proofs) else FULL_MARKS)


@click.group()
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
        stop(str(error), WRONG_REQUEST)


@click.group()
def gradescope() -> None:
    """Make the autograder of a Gradescope assignment."""


@click.group()
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
        stop(str(error), WRONG_REQUEST)
    except OSError as error:
        stop(f"cannot write {out}: {error.strerror}.", OUR_FAULT)
