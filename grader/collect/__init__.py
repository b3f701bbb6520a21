"""Turns a folder, an archive, a file or a notebook into a Submission: all is parsed, nothing imported or executed."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.collect.aliases import apply, read_aliases
from grader.collect.choose import Choice, choose
from grader.collect.files import ARCHIVES, SUFFIXES, Intake, RefusedError, printable
from grader.collect.folder import read_files
from grader.collect.modules import module_names, safe, unused
from grader.collect.reading import Part, Reading, found_in, is_notebook, parse, split
from grader.collect.scripts import beside
from grader.model import Definition, Problem, Submission
from sandbox.base import Chunk, Module

MAX_PROBLEMS = 100
KINDS = "a folder, a .py file, a notebook (.ipynb) or an archive (.zip, .tar, .tar.gz, .tgz)"


class CollectError(Exception):
    """There is nothing to grade at the path; one line that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A submission whose files have been read, and nothing more; `shown` is its path for messages."""

    name: str
    shown: str
    intake: Intake


def collect(path: Path, wanted: Sequence[str]) -> Submission:
    """Find the wanted functions by name in a folder, an archive, a .py file or a notebook. Raises CollectError."""
    return search(take(path), wanted)


def take(path: Path, shown: str = "") -> Taken:
    """Read the files of a submission, which messages call `shown`. Raises CollectError."""
    shown = shown or printable(path)
    if not os.path.lexists(path):
        raise CollectError(f"{shown} does not exist: give the path of {KINDS}")
    archive = "" if os.path.isdir(path) else archive_suffix(path)
    if not archive and not os.path.isdir(path) and path.suffix.lower() not in SUFFIXES:
        raise CollectError(f"{shown} is not {KINDS}")
    try:
        intake = read_archive(path, archive) if archive else read_files(path)
    except RefusedError as refused:
        raise CollectError(f"{shown} {refused}") from None
    return Taken(named(path, archive), shown, intake)


def search(taken: Taken, wanted: Sequence[str]) -> Submission:
    """Find the wanted functions by name in what was read. Raises CollectError when nothing of it can be graded."""
    shown, intake = taken.shown, taken.intake
    reading = split(intake, wanted)
    if not reading.files and intake.problems:
        raise CollectError(f"nothing in {shown} can be graded: {intake.problems[0].message}")
    if not reading.files:
        raise CollectError(f"{shown} holds no .py file and no notebook (.ipynb): hand in at least one")
    aliases = read_aliases(intake, wanted)
    parse(reading, intake, [*wanted, *(alias.name for alias in aliases)])
    found = [found for part, outline in reading.outlined for found in found_in(part, outline)]
    choice = choose(wanted, found, [*reading.broken, *reading.asides])
    apply(aliases, found, intake, choice)
    modules, names = build_modules(safe(intake.root), reading, choice, intake)
    return Submission(
        name=taken.name,
        sha256=intake.sha256(),
        files=tuple(sorted(intake.contents)),
        modules=modules,
        definitions={
            name: Definition(found.name.name, names[found.file], found.location, found.name.end)
            for name, found in choice.definitions.items()
        },
        absent=choice.absent,
        problems=bounded([*intake.problems, *choice.problems]),
    )


def archive_suffix(path: Path) -> str:
    """Return what makes the path's name an archive's, or nothing."""
    return next((suffix for suffix in ARCHIVES if path.name.lower().endswith(suffix)), "")


def read_archive(path: Path, suffix: str) -> Intake:
    """Read the files of an archive; it is a module of its own because most submissions are none."""
    from grader.collect import archive

    return archive.read_archive(path, path.name[: -len(suffix)])


def named(path: Path, archive: str) -> str:
    """Return the submission's name, which also names the folder of its results."""
    file = path.name[: -len(archive)] if archive else path.stem
    name = path.resolve().name if os.path.isdir(path) else file
    return printable(Path(name)) if name.strip(". ") else "submission"


def build_modules(
    root: str, reading: Reading, choice: Choice, intake: Intake
) -> tuple[tuple[Module, ...], dict[str, str]]:
    """Return the modules for the box, and the module's name for each file.

    Files whose relative imports reach the root folder find it as a package: then every file is there twice, as a
    module of the root, as scripts import it, and as a module of that package. What a file in a sub-folder imports as
    a script does, from beside it, is there under its bare name too.
    """
    plain, bare = module_names(reading.files)
    sources = [(p, o) for p, o in reading.outlined if p.cell is None and not is_notebook(p.file)]
    modules = [as_module(part, plain[part.file]) for part, _ in sources]
    modules += [Module(name, (), package=True) for name in bare]
    tops = {module.name.partition(".")[0] for module in modules}
    aside = beside([part for part, _ in reading.outlined], tops)
    modules += [as_module(part, name) for part, _ in sources for name in aside.get(part.file, ())]
    inner = {part.file for part, outline in sources if outline.level > part.file.count("/")}
    if inner:
        packaged, bare = module_names(reading.files, unused(root, plain.values()))
        modules += [as_module(part, packaged[part.file]) for part, _ in sources]
        modules += [Module(name, (), package=True) for name in bare]
        plain |= {file: packaged[file] for file in inner}
    for file in sorted({found.file for found in choice.definitions.values() if is_notebook(found.file)}):
        try:
            modules.append(Module(plain[file], notebook_chunks(file, reading, choice)))
        except RefusedError as refused:
            intake.refuse(file, str(refused))
            for name in [name for name, found in choice.definitions.items() if found.file == file]:
                del choice.definitions[name]
                choice.absent[name] = f"{file} {refused}"
    return tuple(modules), plain


def as_module(part: Part, name: str) -> Module:
    """Return a .py file as a module."""
    package = part.file.rpartition("/")[2] == "__init__.py" and name != "__init__"
    return Module(name, (Chunk(part.file, 1, part.text),), package)


def notebook_chunks(file: str, reading: Reading, choice: Choice) -> tuple[Chunk, ...]:
    """Return what the notebook's chosen functions need."""
    from grader.collect.notebook import Step, needed_chunks

    chosen = {(found.cell, found.name) for found in choice.definitions.values() if found.file == file}
    steps = []
    for part, outline in reading.outlined:
        if part.file == file and part.cell is not None:
            functions: dict[int, set[str]] = defaultdict(set)
            for name in outline.names:
                if name.kind in ("def", "alias") or (part.cell, name) in chosen:
                    functions[name.statement].add(name.name)
            steps += [Step(part.cell, s, frozenset(functions[n])) for n, s in enumerate(outline.statements)]
    return needed_chunks(file, steps, [name.name for _, name in chosen])


def bounded(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the problems, as many as anybody reads."""
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    rest = Problem(f"and {len(problems) - MAX_PROBLEMS} more problems like these")
    return (*problems[:MAX_PROBLEMS], rest)
