"""What students run: `check`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from grader.cli.common import OUR_FAULT, WRONG_REQUEST, exit_code, names, show, stop, warm_sandbox, write_results
from grader.cli.exporting import export_to, in_export, targets_of


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--only", metavar="F,G", default="", help="Check only these functions.")
@click.option("--watch", is_flag=True, help="Check again what changed, whenever a file is saved.")
@click.option(
    "--sandbox",
    "backend",
    type=click.Choice(["auto", "docker", "bubblewrap", "process"]),
    help="[default: process; on a CI runner auto, which does not take process there]",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write results.json and the feedback here.")
@in_export
def check(path: Path, only: str, watch: bool, backend: str | None, out: Path | None, targets: str) -> None:
    """Check your own work at PATH against the public cases of its handout.

    PATH is the folder of a handout, or a file in it [default: the current folder]. Nothing is written without --out
    or --export, which writes to grader-results/<name>/ unless --out names a folder.
    """
    from grader.selfcheck import HandoutError, find_handout, public_only
    from sandbox.select import own_code

    exported = _exported(targets, watch)
    try:
        handout = find_handout(path)
    except HandoutError as error:
        stop(str(error), WRONG_REQUEST)
    with warm_sandbox(backend or own_code(), handout.framework, "") as sandbox:
        from grader.assignment import AssignmentError
        from grader.collect import CollectError
        from grader.selfcheck import check_submission, collect_for, submission_path
        from grader.vectors import VectorsError, load
        from sandbox.base import SandboxUnavailable

        functions, about = names(only), public_only(sandbox)
        try:
            vectors = load(handout.cases)
            given = submission_path(path, handout)
            if watch:
                from grader.watch import watch_submission

                click.echo(about)
                watch_submission(given, handout, vectors, sandbox, functions)
                return
            report = check_submission(collect_for(given, vectors, handout), vectors, sandbox, functions)
        except (CollectError, AssignmentError, VectorsError) as error:
            stop(str(error), WRONG_REQUEST)
        except SandboxUnavailable as error:
            stop(str(error), OUR_FAULT)
    if exported and out is None:
        out = Path("grader-results") / report.submission.name
    if out:
        write_results(report, out)
    show(report)
    click.echo(f"\n{about}")
    if exported and out:
        export_to([report], exported, out, {"source": given})
    sys.exit(exit_code(report, exit_zero=False))


def _exported(targets: str, watch: bool) -> dict[str, Path | None]:
    from grader.selfcheck import EXPORTS

    exported = targets_of(targets) if targets else {}
    if others := [target for target in exported if target not in EXPORTS]:
        stop(
            f"a check is no grade: it exports to {', '.join(EXPORTS)}, and not to {others[0]}; grades come from "
            "`grader run`.",
            WRONG_REQUEST,
        )
    if exported and watch:
        stop("--watch checks again and again: leave out --export.", WRONG_REQUEST)
    return exported
