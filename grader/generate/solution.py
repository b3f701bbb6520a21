"""The references as a submission: for the instructor's own copy, which must earn full marks.

A reference may call helpers of its file, of other files of the course and of the engine. They are taken along, each
once, and renamed where two files use one name for different things.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grader
from grader.generate.stubs import INDENT, GenerateError, Source, imports, read_source, split

Key = tuple[Path, str]
ENGINE = Path(grader.__file__).parent


class Solution:
    """Writes functions of the course with all that they need; `entries` are those that have a place of their own."""

    def __init__(self, entries: dict[Key, str]) -> None:
        self.imports: dict[str, None] = {}
        self._entries, self._names = entries, dict(entries)
        self._written: set[Key] = set()

    def block(self, source: Source, name: str, docstring: str) -> str:
        """Return a function of the handout, its helpers before it unless they are written already."""
        node = source.definition(name)
        helpers = list(self._helpers(source, node))
        stop = split(source, node)
        end = (node.end_lineno or 0, node.end_col_offset or 0)
        signature = self._text(source, node, (node.lineno, node.col_offset), stop[0]).rstrip()
        body = self._text(source, node, stop[1], end).strip()
        return "\n\n\n".join([*helpers, f"{signature}\n{INDENT}{docstring}\n{INDENT}{body}\n"])

    def _helpers(self, source: Source, node: ast.stmt) -> Iterator[str]:
        """Yield the definitions that a statement needs, those that they need first."""
        for name in sorted(_global_names(source, node)):
            found = _resolved(source, name)
            if isinstance(found, str):
                self.imports[found] = None
            elif found is None:
                raise GenerateError(f"{source.path.name}: {name} is neither defined nor imported at its top level.")
            if not isinstance(found, tuple) or found in self._entries or found in self._written:
                continue
            self._written.add(found)
            self._names[found] = self._unused(found)
            other = read_source(found[0])
            statement = _statement(other, found[1])
            yield from self._helpers(other, statement)
            end = (statement.end_lineno or 0, statement.end_col_offset or 0)
            yield self._text(other, statement, (_first_line(statement), 0), end)

    def _unused(self, key: Key) -> str:
        """Return a name for a helper: its own, unless something else bears it."""
        taken, name = set(self._names.values()), key[1]
        return name if name not in taken else f"_{key[0].stem}_{name.strip('_')}"

    def _text(self, source: Source, node: ast.stmt, start: tuple[int, int], end: tuple[int, int]) -> str:
        """Return a stretch of a statement with the new names in place of the old."""
        edits = []
        free = _global_names(source, node)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in free:
                found = _resolved(source, inner.id)
                edits.append(((inner.lineno, inner.col_offset), inner.id, self._name(found, inner.id)))
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            word = "def " if isinstance(node, ast.FunctionDef) else "class "
            place = (node.lineno, node.col_offset + len(word))
            edits.append((place, node.name, self._name((source.path, node.name), node.name)))
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name):
            edits.append(
                ((target.lineno, target.col_offset), target.id, self._name((source.path, target.id), target.id))
            )
        pieces = []
        for place, old, new in sorted(set(edits)):
            if start <= place < end and old != new:
                pieces += [source.between(start, place), new]
                start = (place[0], place[1] + len(old.encode()))
        return "".join([*pieces, source.between(start, end)])

    def _name(self, found: Key | str | None, name: str) -> str:
        return self._names.get(found, name) if isinstance(found, tuple) else name


def _global_names(source: Source, node: ast.stmt) -> set[str]:
    """Return the names of its module that a statement uses."""
    if isinstance(node, ast.FunctionDef):
        outside: list[ast.expr | ast.arguments | None] = [*node.decorator_list, node.args, node.returns]
    else:
        outside = [getattr(node, "value", None)]
    used = {inner.id for part in filter(None, outside) for inner in ast.walk(part) if isinstance(inner, ast.Name)}
    own = (child for child in _table(source).get_children() if child.get_lineno() == _first_line(node))
    for scope in (scope for child in own for scope in _scopes(child)):
        used |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
    return used - set(dir(builtins))


@cache
def _table(source: Source) -> symtable.SymbolTable:
    return symtable.symtable(source.text, source.path.name, "exec")


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _resolved(source: Source, name: str) -> Key | str | None:
    """Return where a name of a module is defined in the course or the engine, or the import statement that binds it."""
    for node in source.tree.body:
        if name in _bound(node):
            return source.path, name
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name and (file := _file(source, node)):
                    return _resolved(read_source(file), alias.name)
    return dict(imports(source)).get(name)


def _file(source: Source, node: ast.ImportFrom) -> Path | None:
    """Return the file of a relative import, or of the engine's own."""
    steps = (node.module or "").split(".")
    if node.level:
        return source.path.parents[node.level - 1].joinpath(*steps).with_suffix(".py")
    return ENGINE.joinpath(*steps[1:]).with_suffix(".py") if steps[0] == "grader" and len(steps) > 1 else None


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    return {t.id for t in node.targets if isinstance(t, ast.Name)} if isinstance(node, ast.Assign) else set()


def _statement(source: Source, name: str) -> ast.stmt:
    for node in source.tree.body:
        if name in _bound(node):
            return node
    raise GenerateError(f"{source.path.name} defines no {name}.")
