"""The parsing child: reads sources as JSON on standard input and writes one line of JSON about each.

It runs as `python -I -S parse.py`, because source can be written that crashes the parser: here that costs one source
and not the grader. Standard library only, and little of it, so that starting stays cheap. Nothing is executed.
"""

from __future__ import annotations

import ast
import builtins
import gc
import json
import signal
import symtable
import sys

TYPE_CHECKING = False  # importing typing would cost a third of the start
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MEMORY_BYTES = 1 << 30
CPU_SECONDS_PER_SOURCE = 10
# What one run may report: a submission of nothing but `a=0;` must not become a gigabyte of JSON.
MAX_STATEMENTS = 50_000
MAX_OTHER_NAMES = 300

Function = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr", "lambda"})


def parsed(texts: list[str], cell: bool) -> tuple[ast.Module, str]:
    """Return the tree of the first text that is Python, and that text."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if cell else 0
    for text in texts[:-1]:
        try:
            return checked(text, flags), text
        except SyntaxError:
            continue
    return checked(texts[-1], flags), texts[-1]


def checked(text: str, flags: int) -> ast.Module:
    """Parse and compile: some errors, such as `return` outside a function, only the compiler sees."""
    tree = ast.parse(text)
    compile(text, "submission", "exec", flags=flags, dont_inherit=True)
    return tree


def definitions(tree: ast.Module) -> Iterator[dict[str, Any]]:
    """Yield every name that a statement defines, at top level or one level inside `if`, `try` or `with`."""
    for number, statement in enumerate(tree.body):
        for node in (statement, *one_level_inside(statement)):
            for name, kind, place, owner in named(node):
                start = min((d.lineno for d in getattr(place, "decorator_list", ())), default=place.lineno)
                yield {
                    "name": name,
                    "kind": kind,
                    "owner": owner,
                    "line": place.lineno,
                    "start": start,
                    "end": place.end_lineno,
                    "statement": number,
                    "stub": is_stub(place),
                }


def one_level_inside(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield the statements in the branches of a conditional, but not those of `if __name__ == "__main__"`."""
    if not isinstance(statement, (ast.If, ast.Try, ast.TryStar, ast.With)):
        return
    if isinstance(statement, ast.If) and "__name__" in {getattr(n, "id", "") for n in ast.walk(statement.test)}:
        return
    branches = [getattr(statement, field, []) for field in ("body", "orelse", "finalbody")]
    branches += [handler.body for handler in getattr(statement, "handlers", ())]
    for branch in branches:
        yield from branch


def named(node: ast.stmt) -> Iterator[tuple[str, str, ast.stmt, str]]:
    """Yield (name, kind, where, class) of what the statement defines."""
    if isinstance(node, ast.FunctionDef):
        yield node.name, "def", node, ""
    elif isinstance(node, ast.AsyncFunctionDef):
        yield node.name, "async", node, ""
    elif isinstance(node, ast.ClassDef):
        yield node.name, "class", node, ""
        for inner in node.body:
            if isinstance(inner, Function):
                yield inner.name, "method", inner, node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield target.id, kind_of_value(node.value, target.id), node, ""


def is_stub(node: ast.stmt) -> bool:
    """Whether a function is still as the handout gave it: a docstring, then nothing or `raise NotImplementedError`."""
    body = getattr(node, "body", [node])
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return all(isinstance(rest, ast.Pass) for rest in body)
    return body[0].exc is not None and root(body[0].exc) == "NotImplementedError"


def kind_of_value(value: ast.expr, name: str) -> str:
    """Tell a function that gets a name (`softmax = jit(softmax)`) from a mere value (`softmax = softmax(x)`)."""
    if isinstance(value, (ast.Lambda, ast.Name, ast.Attribute)):
        return "alias"
    if not isinstance(value, ast.Call) or root(value) == name:
        return "value"
    wraps = any(isinstance(argument, ast.Name) and argument.id == name for argument in value.args)
    return "alias" if wraps else "call"


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


def statements(tree: ast.Module, text: str) -> Iterator[dict[str, Any]]:
    """Yield for each top-level statement its source, the names it binds and the names it needs, now or when called."""
    lines = text.split("\n")
    for number, node in enumerate(tree.body):
        start = min((d.lineno for d in getattr(node, "decorator_list", ())), default=node.lineno)
        if isinstance(node, (ast.Expr, ast.Assert, ast.Delete, ast.Pass)):
            yield {"line": start}
            continue
        shared = (number > 0 and tree.body[number - 1].end_lineno == start) or (
            number + 1 < len(tree.body) and tree.body[number + 1].lineno == node.end_lineno
        )
        source = ast.get_source_segment(text, node) if shared else "\n".join(lines[start - 1 : node.end_lineno])
        yield {"line": start, "text": source, **uses(node, source or "")}


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


def answer(texts: list[str], cell: bool, wanted: frozenset[str], budget: dict[str, int]) -> dict[str, Any]:
    """Return what is to be said about one source."""
    try:
        tree, text = parsed(texts, cell)
    except SyntaxError as error:
        return {"error": (error.msg or "invalid syntax")[:200], "line": error.lineno or 1}
    except (ValueError, RecursionError, MemoryError):
        return {"error": "it is nested too deeply or too large to be parsed", "line": 0}
    if cell and len(tree.body) > budget["statements"]:
        return {"error": "there is more code than the grader reads", "line": 0}
    budget["statements"] -= len(tree.body) if cell else 0
    found = []
    for name in definitions(tree):
        if name["name"] not in wanted:
            budget["names"] -= 1
            if name["kind"] != "def" or budget["names"] < 0 or len(name["name"]) > 80:
                continue
        found.append(name)
    imports = (node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    said = {"names": found, "level": max(imports, default=0)}
    return {**said, "statements": list(statements(tree, text))} if cell else said


def limit() -> None:
    """Bound the memory, where the system can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        return


def main() -> None:
    """Answer for each source in turn; the host takes silence for the source that ended this process."""
    limit()
    gc.disable()  # trees have no cycles, and looking for them costs a third more on a large file
    request = json.load(sys.stdin.buffer)
    wanted = frozenset(request["wanted"])
    budget = {"statements": MAX_STATEMENTS, "names": MAX_OTHER_NAMES}
    print("ready", flush=True)
    for source in request["sources"]:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS_PER_SOURCE)
        print(json.dumps(answer(source["texts"], source["cell"], wanted, budget)), flush=True)


if __name__ == "__main__":
    main()
