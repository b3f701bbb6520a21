"""Where the student's live code is: in cells of the notebook, and in files of theirs.

A `Location` without a file is in a cell of this session, whose number is its execution count.
"""

from __future__ import annotations

import inspect
import linecache
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader.model import Location
from sandbox.base import Chunk, Module

_OLD_CELL = re.compile(r"<ipython-input-(\d+)-")  # IPython before 8, without names for people


class Places:
    """The student's code of this process when it was made: cells, and loaded modules in a folder."""

    def __init__(self, root: Path) -> None:
        self._cells = dict(_cells())
        self._files = dict(_files(root))

    def label(self, file: str) -> str | None:
        """Return the label of a code object's file, None for code that is not the student's."""
        cell = self._cells.get(file)
        return self._files.get(file) if cell is None else f"#cell-{cell}"

    def modules(self) -> tuple[Module, ...]:
        """Return the student's code as modules, for the lines that it has."""
        files = [(label, file) for file in (*self._cells, *self._files) if (label := self.label(file))]
        return tuple(Module(label, (Chunk(label, 1, "".join(linecache.getlines(file))),)) for label, file in files)

    def location(self, function: Any) -> Location:
        """Return where a function is defined; one that is not written in Python is in its module."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None:
            return Location(getattr(function, "__module__", None) or "this session", 1)
        cell = self._cells.get(code.co_filename)
        file = self._files.get(code.co_filename, Path(code.co_filename).name)
        return Location(file if cell is None else "", code.co_firstlineno, cell)


def _cells() -> Iterator[tuple[str, int]]:
    """Yield the files that IPython makes of cells, with the cells' execution counts."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return
    named = getattr(shell.compile, "format_code_name", lambda file: None)
    for file in list(linecache.cache):
        said = named(file)
        found = re.search(r"\d+", said[1]) if said else None
        if number := found[0] if found else "".join(_OLD_CELL.findall(file)):
            yield file, int(number)


def _files(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the files of modules that lie in a folder, what is installed there aside."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and Path(file).is_relative_to(root) and "site-packages" not in Path(file).parts:
            yield file, Path(file).relative_to(root).as_posix()
