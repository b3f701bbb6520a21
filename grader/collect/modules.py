"""Names the modules that the files of a submission become in the box."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Collection
from pathlib import PurePosixPath


def module_names(files: Collection[str], prefix: str = "") -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the dotted module name of each file, and the names of folders that are packages without `__init__.py`.

    Names are unique and identifiers: `hw 1.py` becomes hw_1. Where two would be the same, a package with
    `__init__.py` keeps the name as in Python, then a .py file that needs no change, then a folder, then the rest.
    """
    names: dict[PurePosixPath, str] = {PurePosixPath("."): prefix}
    taken = {prefix}
    paths = {PurePosixPath(file) for file in files}
    folders = {parent for path in paths for parent in path.parents} - {PurePosixPath(".")}
    packages = {path.parent for path in paths if path.name == "__init__.py"}

    def order(path: PurePosixPath) -> tuple[int, int, str]:
        if path in folders:
            return len(path.parts), 0 if path in packages else 2, str(path)
        return len(path.parts), 1 if path.suffix == ".py" and safe(path.stem) == path.stem else 3, str(path)

    for path in sorted((paths | folders) - {p / "__init__.py" for p in packages}, key=order):
        parent = names[path.parent]
        wish = f"{parent}.{safe(path.name if path in folders else path.stem)}".lstrip(".")
        if path in folders and wish in sys.stdlib_module_names:
            wish += "_"  # an installed module is never shadowed, and would take the place of the package
        names[path] = unused(wish, taken)
        taken.add(names[path])
    for folder in packages:
        names[folder / "__init__.py"] = names[folder] or "__init__"
    bare = tuple(sorted(names[folder] for folder in folders - packages))
    if prefix and PurePosixPath(".") not in packages:
        bare = (prefix, *bare)
    return {str(path): names[path] for path in paths}, bare


def safe(stem: str) -> str:
    """Return the stem as an identifier."""
    name = re.sub(r"\W", "_", stem)
    if not name.isidentifier():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def unused(wish: str, taken: Collection[str]) -> str:
    """Return the name, with a number where it is taken."""
    name, number = wish, 2
    while name in taken:
        name, number = f"{wish}_{number}", number + 1
    return name
