"""What `--export` and `export` share: reading the targets, and writing for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from grader.cli.common import OUR_FAULT, WRONG_REQUEST, stop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from grader.model import Report

in_export = click.option(
    "--export", "targets", metavar="TO,..", default="", help="Also export, as `grader export --to` does."
)


def targets_of(text: str, *, ready: bool = False) -> dict[str, Path | None]:
    """Read the targets; with `ready`, nothing else will be said about them."""
    from grader.export import ExportError, Options, parse_targets
    from grader.export import ready as require

    try:
        targets = parse_targets(text)
        if ready:
            require(targets, Options(environment=os.environ))
        return targets
    except ExportError as error:
        stop(str(error), WRONG_REQUEST)


def export_to(
    reports: Sequence[Report], targets: Mapping[str, Path | None], out: Path, told: Mapping[str, Any]
) -> list[Path]:
    """Write the exports and print what GitHub reads from a step."""
    from grader.export import ExportError, Options
    from grader.export import export as write_exports

    try:
        paths, printed = write_exports(reports, targets, out, Options(**told, environment=os.environ))
    except ExportError as error:
        stop(str(error), WRONG_REQUEST)
    except OSError as error:
        stop(f"cannot write {error.filename}: {error.strerror}.", OUR_FAULT)
    # GitHub reads both streams, and stdout may be for results.json alone.
    click.echo(printed, nl=False, err=True)
    return paths
