"""`grader check`: a student's own check against the public cases, without the course.

`check_submission` is the same chain as `pipeline.grade` with the public vectors as its oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sandbox.base import Framework, Limits, Sandbox, Source

if TYPE_CHECKING:
    from grader.model import Report, Submission
    from grader.vectors import Vectors

SETTINGS = "grader.toml"
# The points of a check are no grade: it is not for gradebooks.
EXPORTS = ("actions", "classroom", "junit")


class HandoutError(Exception):
    """A folder that cannot be checked; the message is one line that says what to do."""


class _Settings(msgspec.Struct):
    assignment: str
    framework: Framework
    file: str
    cases: str


@dataclass(frozen=True, slots=True)
class Handout:
    """What `grader.toml` says: where the public cases are, and the file that the student fills in."""

    root: Path
    assignment: str
    framework: Framework
    file: str
    cases: Path


def public_only(sandbox: Sandbox) -> str:
    """Return what a check does not say, and where the process sandbox runs the code."""
    where = ", run on this machine with your rights" if sandbox.name == "process" else ""
    return (
        f"Public cases only{where}. Hidden cases, the distribution of random answers and speed are judged officially."
    )


def find_handout(path: Path) -> Handout:
    """Return the handout that a folder or file is in: the nearest grader.toml decides. Raises HandoutError."""
    if not path.exists():
        raise HandoutError(f"{path} does not exist: give the folder of the handout, or the file to check.")
    start = path.resolve()
    for folder in (start, *start.parents):
        if (folder / SETTINGS).is_file():
            return _read(folder)
    raise HandoutError(f"No {SETTINGS} in {path} or above it: run in the folder of the handout, which holds it.")


def submission_path(path: Path, handout: Handout) -> Path:
    """Return what is checked: the file that was given, else everything in the handout's folder."""
    return path if path.is_file() and path.name != SETTINGS else handout.root


def _read(root: Path) -> Handout:
    try:
        settings = msgspec.toml.decode((root / SETTINGS).read_bytes(), type=_Settings)
    except (msgspec.MsgspecError, OSError, ValueError) as error:
        raise HandoutError(f"{SETTINGS} cannot be read ({error}): copy it from the handout again.") from error
    cases = root / settings.cases
    if not cases.is_file():
        raise HandoutError(f"{settings.cases} is not beside {SETTINGS}: copy it from the handout again.")
    return Handout(root, settings.assignment, settings.framework, settings.file, cases)


def collect_for(path: Path, vectors: Vectors, handout: Handout | None = None) -> Submission:
    """Find the functions of the assignment at a path; say when the handout's own file is in the wrong place.

    Raises CollectError.
    """
    from grader.collect import CollectError, collect
    from grader.model import Problem

    missing = handout is not None and path.is_dir() and not (path / handout.file).is_file()
    advice = f"{handout.file} is not beside {SETTINGS}: that is where it belongs" if handout else ""
    try:
        submission = collect(path, vectors.names())
    except CollectError as error:
        raise CollectError(f"{advice}; {error}" if missing else str(error)) from error
    if not missing:
        return submission
    return replace(submission, problems=(Problem(advice), *submission.problems))


def check_submission(
    submission: Submission, vectors: Vectors, sandbox: Sandbox, functions: Sequence[str] = ()
) -> Report:
    """Run a submission against public vectors, all functions or the named ones.

    Raises AssignmentError for an unknown name and SandboxUnavailable.
    """
    from grader.assignment import only
    from grader.execute import Boxes, execute
    from grader.judge import judge
    from grader.model import Verdict
    from grader.results import report_of
    from grader.visibility import public

    started = datetime.now(UTC)
    assignment = only(vectors.assignment, functions) if functions else vectors.assignment
    plan = vectors.plan([function.name for function in assignment.functions])
    source = Source((*submission.modules, *vectors.modules()), vectors.framework)
    boxes = Boxes(sandbox, source, Limits.for_framework(vectors.framework))
    try:
        outcomes = execute(plan, assignment, submission, vectors, boxes)
    finally:
        boxes.close()
    results = judge(plan, outcomes, submission, vectors)
    if any(result.verdict is not Verdict.PASS for result in results):
        from grader.diagnose import diagnose  # what is right need not wait for it

        results = diagnose(plan, results, outcomes, vectors)
    return public(report_of(plan, assignment, submission, sandbox, boxes, results, started), datetime.now(UTC))
