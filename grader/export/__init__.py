"""Results for other places: one small module for each target, over the student's view of the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from grader.atomic import write_atomically
from grader.export.errors import ExportError
from grader.model import Report
from grader.visibility import public

__all__ = ["PER_CLASS", "TARGETS", "ExportError", "Options", "export", "files", "parse_targets", "ready"]

PER_SUBMISSION = ("actions", "classroom", "classroom50", "gradescope", "junit", "prairielearn")
PER_CLASS = ("canvas", "csv", "moodle")
TARGETS = tuple(sorted(PER_SUBMISSION + PER_CLASS))

# What a step on GitHub appends to the file that an environment variable names.
APPENDED = {("actions", "summary.md"): "GITHUB_STEP_SUMMARY", ("classroom", "outputs.txt"): "GITHUB_OUTPUT"}

# None stands for a file that must not be there: there is no result, and an older one would be taken for it.
Files = Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Options:
    """What a target has to be told besides the results.

    `student` is the identity of the only submission where its name is not; `gradebook` and `column` are canvas's,
    `identity` is moodle's, `hidden` is how Gradescope shows hidden checks. `source` is where the submission lies, for
    annotations. `environment` is the grader's own. What is due by `now` is shown.
    """

    student: str = ""
    gradebook: bytes = b""
    column: str = ""
    identity: str = "username"
    hidden: str = "visible"
    source: Path | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def parse_targets(text: str) -> dict[str, Path | None]:
    """Read "junit,gradescope=/some/folder"; a target without a folder maps to None. Raises ExportError."""
    targets: dict[str, Path | None] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, folder = item.partition("=")
        if name not in TARGETS:
            raise ExportError(f"No target {name!r}; there are: {', '.join(TARGETS)}.")
        targets[name] = Path(folder) if folder else None
    if not targets:
        raise ExportError(f"No target is named; there are: {', '.join(TARGETS)}.")
    return targets


def ready(targets: Mapping[str, Path | None], options: Options) -> None:
    """Raise ExportError for a target that lacks something, before the work that it is to export."""
    if "canvas" in targets:
        from grader.export import canvas

        canvas.ready(options.gradebook, options.column)
    if "classroom50" in targets:
        from grader.export import classroom50

        classroom50.ready(options.environment)


def export(
    reports: Sequence[Report], targets: Mapping[str, Path | None], out: Path, options: Options
) -> tuple[list[Path], str]:
    """Write each target's files into its folder, by default `out`/<target>, each in one step.

    On GitHub what a step hands over is appended to its files too. Returns the paths, and what is to be printed there:
    annotations. Raises ExportError before anything is written, and OSError.
    """
    made = {name: files(name, reports, options) for name in targets}
    paths, printed = [], ""
    for target, contents in made.items():
        folder = targets[target] or out / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in contents.items():
            if data is None:
                (folder / name).unlink(missing_ok=True)
                continue
            paths.append(write_atomically(folder / name, data))
            if sink := options.environment.get(APPENDED.get((target, name), "")):
                with Path(sink).open("ab") as file:
                    file.write(data)
            if name == "annotations.txt" and options.environment.get("GITHUB_ACTIONS") == "true":
                printed += data.decode()
    return paths, printed


def files(target: str, reports: Sequence[Report], options: Options) -> Files:
    """Return the files of one target by name: pure. Raises ExportError."""
    if options.student and len(reports) != 1:
        raise ExportError(f"--student names one student, and there are {len(reports)} results: leave it out.")
    seen = [public(report, options.now) for report in reports]
    if target in PER_CLASS:
        return _of_class(target, seen, options)
    if len(seen) != 1:
        raise ExportError(f"{target} takes one submission's results, and there are {len(seen)}: name one results.json.")
    return _of_submission(target, seen[0], options)


def _within(options: Options) -> str:
    """Return the folder of the submission below the workspace, with a final slash; empty where it is the workspace."""
    if options.source is None:
        return ""
    folder = options.source if options.source.is_dir() else options.source.parent
    workspace = Path(options.environment.get("GITHUB_WORKSPACE") or Path.cwd())
    try:
        below = folder.resolve().relative_to(workspace.resolve()).as_posix()
    except ValueError:
        return ""
    return "" if below == "." else f"{below}/"


def _of_class(target: str, reports: Sequence[Report], options: Options) -> Files:
    # A target's module is loaded when it is used: Jinja and XML cost more than most commands.
    from grader.export import canvas, grades, moodle

    match target:
        case "canvas":
            return canvas.files(reports, options.gradebook, options.column, options.student)
        case "moodle":
            return moodle.files(reports, options.identity, options.student)
        case _:
            return grades.files(reports)


def _of_submission(target: str, report: Report, options: Options) -> Files:
    match target:
        case "actions":
            from grader.export import actions

            return actions.files(report, _within(options))
        case "classroom":
            from grader.export import classroom

            return classroom.files(report)
        case "classroom50":
            from grader.export import classroom50

            return classroom50.files(report, options.environment)
        case "gradescope":
            from grader.export import gradescope

            return gradescope.files(report, options.hidden)
        case "prairielearn":
            from grader.export import prairielearn

            return prairielearn.files(report)
        case _:
            from grader.export import junit

            return junit.files(report)
