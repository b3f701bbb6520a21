"""An assignment -> the files of its handout, by name: the same bytes for the same course, on every machine."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.assignment import load_assignment, only
from grader.atomic import write_atomically
from grader.course import Course, load_course, topic_files
from grader.generate.notebook import notebook
from grader.generate.solution import Solution
from grader.generate.stubs import GenerateError, Source, docstring, needed_imports, read_source, stub
from grader.generate.text import images, kept, sections
from grader.generate.vectors import public_checks, public_vectors
from grader.generate.workflow import rendered
from grader.model import Assignment
from grader.selfcheck import SETTINGS
from grader.topic import Topic
from sandbox.base import Framework

CASES = "public.kgv"
LIBRARY = {"numpy": "import numpy as np", "torch": "import torch"}


@dataclass(frozen=True, slots=True)
class Options:
    """What to make of an assignment; without `functions`, all of it."""

    format: Literal["py", "ipynb"] = "py"
    framework: Framework = "numpy"
    functions: tuple[str, ...] = ()
    points: bool = False
    solution: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A function to write: as it is called in the handout, where its reference is, and the docstring that it gets."""

    name: str
    reference: str
    source: Source
    docstring: str


def handout(root: Path, name: str, options: Options) -> dict[str, bytes]:
    """Return the files of a handout. Raises AssignmentError, CourseError and GenerateError."""
    assignment = load_assignment(root, [name])
    everything = [function.name for function in assignment.functions]
    if options.functions:
        assignment = only(assignment, options.functions)
    names = [function.name for function in assignment.functions]
    course = load_course(root, names)
    if course.faults:
        raise GenerateError(next(iter(course.faults.values())))
    folder = root / "assignments" / name
    parts = kept(sections(_text(folder), everything), names)
    pictures = {file: (folder / file).read_bytes() for part in parts for _, file, _ in images(part.text)}
    checks = public_checks(assignment, course, options.framework)
    checked = {check.function for check in checks}
    cases = public_vectors(assignment, course, options.framework, checks)
    files = {SETTINGS: _settings(name, options), CASES: cases}
    setup, code = _code(root, assignment, course, options)
    intro = _comment(assignment.title, options)
    if options.format == "ipynb":
        whole = notebook(f"*{intro}*", setup, parts, code, checked, pictures)
    else:
        whole = "\n\n".join([f'"""{intro}"""\n\n{setup}', *code.values()]).encode()
    files[file_name(name, options)] = whole
    files["HANDOUT.md"] = ("\n\n".join(part.text for part in parts) + "\n").encode()
    facts = {
        "title": assignment.title,
        "file": file_name(name, options),
        "cases": CASES,
        "functions": _rows(assignment, course),
        "unchecked": [function for function in names if function not in checked],
        "options": options,
    }
    files["README.md"] = rendered("README.md.j2", facts)
    files[".github/workflows/grade.yml"] = rendered("grade.yml.j2", facts)
    return dict(sorted((files | pictures).items()))


def file_name(assignment: str, options: Options) -> str:
    """Return the name of the file that students fill in."""
    return f"{assignment}.{options.format}"


def write(files: Mapping[str, bytes], out: Path) -> None:
    """Write a handout, or an official workflow. Raises GenerateError where a handout would lie among other things."""
    occupied = out.exists() and not (out / SETTINGS).is_file() and (not out.is_dir() or any(out.iterdir()))
    if SETTINGS in files and occupied:
        raise GenerateError(f"{out} is there and is no handout: give a new folder.")
    try:
        for name, data in files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(out / name, data)
    except OSError as error:
        raise GenerateError(f"cannot write to {out}: {error.strerror or error}.") from error


def outdated(files: Mapping[str, bytes], out: Path, name: str) -> list[str]:
    """Return what on disk is not as it would be made now, one line each."""
    lines = []
    for file, data in files.items():
        path = out / file
        if not path.is_file():
            lines.append(f"{file} is missing")
        elif path.read_bytes() != data:
            lines.append(f"{file} differs")
    others = {f"{name}.py", f"{name}.ipynb"} - files.keys() if SETTINGS in files else ()
    return lines + [f"{file} is not part of this handout" for file in sorted(others) if (out / file).exists()]


def _text(folder: Path) -> str:
    try:
        return (folder / "README.md").read_text(encoding="utf-8")
    except OSError as error:
        raise GenerateError(f"{folder / 'README.md'} cannot be read: it is the handout's text.") from error


def _code(root: Path, assignment: Assignment, course: Course, options: Options) -> tuple[str, dict[str, str]]:
    """Return the imports, and the code of each function with its backward."""
    files = topic_files(root)
    entries = {f.name: _entries(course.topics[f.name], files[f.name], options.framework) for f in assignment.functions}
    solution = Solution({(e.source.path, e.reference): e.name for few in entries.values() for e in few})
    code: dict[str, str] = {}
    # A reference imports what it needs, torch inside its functions.
    needed = {} if options.solution else {LIBRARY[options.framework]: None}
    for function in assignment.functions:
        blocks = []
        for entry in entries[function.name]:
            if options.solution:
                blocks.append(solution.block(entry.source, entry.reference, entry.docstring))
            else:
                blocks.append(stub(entry.source, entry.reference, entry.name, entry.docstring))
                needed |= dict.fromkeys(needed_imports(entry.source, entry.reference))
        points = f"# {_points(function.hundredths)} points\n" if options.points else ""
        code[function.name] = points + "\n\n".join(blocks)
    lines = sorted(needed | solution.imports, key=lambda line: (line.startswith("from"), line))
    return "\n".join(lines) + "\n", code


def _entries(topic: Topic, path: Path, framework: Framework) -> list[Entry]:
    source = read_source(path)
    text = docstring(source, topic.name)
    if framework == "torch":
        return [Entry(topic.name, topic.torch.__name__, source, text)]
    found = [Entry(topic.name, topic.name, source, text)]
    if topic.backward is not None and topic.has_gradient("numpy"):
        name = topic.backward.__name__
        found.append(Entry(name, name, source, docstring(source, name)))
    return found


def _comment(title: str, options: Options) -> str:
    if options.solution:
        return f"{title}: the references as the solution, for the instructor. Not for students."
    tensors = " Arrays are torch tensors." if options.framework == "torch" else ""
    return f"{title}: fill in the functions, and run `grader check`. HANDOUT.md explains them.{tensors}"


def _settings(name: str, options: Options) -> bytes:
    lines = [
        "# Made by `grader generate`; `grader check` reads it.",
        f'assignment = "{name}"',
        f'framework = "{options.framework}"',
        f'file = "{file_name(name, options)}"',
        f'cases = "{CASES}"',
    ]
    return ("\n".join(lines) + "\n").encode()


def _rows(assignment: Assignment, course: Course) -> list[dict[str, str]]:
    rows = []
    for function in assignment.functions:
        summary = (inspect.getdoc(course.topics[function.name].forward) or "").partition("\n\n")[0]
        text = " ".join(summary.split()).replace("|", "\\|")
        rows.append({"name": function.name, "points": _points(function.hundredths), "summary": text})
    return rows


def _points(hundredths: int) -> str:
    return f"{hundredths / 100:g}"
