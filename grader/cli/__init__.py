"""The commands; nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
import sys

import click

from grader import __version__
from grader.cli import classes, comparing, grading, machine, students, teaching
from grader.cli.common import OUR_FAULT, WRONG_REQUEST, stop


def main() -> None:
    """Run the command line; every error is one line that says what to do."""
    from grader.interrupt import interruptible

    try:
        with interruptible():
            cli.main(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        stop(error.format_message(), WRONG_REQUEST)
    except (click.Abort, KeyboardInterrupt):
        stop("interrupted; nothing was graded.", OUR_FAULT)
    except Exception as error:  # whatever we did not foresee must not look like a grade
        if os.environ.get("GRADER_DEBUG"):
            raise
        stop(f"our own fault: {type(error).__name__}: {error}. Set GRADER_DEBUG=1 to see where.", OUR_FAULT)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="grader")
def cli() -> None:
    """Grade deep-learning coursework: sandboxed, with calibrated tolerances, and with feedback that names the mistake.

    Exit codes: 0 full marks, 1 graded with marks lost, 2 the request is wrong, 3 our own fault and no grade.
    """


for command in (
    grading.run,
    students.check,
    classes.batch,
    comparing.similar,
    teaching.generate,
    grading.bench,
    grading.report,
    grading.export,
    teaching.topics,
    teaching.verify,
    teaching.new,
    teaching.gradescope,
    teaching.classroom50,
    machine.doctor,
    machine.sandbox,
):
    cli.add_command(command)
