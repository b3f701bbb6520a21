"""The submission's modules, imported from memory inside the box; a failing statement costs only itself.

Runs in the forked child. Standard library alone.
"""

from __future__ import annotations
import __future__

import ast
import importlib
import importlib.util
import linecache
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

DEFINITIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
)


@dataclass(frozen=True)
class Failure:
    """A statement of the submission that failed while its module was loading, and the names it would have bound."""

    module: str
    error: BaseException
    names: frozenset[str]
    label: str
    line: int

    def told(self) -> str:
        """Return the failure in one line."""
        return f"{self.label}, line {self.line}: {type(self.error).__name__}: {shown(self.error)[:300]}"


def shown(error: BaseException) -> str:
    """Return the message of an exception, whatever its __str__ does."""
    try:
        return str(error)[:2000]
    except BaseException:
        return "(the exception's message cannot be shown)"


class Loader:
    """Finds, loads and keeps the modules of a submission; as the last finder it never shadows an installed module."""

    def __init__(self, modules: Sequence[dict[str, Any]], definitions_only: bool) -> None:
        self._sources = {module["name"]: module for module in modules}
        self._packages = {name.rpartition(".")[0] for name in self._sources} - {""}
        self._definitions_only = definitions_only
        self._loaded: dict[str, ModuleType] = {}
        self.failures: list[Failure] = []
        self.labels = {chunk["label"] for module in modules for chunk in module["chunks"]}
        for module in modules:
            _show_source(module["chunks"])

    def load(self, name: str) -> ModuleType:
        """Return a module of the submission, loaded once. Raises KeyError when the submission has none of the name."""
        if name not in self._sources:
            raise KeyError(name)
        if name not in self._loaded:
            if _installed(name.partition(".")[0]):
                # Its own copy for the grader; `import` of the same name stays the installed module's.
                self._run_private(name)
            else:
                importlib.import_module(name)
        return self._loaded[name]

    def failure_of(self, module: str, name: str) -> Failure | None:
        """Return the failure that kept `name` from being defined in the module."""
        return next((f for f in self.failures if f.module == module and name in f.names), None)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a module of the submission; a folder without __init__.py is an empty package."""
        source = self._sources.get(name)
        if source is None and name not in self._packages:
            return None
        package = source is None or source["package"] or name in self._packages
        return importlib.util.spec_from_loader(name, self, is_package=package)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module object to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's statements one by one in its namespace, and remember those that fail."""
        name = module.__name__
        source = self._sources.get(name)
        if source is None:
            return
        self._loaded[name] = module
        flags = 0
        for chunk in source["chunks"]:
            module.__file__ = chunk["label"]
            for statement in self._statements(name, chunk, flags):
                flags |= _future(statement)
                if not self._definitions_only or isinstance(statement, DEFINITIONS):
                    self._run(module, chunk["label"], statement, flags)

    def _run_private(self, name: str) -> None:
        spec = self.find_spec(name)
        assert spec is not None  # noqa: S101 - load() looked the name up
        self.exec_module(importlib.util.module_from_spec(spec))

    def _statements(self, name: str, chunk: dict[str, Any], flags: int) -> Iterator[ast.stmt]:
        label, first = chunk["label"], chunk["line"]
        text = "\n" * (first - 1) + chunk["text"]  # a cell starts at its own line
        try:
            tree = compile(text, label, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = (isinstance(error, SyntaxError) and error.lineno) or first
            self._remember(Failure(name, error, frozenset(_words(text)), label, line))
            return
        assert isinstance(tree, ast.Module)  # noqa: S101 - mode "exec"
        yield from tree.body

    def _run(self, module: ModuleType, label: str, statement: ast.stmt, flags: int) -> None:
        try:
            code = compile(ast.Module([statement], []), label, "exec", flags, dont_inherit=True)
            exec(code, module.__dict__)  # noqa: S102
        except MemoryError:
            raise
        except BaseException as error:
            names = frozenset(_bound(statement))
            self._remember(Failure(module.__name__, error, names, label, _line(error, label) or statement.lineno))

    def _remember(self, failure: Failure) -> None:
        self.failures.append(failure)
        print(f"note: {failure.told()} (the rest of the code was loaded)", file=sys.stderr)


def _installed(name: str) -> bool:
    """Whether an import of this name finds something that is not the submission's."""
    module = sys.modules.get(name)
    if module is not None:
        return not isinstance(getattr(module, "__loader__", None), Loader)
    finders = [finder for finder in sys.meta_path if not isinstance(finder, Loader)]
    return any(finder.find_spec(name, None, None) for finder in finders)


def _show_source(chunks: Sequence[dict[str, Any]]) -> None:
    """Give tracebacks and `inspect` the source under its label, at its own line numbers."""
    for chunk in chunks:
        lines: list[str] = list(linecache.cache.get(chunk["label"], (0, None, []))[2])  # type: ignore[misc]
        first = chunk["line"] - 1
        lines += ["\n"] * (first - len(lines))
        new = [line + "\n" for line in chunk["text"].split("\n")]
        lines[first : first + len(new)] = new
        linecache.cache[chunk["label"]] = (sum(map(len, lines)), None, lines, chunk["label"])


def _future(statement: ast.stmt) -> int:
    if not isinstance(statement, ast.ImportFrom) or statement.module != "__future__":
        return 0
    features = [getattr(__future__, alias.name, None) for alias in statement.names]
    return sum(feature.compiler_flag for feature in features if feature is not None)


def _bound(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def _words(text: str) -> set[str]:
    return set("".join(c if c.isidentifier() or c.isdigit() else " " for c in text).split())


def _line(error: BaseException, label: str) -> int | None:
    """Return the innermost line of the file that the exception passed through."""
    if isinstance(error, SyntaxError) and error.filename == label and error.lineno:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == label:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
