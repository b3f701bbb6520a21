"""Print values for people: arrays with dtype and shape, cut to a readable size."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.model import Exhibit
from grader.tree import map_leaves, unwrap
from sandbox.base import Tensor

MAX_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Shown:
    """An argument that is shown as the text it has: a callable that travels as source."""

    text: str


def show(value: Any) -> str:
    """Return a value as text: what a student would see in a notebook, at most 2,000 characters."""
    text = _show(value)
    return text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + " ..."


def exhibit(inputs: Mapping[str, Any], expected: str, actual: Any) -> Exhibit:
    """Return a case ready to be shown; `expected` is text already, since a random answer has no expected value."""
    return Exhibit({name: show(value) for name, value in inputs.items()}, expected, show(actual))


def _show(value: Any) -> str:
    match value:
        case Tensor():
            return _array(value.array, f"torch {value.dtype}")
        case Shown():
            return value.text
        case np.ndarray() if value.ndim:
            return _array(value, str(value.dtype))
        case np.ndarray() | np.generic():
            return repr(value.item())
        case tuple() | list() if any(isinstance(child, np.ndarray | Tensor) for child in value):
            return "\n".join(f"{i + 1}: {_show(child)}" for i, child in enumerate(value))
        case _ if callable(value):
            return inspect.getsource(value if inspect.isfunction(value) else type(value)).rstrip()
        case dict():
            return "\n".join(f"{key}: {_show(child)}" for key, child in value.items())
    return repr(map_leaves(lambda leaf: leaf.item() if isinstance(leaf, np.generic) else leaf, unwrap(value)))


def _array(array: np.ndarray, dtype: str) -> str:
    if array.ndim == 0:
        return repr(array.item())
    body = np.array2string(array, separator=", ", threshold=120, edgeitems=3, max_line_width=88, precision=6)
    return f"{dtype} {array.shape}\n{body}"
