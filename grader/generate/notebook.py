"""The handout as a notebook: its text section by section, and after it a stub and a check for each function.

The notebook is plain JSON of nbformat 4.5, with cell names that are counted, so that the same handout is the same file.
Its images are attachments: a notebook that is opened elsewhere still has them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from grader.generate.text import Section, images

TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def notebook(
    intro: str,
    setup: str,
    parts: Sequence[Section],
    code: Mapping[str, str],
    checked: Collection[str],
    files: Mapping[str, bytes],
) -> bytes:
    """Return the notebook: `code` of each function with its backward, `checked` functions get a check cell.

    `files` are the images by name. Functions that the text does not speak of come last.
    """
    cells = [_markdown(intro, {}), _code(setup)]
    told = [name for part in parts for name in part.functions]
    for part in (*parts, Section("", tuple(name for name in code if name not in told))):
        cells += [_markdown(part.text, files)] if part.text else []
        for name in part.functions:
            cells.append(_code(code[name]))
            cells += [_code(f"from grader import check\n\ncheck({name})\n")] if name in checked else []
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"cell-{number:03}"
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": _lines(text)}


def _markdown(text: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    attachments = {}
    for written, file, alt in images(text):
        kind = TYPES.get(file[file.rfind(".") :])
        if kind and file in files:
            attachments[file] = {kind: base64.b64encode(files[file]).decode()}
            text = text.replace(written, f"![{alt}](attachment:{file})")
    cell: dict[str, Any] = {"cell_type": "markdown", "metadata": {}, "source": _lines(text)}
    return {**cell, "attachments": attachments} if attachments else cell


def _lines(text: str) -> list[str]:
    return text.strip("\n").splitlines(keepends=True)
