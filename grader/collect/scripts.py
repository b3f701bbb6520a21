"""Files as scripts find them: `python src/hw.py` imports what lies beside hw.py by its bare name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from grader.collect.modules import module_names
from grader.collect.reading import Part, is_notebook

IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([\w.]+(?:[ \t]*,[ \t]*[\w.]+)*)", re.MULTILINE)


def beside(parts: Sequence[Part], taken: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the bare names of modules that files in sub-folders import from their own folder, by file.

    A name that is `taken`, as the root's modules are, or that means another file in another folder is left out.
    """
    inside: dict[PurePosixPath, list[Part]] = defaultdict(list)
    for part in parts:
        inside[PurePosixPath(part.file).parent].append(part)
    files = sorted({part.file for part in parts if part.cell is None and not is_notebook(part.file)})
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for folder, own in inside.items():
        imported = {name for part in own for name in _imported(part.text)} - set(taken)
        if folder == PurePosixPath(".") or not imported:
            continue
        below = [file for file in files if folder in PurePosixPath(file).parents]
        names, _ = module_names([str(PurePosixPath(file).relative_to(folder)) for file in below])
        for relative, name in names.items():
            top = name.partition(".")[0]
            if top in imported:
                found[top].add((str(folder), f"{folder}/{relative}\0{name}"))
    added: dict[str, list[str]] = defaultdict(list)
    for ways in found.values():
        if len({folder for folder, _ in ways}) == 1:
            for _, way in sorted(ways):
                file, _, name = way.partition("\0")
                added[file].append(name)
    return {file: tuple(names) for file, names in added.items()}


def _imported(text: str) -> set[str]:
    """Return the first words of what a text imports by absolute names."""
    listed = (name.strip() for match in IMPORT.finditer(text) for name in match[1].split(","))
    return {name.partition(".")[0] for name in listed} - {""}
