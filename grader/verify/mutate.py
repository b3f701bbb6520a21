"""Mutants of a reference, made from its syntax tree: one operator, constant, axis, comparison or statement changed."""

from __future__ import annotations

import ast
import copy
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
NAMES = {
    "maximum": "minimum",
    "minimum": "maximum",
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "argmin": "argmax",
    "sum": "mean",
    "mean": "sum",
    "floor": "ceil",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "exp": "expm1",
    "log": "log1p",
}
GUARD = re.compile(r"_?check(_|$)")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed reference: where, what was changed, and the function."""

    function: str
    line: int
    change: str
    call: Callable[..., Any]


def mutants(function: Callable[..., Any]) -> Iterator[Mutant]:
    """Yield the mutants of a function and of the functions of its module that it calls, each compiled and callable.

    Argument checks (raising branches, and functions called check_... or _check...) are left alone: cases hold valid
    inputs, so no case can tell them.
    """
    for name, helper in _reachable(function).items():
        tree = ast.parse(textwrap.dedent(inspect.getsource(helper)))
        definition = tree.body[0]
        assert isinstance(definition, ast.FunctionDef)  # noqa: S101 - getsource of a function
        first = helper.__code__.co_firstlineno - 1
        for position, node in enumerate(_nodes(definition)):
            for index, _ in enumerate(_changes(node)):
                changed = copy.deepcopy(definition)
                target = _nodes(changed)[position]
                before = _text(target)
                apply = _changes(target)[index]
                after = apply(changed)
                namespace = dict(helper.__globals__)
                _rebind(function, namespace)
                code = compile(ast.fix_missing_locations(ast.Module([changed], [])), f"<mutant of {name}>", "exec")
                exec(code, namespace)  # noqa: S102 - our own course
                yield Mutant(
                    name, first + getattr(target, "lineno", 1), f"{before} -> {after}", namespace[function.__name__]
                )


def _reachable(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the function and the functions of its own module that it calls, by name."""
    found: dict[str, Any] = {}
    todo = [function]
    while todo:
        current: Any = todo.pop()
        if current.__name__ not in found:
            found[current.__name__] = current
            names = [n for n in current.__code__.co_names if n in current.__globals__ and not GUARD.match(n)]
            candidates = [current.__globals__[name] for name in names]
            todo += [c for c in candidates if inspect.isfunction(c) and c.__module__ == function.__module__]
    return found


def _rebind(function: Callable[..., Any], namespace: dict[str, Any]) -> None:
    """Define the function and its helpers anew, so that they find the mutant among their globals."""
    for name, helper in _reachable(function).items():
        namespace[name] = type(helper)(helper.__code__, namespace, name, helper.__defaults__, helper.__closure__)


def _nodes(definition: ast.FunctionDef) -> list[ast.AST]:
    """Return the nodes of the body that may be changed, in a stable order; not docstrings, annotations and guards."""
    nodes: list[ast.AST] = []
    todo: list[ast.AST] = list(definition.body)
    while todo:
        node = todo.pop(0)
        if _is_guard(node):
            continue
        nodes.append(node)
        todo += list(ast.iter_child_nodes(node))
    return nodes


def _is_guard(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        call = node.value
        return isinstance(call, ast.Constant) or (
            isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and bool(GUARD.match(call.func.id))
        )
    return isinstance(node, ast.Raise) or (
        isinstance(node, ast.If) and any(isinstance(n, ast.Raise) for n in node.body)
    )


Change = Callable[[ast.FunctionDef], str]


def _changes(node: ast.AST) -> list[Change]:
    """Return what can be changed at a node: each changes it in place and returns its new text."""
    match node:
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            return [_set(node, "op", OPERATORS[type(op)]())]
        case ast.AugAssign(op=op) if type(op) in OPERATORS:
            return [_set(node, "op", OPERATORS[type(op)]()), _drop(node)]
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            return [_set(node, "ops", [COMPARISONS[type(op)]()])]
        case ast.UnaryOp(op=ast.USub() | ast.Not()) if not isinstance(node.operand, ast.Constant):
            if isinstance(node.op, ast.USub):
                return [_set(node, "op", ast.UAdd())]
            return [_set(node, "operand", ast.UnaryOp(ast.Not(), node.operand))]
        case ast.BoolOp(op=op):
            return [_set(node, "op", ast.Or() if isinstance(op, ast.And) else ast.And())]
        case ast.Constant(value=bool() as value):
            return [_set(node, "value", not value)]
        case ast.Constant(value=int() as number):
            return [_set(node, "value", number + 1)]
        case ast.Constant(value=float() as real):
            return [_set(node, "value", 2 * real if real else 1.0)]
        case ast.Attribute(attr=attr) if attr in NAMES:
            return [_set(node, "attr", NAMES[attr])]
        case ast.Expr():
            return [_drop(node)]
    return []


def _set(node: ast.AST, field: str, value: Any) -> Change:
    def change(definition: ast.FunctionDef) -> str:
        setattr(node, field, value)
        return _text(node)

    return change


def _drop(node: ast.stmt) -> Change:
    def change(definition: ast.FunctionDef) -> str:
        for parent in ast.walk(definition):
            for name in ("body", "orelse"):
                body = getattr(parent, name, None)
                if isinstance(body, list) and node in body:
                    body[body.index(node)] = ast.copy_location(ast.Pass(), node)
        return "nothing"

    return change


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())
