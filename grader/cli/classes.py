"""A whole class: `batch`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from grader.cli.common import (
    FULL_MARKS,
    OUR_FAULT,
    WRONG_REQUEST,
    from_seed,
    in_course,
    in_framework,
    in_runtime,
    in_sandbox,
    names,
    of_assignments,
    on_device,
    only_functions,
    stop,
    with_speed,
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the results of the class.")
@in_course
@of_assignments
@only_functions
@in_framework
@on_device
@in_sandbox
@in_runtime
@with_speed
@from_seed
@click.option("--jobs", type=click.IntRange(1, 256), default=os.cpu_count() or 1, help="Workers [default: cores].")
@click.option("--scheduler", default="", metavar="ADDRESS", help="Grade on a Dask cluster, as tcp://HOST:8786.")
@click.option("--roster", type=click.Path(path_type=Path), help="CSV: id, and name, email, submission, submitted.")
@click.option("--late-after", default="", metavar="TIME", help="Mark later hand-ins late: 2026-12-01T23:59+01:00.")
@click.option("--best-of", is_flag=True, help="Of a student's hand-ins the best counts, and not the last.")
@click.option("--anonymous", is_flag=True, help="Leave names out of class.html.")
def batch(
    folder: Path,
    out: Path,
    course: Path | None,
    assignments: tuple[str, ...],
    only: str,
    framework: str,
    device: str,
    backend: str,
    runtime: str,
    speed: bool,
    seed: int,
    jobs: int,
    scheduler: str,
    roster: Path | None,
    late_after: str,
    best_of: bool,
    anonymous: bool,
) -> None:
    """Grade every submission in FOLDER: each sub-folder, archive, notebook or .py file is one.

    Writes OUT/<submission>/ as `grader run` does, and gradebook.csv, gradebook.json and class.html. Give the same
    command again to go on after an interruption, or to grade what has changed.

    Exit codes: 0 everything was graded, 2 the request is wrong, 3 our own fault kept something from being graded.
    """
    from grader.assignment import AssignmentError
    from grader.batch.find import BatchError, HaltedError
    from grader.batch.order import Order, grade_class
    from grader.batch.progress import progress
    from grader.batch.summary import say
    from grader.course import CourseError, find_course
    from grader.pipeline import Request

    if not assignments and not only:
        stop("a class is graded on one request: give --assignment NAME, or --only with functions.", WRONG_REQUEST)
    secret = f"{os.environ.get('GRADER_SECRET', '')}:{seed}"
    try:
        root = find_course(course, Path.cwd())
        request = Request(folder, root, assignments, names(only), framework, secret, speed, device)  # type: ignore[arg-type]
        order = Order(request, out, backend, runtime, jobs, scheduler, roster, late_after, best_of, anonymous)
        with progress() as shown:
            outcome = grade_class(order, shown)
    except (AssignmentError, CourseError, BatchError) as error:
        stop(str(error), OUR_FAULT if isinstance(error, HaltedError) else WRONG_REQUEST)
    except KeyboardInterrupt:
        stop("interrupted; what was graded is kept, and the same command goes on.", OUR_FAULT)
    except OSError as error:
        stop(f"cannot write the results to {out}: {error.strerror or error}.", OUR_FAULT)
    say(outcome, out)
    sys.exit(OUR_FAULT if outcome.faults else FULL_MARKS)
