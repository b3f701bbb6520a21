"""Stubs: the references' signatures and docstrings, their bodies removed by syntax tree.

What stays of a function is everything before its body, its docstring, and the comments of its body that start with
`# given:`, without that word. Nothing else of a body can stay, since nothing else is copied.
"""

from __future__ import annotations

import ast
import builtins
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GIVEN = "# given:"
INDENT = "    "

Place = tuple[int, int]  # a line from 1, and a column in bytes


class GenerateError(Exception):
    """A handout that cannot be made; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A file of the course, parsed: its text, its tree, and its lines with their ends."""

    path: Path
    text: str
    tree: ast.Module

    def definition(self, name: str) -> ast.FunctionDef:
        """Return the module-level function of this name. Raises GenerateError."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return node
        raise GenerateError(f"{self.path.name} has no def {name} at its top level: the stub is made from it.")

    def between(self, start: Place, end: Place) -> str:
        """Return the text between two places."""
        lines = self.text.encode().splitlines(keepends=True)
        offsets = [0]
        for line in lines:
            offsets.append(offsets[-1] + len(line))
        return self.text.encode()[offsets[start[0] - 1] + start[1] : offsets[end[0] - 1] + end[1]].decode()


@cache
def read_source(path: Path) -> Source:
    """Parse a file of the course, once."""
    text = path.read_text(encoding="utf-8")
    return Source(path, text, ast.parse(text))


def split(source: Source, node: ast.FunctionDef) -> tuple[Place, Place]:
    """Return where a function's signature ends, and where its body begins after the docstring."""
    first = node.body[0]
    start = (first.lineno, first.col_offset)
    is_docstring = ast.get_docstring(node, clean=False) is not None
    return start, (first.end_lineno or 0, first.end_col_offset or 0) if is_docstring else start


def signature(source: Source, name: str) -> str:
    """Return `def name(...):` as it is written, over several lines if it is."""
    node = source.definition(name)
    return source.between((node.lineno, node.col_offset), split(source, node)[0]).rstrip()


def docstring(source: Source, name: str) -> str:
    """Return a function's docstring as it is written, quotes included. Raises GenerateError without one."""
    start, stop = split(source, source.definition(name))
    if start == stop:
        raise GenerateError(f"{source.path.name}: {name} has no docstring, which is what students read.")
    return source.between(start, stop)


def stub(source: Source, function: str, name: str, text: str) -> str:
    """Return a function of the course as a stub under a name: not started, with the docstring `text`."""
    node = source.definition(function)
    whole = source.between((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
    head = signature(source, function).replace(f"def {function}(", f"def {name}(", 1)
    given = [f"{INDENT}# {comment}\n" for comment in _given(whole)]
    return f'{head}\n{INDENT}{text}\n{"".join(given)}{INDENT}raise NotImplementedError("{name}")\n'


def needed_imports(source: Source, name: str) -> list[str]:
    """Return the imports that a signature needs, in the order of the file. Raises GenerateError for other names."""
    node = source.definition(name)
    outside = [node.args, *([node.returns] if node.returns else [])]
    wanted = {n.id for part in outside for n in ast.walk(part) if isinstance(n, ast.Name)}
    found = {bound: text for bound, text in imports(source) if bound in wanted}
    if missing := sorted(wanted - set(dir(builtins)) - found.keys()):
        raise GenerateError(f"{source.path.name}: the signature of {name} needs {missing[0]}, which is no import.")
    return list(dict.fromkeys(found.values()))


def imports(source: Source) -> Iterator[tuple[str, str]]:
    """Yield each name that an absolute import of the file binds, with an import statement for it alone."""
    for node in source.tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], ast.unparse(ast.Import([alias]))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, ast.unparse(ast.ImportFrom(node.module, [alias], 0))


def _given(text: str) -> Iterator[str]:
    """Yield the comments that are marked as given; a string that looks like one is none."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.string.startswith(GIVEN):
            yield token.string.removeprefix(GIVEN).strip()
