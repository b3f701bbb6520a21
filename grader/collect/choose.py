"""Decides which definition of each wanted function counts, and says why when none does."""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from grader.collect.outline import Name
from grader.model import Location, Problem

# No newline in the blanks: `\s` would make a megabyte of empty lines cost a day.
DEFINITION = re.compile(r'^[ \t"]*(?:async[ \t]+)?def[ \t]+(\w+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A definition in a file, or in a code cell of a notebook; `source` is its text."""

    file: str
    cell: int | None
    name: Name
    source: str

    @property
    def location(self) -> Location:
        return Location(self.file, self.name.line, self.cell)

    @property
    def inside(self) -> str:
        """Where it is in its file."""
        return f"line {self.name.line}" if self.cell is None else f"cell {self.cell}"

    @property
    def exactly(self) -> str:
        """Where it is in its file, to the line."""
        return self.inside if self.cell is None else f"{self.inside}, line {self.name.line}"

    def __str__(self) -> str:
        return f"{self.file} ({self.inside})"


@dataclass(frozen=True, slots=True)
class Broken:
    """Source that cannot be loaded: `where` and `why` are the beginning of a sentence.

    `functions` are the wanted ones that it seems to define.
    """

    where: str
    why: str
    functions: frozenset[str]


def defined_in(text: str, wanted: Collection[str]) -> frozenset[str]:
    """Return the wanted functions that a text which is not Python seems to define."""
    names = {found[1] for found in DEFINITION.finditer(text) if found[1] in wanted}
    return frozenset(names)


@dataclass(slots=True)
class Choice:
    """The definition that counts for each wanted function, or why there is none."""

    definitions: dict[str, Found] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def choose(wanted: Sequence[str], found: Sequence[Found], broken: Sequence[Broken]) -> Choice:
    """Choose for each wanted function the definition that counts.

    In one file the last definition counts, as in Python; an assignment counts when it gives a function its name
    (`softmax = my_softmax`, a lambda, `softmax = jit(softmax)`).
    In several files: definitions with the same source are one. Otherwise the only one counts that is not an empty stub;
    otherwise the file that is named like the function; otherwise the only one of the files that defines more than half
    of the wanted functions that were found. Otherwise nothing is guessed, and the function is absent until the student
    keeps one.
    """
    choice = Choice()
    by_name: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        by_name[one.name.name].append(one)
    candidates = {name: in_files(by_name[name], choice) for name in dict.fromkeys(wanted)}
    sizes = Counter(one.file for ones in candidates.values() for one in ones)
    half = sum(map(bool, candidates.values())) / 2
    lost = {name: one for one in reversed(broken) for name in one.functions}
    others = [one for one in found if one.name.kind == "def" and one.name.name not in candidates]
    for name, ones in candidates.items():
        chosen = the_one(name, ones, {file for file, size in sizes.items() if size > half}, choice)
        if chosen is not None:
            choice.definitions[name] = chosen
        elif len(ones) > 1:
            choice.absent[name] = f"{name} is defined in {listed(map(str, ones))}: keep one"
        else:
            choice.absent[name] = why_not(name, by_name[name], lost, others)
    return choice


def in_files(ones: Sequence[Found], choice: Choice) -> list[Found]:
    """Return the definition that counts in each file, saying where there are several."""
    files: dict[str, list[Found]] = defaultdict(list)
    for one in ones:
        files[one.file].append(one)
    return [last for same in files.values() if (last := last_in_file(same, choice)) is not None]


def last_in_file(ones: Sequence[Found], choice: Choice) -> Found | None:
    """Return the definition of one name that counts in one file, if it is one that can be called."""
    firm = [one for one in ones if one.name.kind in ("def", "alias", "async", "class")]
    loose = [one for one in ones if one.name.kind == "call"]
    last = next(iter((firm or loose)[::-1]), None)
    if last is None or last.name.kind in ("async", "class"):
        return None
    # One statement may define a name twice, as in `try: ... except ImportError: ...`; a wrapper is no second version.
    versions = {(one.cell, one.name.statement): one for one in firm if one.name.kind != "alias"}
    name, file = last.name.name, last.file
    if len(versions) > 1:
        inside = [one.inside for one in versions.values()]
        if len(set(inside)) < len(inside):
            inside = [one.exactly for one in versions.values()]
        places = listed(dict.fromkeys(inside))
        choice.problems.append(Problem(f"{name} is defined in {file} in {places}: the last one counts", last.location))
    after = [one for one in ones if one.name.kind in ("value", "call") and one.name.line > last.name.end]
    if after and last.cell is None:
        said = (
            f"{name} is defined in {file} in {last.inside} and given another value in {after[-1].inside}: rename that"
        )
        choice.problems.append(Problem(said, after[-1].location))
    return last


def the_one(name: str, ones: Sequence[Found], main_files: set[str], choice: Choice) -> Found | None:
    """Return which of the files' definitions counts, if that is clear."""
    if len(ones) < 2:
        return ones[0] if ones else None
    written = [one for one in ones if not one.name.stub]
    named = [one for one in ones if one.file.rpartition("/")[2].rpartition(".")[0] == name]
    main = [one for one in ones if one.file in main_files]
    same = ones[:1] if len({one.source for one in ones}) == 1 else []
    chosen = next((few[0] for few in (same, written, named, main) if len(few) == 1), None)
    if chosen is not None:
        said = f"{name} is defined in {listed(map(str, ones))}: the one in {chosen.file} counts"
        choice.problems.append(Problem(said, chosen.location))
    return chosen


def why_not(name: str, ones: Sequence[Found], lost: Mapping[str, Broken], others: Sequence[Found]) -> str:
    """Say why a function was not found, in words that tell what to do."""
    kinds = {one.name.kind: one for one in ones}
    if "async" in kinds:
        return f"{name} is an async function in {kinds['async']}: remove the word async"
    if "class" in kinds:
        return f"{name} is a class in {kinds['class']}: make it a function"
    if "method" in kinds:
        method = kinds["method"]
        return (
            f"{name} was found as a method of class {method.name.owner[:80]} in {method}; make it a top-level function"
        )
    if name in lost:
        return f"{lost[name].where} {lost[name].why}, so {name} could not be loaded"
    if "value" in kinds:
        return f"{name} is a value in {kinds['value']}, not a function"
    near = nearest(name, others)
    return (
        f"{name} is not defined; did you mean {near.name.name} ({near.file}, {near.inside})?"
        if near
        else f"{name} is not defined"
    )


def listed(places: Iterable[str]) -> str:
    """Return places as part of a sentence, a few of them when there are many."""
    first, *rest = places
    shown = rest if len(rest) < 5 else [*rest[:3], f"{len(rest) - 3} more places"]
    return " and ".join([first, *shown])


def nearest(name: str, others: Sequence[Found]) -> Found | None:
    """Return the function whose name is most like the wanted one: but for case and underscores, else nearly."""
    plain = {plainly(one.name.name): one for one in reversed(others)}
    if plainly(name) in plain:
        return plain[plainly(name)]
    close = difflib.get_close_matches(plainly(name), plain, n=1, cutoff=0.75)
    return plain[close[0]] if close else None


def plainly(name: str) -> str:
    """Return a name without what students vary most."""
    return name.replace("_", "").casefold()
