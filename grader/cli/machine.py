"""What looks after the machine: `doctor`, `sandbox`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from grader.cli.common import FULL_MARKS, OUR_FAULT, in_course, stop

# The image's NumPy is this one's, which may not be there for another Python.
BASE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


@click.command()
@in_course
def doctor(course: Path | None) -> None:
    """Check this machine: Python, libraries, container engine, images, backends, course; one line each."""
    from grader.doctor import examine, print_findings

    findings = examine(course)
    print_findings(findings)
    sys.exit(OUR_FAULT if any(finding.state == "fail" for finding in findings) else FULL_MARKS)


@click.group()
def sandbox() -> None:
    """Manage the sandboxes: their images, and what killed graders left behind."""


@sandbox.command()
@click.option("--base", default=BASE, show_default=True, metavar="IMAGE", help="Base image with Python.")
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
        stop(str(error), OUR_FAULT)


@sandbox.command()
def clean() -> None:
    """Remove the containers and folders that killed graders left behind; those of running graders stay."""
    from sandbox.leftovers import clean

    for line in clean():
        click.echo(line)
