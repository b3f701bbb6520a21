"""Takes what was read apart into parts that are parsed one by one, and outlines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grader.collect.choose import Broken, Found, defined_in
from grader.collect.decoding import decode
from grader.collect.files import MAX_TOTAL_BYTES, SETTINGS, Intake, RefusedError, mebibytes
from grader.collect.magics import without_magics
from grader.collect.outline import Outline, Text, outlines
from grader.model import Location, Problem

MAX_CELLS = 10_000
MARKERS = ("<<<<<<<", "=======", ">>>>>>>")
CONFLICT = "a merge conflict: keep one version, and remove the lines that start with <<<<<<<, ======= and >>>>>>>"


@dataclass(frozen=True, slots=True)
class Part:
    """Source that is parsed at once: a .py file, or a code cell of a notebook."""

    file: str
    text: str
    cell: int | None = None

    @property
    def where(self) -> str:
        return self.file if self.cell is None else f"{self.file} cell {self.cell}"

    def line(self, number: int) -> str:
        """Return a line by its number, from 1; nothing behind the end."""
        lines = self.text.split("\n")
        return lines[number - 1] if number <= len(lines) else ""

    @property
    def versions(self) -> tuple[str, ...]:
        """The text, and in a notebook also the text without magics: it is only asked when the first is not Python."""
        if self.cell is None:
            return (self.text,)
        return tuple(dict.fromkeys((self.text, without_magics(self.text))))


@dataclass(slots=True)
class Reading:
    """What the files hold: parts that can be parsed, then their outlines, and what cannot be loaded.

    `asides` are cells of notebooks that hold no code, such as the text of a handout. `cells` and `characters` count
    what the notebooks' code amounts to.
    """

    files: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    outlined: list[tuple[Part, Outline]] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    asides: list[Broken] = field(default_factory=list)
    cells: int = 0
    characters: int = 0


def split(intake: Intake, wanted: Sequence[str]) -> Reading:
    """Decode every file into the parts that are parsed one by one."""
    reading = Reading()
    for file, data in intake.contents.items():
        if file == SETTINGS:
            continue
        try:
            parts = notebook_parts(file, data, reading, wanted) if is_notebook(file) else [Part(file, decode(data))]
        except RefusedError as refused:
            intake.refuse(file, str(refused))
            seems = defined_in(data.replace(b"\0", b"").decode("latin-1"), wanted)
            reading.broken.append(Broken(file, "could not be read", seems))
            continue
        reading.files.append(file)
        reading.parts += parts
    for broken in reading.broken:
        for name in sorted(broken.functions) if "%%" in broken.why else ():
            intake.problems.append(Problem(f"{broken.where} {broken.why}, so its {name} is not read: use a plain cell"))
    return reading


def is_notebook(file: str) -> bool:
    return file.lower().endswith(".ipynb")


def notebook_parts(file: str, data: bytes, reading: Reading, wanted: Sequence[str]) -> list[Part]:
    """Return the cells of a notebook that are Python, as far as they fit beside those of the other notebooks."""
    from grader.collect.notebook import read_notebook

    cells, asides = read_notebook(data)
    reading.cells += len(cells)
    reading.characters += sum(len(cell.text) for cell in cells)
    if reading.cells > MAX_CELLS or reading.characters > MAX_TOTAL_BYTES[".py"]:
        most = mebibytes(MAX_TOTAL_BYTES[".py"])
        raise RefusedError(f"is too much: all notebooks together may hold {MAX_CELLS:,} cells and {most} of code")
    parts = []
    for cell in cells:
        part = Part(file, cell.text, cell.number)
        if cell.magic:
            reading.broken.append(Broken(part.where, f"is inside {cell.magic}", defined_in(cell.text, wanted)))
        else:
            parts.append(part)
    for aside in asides:
        why = f"has it in a {aside.kind} cell, which is not run"
        reading.asides.append(Broken(file, why, defined_in(aside.text, wanted)))
    return parts


def parse(reading: Reading, intake: Intake, wanted: Sequence[str]) -> None:
    """Outline all parts in the parsing child, saying which cannot be loaded."""
    texts = [Text(part.versions, part.cell is not None) for part in reading.parts]
    for part, outline in zip(reading.parts, outlines(texts, wanted), strict=True):
        if not outline.error or outline.line:
            # A file with a syntax error goes into the box too: importing it then shows Python's own message.
            reading.outlined.append((part, outline))
        if not outline.error:
            continue
        seems = defined_in(part.text, wanted)
        if outline.line:
            location = Location(part.file, outline.line, part.cell)
            said = CONFLICT if part.line(outline.line).startswith(MARKERS) else outline.error
            intake.problems.append(Problem(f"{part.where}, line {outline.line}: {said}", location))
            reading.broken.append(Broken(part.where, f"has a syntax error in line {outline.line}", seems))
        else:
            location = Location(part.file, 1, part.cell)
            intake.problems.append(Problem(f"{part.where} is not read: {outline.error}", location))
            reading.broken.append(Broken(part.where, "could not be parsed", seems))


def found_in(part: Part, outline: Outline) -> list[Found]:
    """Return the definitions of a part, each with its own lines of source."""
    lines = part.text.split("\n")
    return [Found(part.file, part.cell, n, "\n".join(lines[n.start - 1 : n.end])) for n in outline.names]
