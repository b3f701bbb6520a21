"""What students run: `check`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from grader.cli.common import OUR_FAULT, WRONG_REQUEST, exit_code, names, show, stop, warm_sandbox, write_results


@click.command()
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
        stop(str(error), WRONG_REQUEST)
    with warm_sandbox("process", handout.framework, "") as sandbox:
        from grader.assignment import AssignmentError
        from grader.collect import CollectError
        from grader.selfcheck import check_submission, collect_for, submission_path
        from grader.vectors import VectorsError, load
        from sandbox.base import SandboxUnavailable

        functions = names(only)
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
            stop(str(error), WRONG_REQUEST)
        except SandboxUnavailable as error:
            stop(str(error), OUR_FAULT)
    if out:
        write_results(report, out)
    show(report)
    click.echo(f"\n{PUBLIC_ONLY}")
    sys.exit(exit_code(report, exit_zero=False))
