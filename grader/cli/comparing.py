"""Comparing submissions with each other: `similar`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from grader.cli.common import OUR_FAULT, WRONG_REQUEST, in_course, names, stop


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@in_course
@click.option("--only", metavar="F,G", default="", help="Compare only these functions.")
@click.option("--handout", type=click.Path(path_type=Path), help="Code that was handed out, which does not count.")
@click.option(
    "--roster", type=click.Path(path_type=Path), help="Who is who, as for batch: hand-ins of one student are no pair."
)
@click.option("--top", type=click.IntRange(1, 200), default=10, show_default=True, help="Pairs for each function.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("similar.html"),
    metavar="FILE.html",
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else; the page is written all the same.")
def similar(
    folder: Path,
    course: Path | None,
    only: str,
    handout: Path | None,
    roster: Path | None,
    top: int,
    out: Path,
    as_json: bool,
) -> None:
    """Show which submissions in DIR are most alike, function by function: a place to look, not a verdict.

    Each sub-folder, archive, notebook or .py file is a submission. Nothing of them is run. Writes a page for staff with
    the passages side by side.
    """
    try:
        from grader.similar.survey import survey
    except ModuleNotFoundError as error:
        if error.name != "copydetect":
            raise
        stop("similar needs an extra: pip install 'kernel-grader[similarity]'", WRONG_REQUEST)
    from grader.assignment import AssignmentError
    from grader.atomic import write_atomically
    from grader.batch.find import BatchError, find
    from grader.batch.roster import owners, read_roster
    from grader.codec import to_json
    from grader.collect import CollectError
    from grader.course import CourseError, find_course
    from grader.pipeline import Request, material
    from grader.plan import wanted_names
    from grader.progress import tracked
    from grader.report import STAFF_MODE
    from grader.similar.gather import gather, handed_out
    from grader.similar.page import render_page

    try:
        root = find_course(course, Path.cwd())
        every, chosen = (
            wanted_names(*material(Request(folder, root, (), some)), "numpy") for some in ((), names(only))
        )
        given = handed_out(handout) if handout else []
        hand_ins, _ = find(folder)
        people = owners(read_roster(roster), hand_ins) if roster else {}
    except (AssignmentError, BatchError, CollectError, CourseError) as error:
        stop(str(error), WRONG_REQUEST)
    if len(hand_ins) < 2:
        stop(f"{folder} holds only one submission: there is nothing to compare it with.", WRONG_REQUEST)
    read = list(tracked(gather(hand_ins, every), "reading", len(hand_ins)))
    authors = {hand_in: person.id for hand_in, person in people.items()}
    found = survey(tracked(chosen, "comparing", len(chosen)), read, given, top, authors)
    try:
        page = render_page(found, read, folder.resolve().name)
        write_atomically(out, page.encode("utf-8", "replace"), STAFF_MODE)
    except OSError as error:
        stop(f"cannot write {out}: {error.strerror or error}.", OUR_FAULT)
    if as_json:
        sys.stdout.buffer.write(to_json(found))
        return
    from rich.console import Console

    from grader.similar.show import print_survey

    print_survey(found, Console())
    click.echo(f"\nPage: {out}")
