"""The notebook job of the limited child: reads a notebook on standard input, and writes the code of its cells.

It writes one line of JSON: `{"cells": [{"number": 1, "text": "..."}], "asides": [...]}`, or `{"error": "..."}`.
A notebook's outputs may be of any size and shape, and its JSON made to need more memory than a machine has: here that
costs one notebook.
"""

from __future__ import annotations

import json
import re
import sys

from grader.collect.limited import limit_cpu
from grader.collect.utf8 import complaint

TYPE_CHECKING = False  # importing typing would cost a part of the start
if TYPE_CHECKING:
    from typing import Any

CPU_SECONDS = 20
MAX_CODE = 1 << 20
MAX_CELLS = 10_000
MAX_ASIDES, MAX_ASIDE = 100, 10_000
AGAIN = "open it in Jupyter and save it again"
# What is read of a notebook, at any level; the code was called `input` before format 4.
KEPT = frozenset(("nbformat", "metadata", "kernelspec", "language_info", "language", "name", "cells", "worksheets"))
KEPT |= {"cell_type", "source", "input"}
CONFLICT = re.compile("^(?:<<<<<<<|>>>>>>>) ", re.MULTILINE)
# Kernels whose notebooks need not say in which language they are.
OTHER_KERNELS = {"ir": "R", "julia": "Julia"}


class NotebookError(Exception):
    """The notebook is refused; the message completes the sentence that starts with its name."""


def main() -> None:
    """Answer for the notebook on standard input."""
    limit_cpu(CPU_SECONDS)
    print("ready", flush=True)
    try:
        answer = told(decoded(sys.stdin.buffer.read()))
    except NotebookError as refused:
        answer = {"error": str(refused)}
    except RecursionError:
        answer = {"error": "is not a notebook: its JSON is nested too deeply"}
    print(json.dumps(answer), flush=True)


def decoded(data: bytes) -> Any:
    """Return what is read of the JSON, in which NaN and Infinity are numbers, as Python writes them into outputs."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotebookError(complaint(data, error)) from None
    try:
        return json.loads(text, object_hook=lambda found: {key: found[key] for key in KEPT & found.keys()})
    except ValueError as error:
        raise NotebookError(malformed(text, error)) from None


def malformed(text: str, error: ValueError) -> str:
    """Return why a text is no JSON, in terms of what happened to the file."""
    if not text.strip():
        return "is empty: save it in Jupyter and hand it in again"
    if conflict := CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return f"holds a merge conflict (line {line}): settle it, {AGAIN}"
    if text.lstrip().startswith("<"):
        return "is a web page and not a notebook: download the .ipynb file itself"
    if not isinstance(error, json.JSONDecodeError):
        return f"is not a readable notebook: {AGAIN}"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
        return "is cut off: save it in Jupyter and hand it in again, as a whole"
    return f"is not a notebook: line {error.lineno} is no valid JSON ({error.msg}); hand in one that opens in Jupyter"


def told(notebook: Any) -> dict[str, Any]:
    """Return the code cells that are not empty (their numbers count the empty ones), and functions in other cells."""
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if not isinstance(version, int):
        raise NotebookError("is not a notebook (it has no nbformat): hand in the .ipynb file itself")
    if version < 2:
        raise NotebookError(f"is a notebook of the old format {version}: {AGAIN}")
    if other := language(notebook.get("metadata")):
        raise NotebookError(f"is a notebook in {other[:40]}: only Python is graded")
    cells = [*listed(notebook, "cells")]
    for sheet in listed(notebook, "worksheets"):
        cells += listed(sheet, "cells")
    kinds = [kind_of(cell, number) for number, cell in enumerate(cells, 1)]
    texts = [text_of(cell, number) for number, cell in enumerate(cells, 1)]
    code = [text for kind, text in zip(kinds, texts, strict=True) if kind == "code"]
    found = [{"number": number, "text": text} for number, text in enumerate(code, 1) if text.strip()]
    if sum(map(len, code)) > MAX_CODE:
        raise NotebookError(f"holds more than {MAX_CODE >> 20} MiB of code and was not read")
    if len(found) > MAX_CELLS:
        raise NotebookError(f"holds more than {MAX_CELLS:,} cells of code and was not read")
    asides = [(kind, text) for kind, text in zip(kinds, texts, strict=True) if kind != "code" and "def " in text]
    few = [{"kind": kind[:40], "text": text[:MAX_ASIDE]} for kind, text in asides[:MAX_ASIDES]]
    return {"cells": found, "asides": few}


def language(metadata: Any) -> str:
    """Return the language that a notebook is written in, if it says one that is not Python."""
    told = metadata if isinstance(metadata, dict) else {}
    info, kernel = (part if isinstance(part := told.get(key), dict) else {} for key in ("language_info", "kernelspec"))
    known = next(
        (known for name, known in OTHER_KERNELS.items() if str(kernel.get("name")).partition("-")[0] == name), ""
    )
    said = str(info.get("name") or kernel.get("language") or known)
    return "" if "python" in said.lower() else said


def listed(holder: Any, key: str) -> list[Any]:
    """Return a list of a notebook, which may be missing."""
    found = holder.get(key, []) if isinstance(holder, dict) else None
    if not isinstance(found, list):
        raise NotebookError(f"is not a readable notebook (its {key} are no list): {AGAIN}")
    return found


def kind_of(cell: Any, number: int) -> str:
    """Return the kind of a cell."""
    if not isinstance(cell, dict) or not isinstance(kind := cell.get("cell_type"), str):
        raise NotebookError(f"is not a readable notebook (cell {number} of all has no type): {AGAIN}")
    return kind


def text_of(cell: dict[str, Any], number: int) -> str:
    """Return the text of a cell, in which halves of characters are replaced."""
    source = cell.get("source") or cell.get("input") or ""
    lines = [source] if isinstance(source, str) else source
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise NotebookError(f"is not a readable notebook (cell {number} of all has no text): {AGAIN}")
    return "".join(lines).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
