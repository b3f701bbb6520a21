"""The parsing job of the limited child: reads sources as lines of JSON and writes one line of JSON about each.

Source can be written that crashes the parser: here that costs one source and not the grader. Nothing is executed.
"""

from __future__ import annotations

import ast
import json
import sys

from grader.collect.limited import limit_cpu
from grader.collect.scopes import Function, root, statements

TYPE_CHECKING = False  # importing typing would cost a third of the start
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

CPU_SECONDS_PER_SOURCE = 10
# What one run may report: a submission of nothing but `a=0;` must not become a gigabyte of JSON.
MAX_STATEMENTS = 50_000
MAX_OTHER_NAMES = 300
MAX_WANTED_NAMES = 50_000


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
                    "owner": owner[:80],
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
    found, count = [], 0
    for name in definitions(tree):
        if name["name"] in wanted:
            count += 1
        else:
            budget["others"] -= 1
            if name["kind"] != "def" or budget["others"] < 0 or len(name["name"]) > 80:
                continue
        found.append(name)
    if count > budget["wanted"]:
        return {"error": "there is more code than the grader reads", "line": 0}
    budget["wanted"] -= count
    imports = (node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    said = {"names": found, "level": max(imports, default=0)}
    return {**said, "statements": list(statements(tree, text))} if cell else said


def main() -> None:
    """Answer for each source in turn; the host takes silence for the source that ended this process."""
    print("ready", flush=True)
    wanted = frozenset(json.loads(sys.stdin.buffer.readline()))
    budget = {"statements": MAX_STATEMENTS, "others": MAX_OTHER_NAMES, "wanted": MAX_WANTED_NAMES}
    for line in sys.stdin.buffer:
        limit_cpu(CPU_SECONDS_PER_SOURCE)
        source = json.loads(line)
        print(json.dumps(answer(source["texts"], source["cell"], wanted, budget)), flush=True)
