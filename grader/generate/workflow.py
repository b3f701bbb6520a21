"""The workflows of GitHub Actions, and how every text of a handout is rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grader import __version__
from grader.assignment import load_assignment
from grader.generate.stubs import GenerateError
from sandbox.base import Framework

# A tag can be moved to other code, a commit cannot.
ACTIONS = {
    "checkout": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "python": "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "upload": "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1",
}
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def official(root: Path, name: str, framework: Framework) -> dict[str, bytes]:
    """Return the workflow that grades with hidden cases, by its place in the repository of the course.

    Raises AssignmentError, and GenerateError for a name that a workflow cannot hold.
    """
    load_assignment(root, [name])
    if not _NAME.fullmatch(name):
        raise GenerateError(f"{name!r} cannot be put into a workflow: use letters, digits, '_' and '-'.")
    facts = {"assignment": name, "framework": framework}
    return {f".github/workflows/official-{name}.yml": rendered("official.yml.j2", facts)}


def rendered(template: str, facts: Mapping[str, Any]) -> bytes:
    """Return a template of the handout with facts, the grader's version and the actions filled in."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent.parent / "_templates" / "handout"
    # In a workflow two braces are GitHub's.
    marks = ("[[", "]]") if template.endswith(".yml.j2") else ("{{", "}}")
    # Plain text from the course, which is trusted: there is nothing to escape.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(folder),
        variable_start_string=marks[0],
        variable_end_string=marks[1],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(facts, version=__version__, actions=ACTIONS).encode()
