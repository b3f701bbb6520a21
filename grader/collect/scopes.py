"""What each top-level statement of a cell binds and needs, by Python's own scoping rules; part of the parsing child."""

from __future__ import annotations

import ast
import builtins
import symtable

TYPE_CHECKING = False  # importing typing would cost a third of the start
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

Function = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr", "lambda"})


def statements(tree: ast.Module, text: str) -> Iterator[dict[str, Any]]:
    """Yield for each top-level statement its source, the names it binds and the names it needs, now or when called."""
    lines = text.encode().split(b"\n")
    for number, node in enumerate(tree.body):
        start = min((d.lineno for d in getattr(node, "decorator_list", ())), default=node.lineno)
        if isinstance(node, (ast.Expr, ast.Assert, ast.Delete, ast.Pass)):
            yield {"line": start}
            continue
        shared = (number > 0 and tree.body[number - 1].end_lineno == start) or (
            number + 1 < len(tree.body) and tree.body[number + 1].lineno == node.end_lineno
        )
        source = segment(lines, node) if shared else b"\n".join(lines[start - 1 : node.end_lineno]).decode()
        yield {"line": start, "text": source, **uses(node, source)}


def segment(lines: list[bytes], node: ast.stmt) -> str:
    """Return the source of a statement that shares a line: what `ast` has for that takes the whole text apart anew."""
    own = lines[node.lineno - 1 : node.end_lineno]
    own[-1] = own[-1][: node.end_col_offset]
    own[0] = own[0][node.col_offset :]
    return b"\n".join(own).decode()


def uses(node: ast.stmt, source: str) -> dict[str, Any]:
    """Return what one statement binds and loads, by Python's own scoping rules."""
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return {"role": "future"}
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        return {"role": "star"}
    now: set[str] = set()
    later: set[str] = set()
    try:
        top = symtable.symtable(source, "submission", "exec")
    except SyntaxError:
        return {}
    for symbol in top.get_symbols():
        if symbol.is_referenced():
            now.add(symbol.get_name())
    for table in top.get_children():
        add_loads(table, now, later)
    if not isinstance(node, (*Function, ast.ClassDef)):
        now |= later
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    builtin = set(dir(builtins)) - bound
    return {
        "binds": sorted(bound | changed_in_place(node)),
        "fresh": sorted(bound & replaced(node)),
        "loads": sorted(now - builtin),
        "later": sorted(later - builtin),
    }


def add_loads(table: symtable.SymbolTable, now: set[str], later: set[str]) -> None:
    """Add the global names that a scope loads: at once in classes and comprehensions, when called in functions."""
    is_class = table.get_type() == "class"
    into = now if is_class or table.get_name() in COMPREHENSIONS else later
    for symbol in table.get_symbols():
        # A class body that binds a name can still read the global one first: `class Net: softmax = softmax`.
        if symbol.is_referenced() and (symbol.is_global() or (is_class and symbol.is_local())):
            into.add(symbol.get_name())
    for child in table.get_children():
        add_loads(child, into, later)


def replaced(node: ast.stmt) -> set[str]:
    """Return the names whose earlier value no longer matters after the statement."""
    if isinstance(node, (*Function, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.AnnAssign):
        return {root(node.target)} if node.value and isinstance(node.target, ast.Name) else set()
    if not isinstance(node, ast.Assign):
        return set()
    names: set[str] = set()
    for target in node.targets:
        for part in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
            names |= {part.id} if isinstance(part, ast.Name) else set()
    return names


def changed_in_place(node: ast.stmt) -> set[str]:
    """Return the names whose object the statement changes: `table[0] = 1`, `f.cache = {}`, also inside a loop."""
    names: set[str] = set()
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, (*Function, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            names.add(root(part))
        todo.extend(ast.iter_child_nodes(part))
    return names - {""}


def root(node: ast.expr) -> str:
    """Return the name at the start of `name.attribute[index](...)`, or nothing."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
            node = node.value
        else:
            return ""
    return node.id
