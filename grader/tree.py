"""Walk nested tuples, lists and dicts of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from sandbox.base import Tensor

Path: TypeAlias = tuple[int | str, ...]


def leaves(value: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Return the leaves of a tree, depth first, each with its path."""
    if isinstance(value, tuple | list):
        return [leaf for i, child in enumerate(value) for leaf in leaves(child, (*path, i))]
    if isinstance(value, dict):
        return [leaf for key, child in value.items() for leaf in leaves(child, (*path, key))]
    return [(path, value)]


def map_leaves(function: Callable[[Any], Any], value: Any) -> Any:
    """Return the tree with the function applied to each leaf."""
    if isinstance(value, tuple | list):
        return type(value)(map_leaves(function, child) for child in value)
    if isinstance(value, dict):
        return {key: map_leaves(function, child) for key, child in value.items()}
    return function(value)


def unwrap(value: Any) -> Any:
    """Return the tree with every tensor replaced by its array."""
    return map_leaves(lambda leaf: leaf.array if isinstance(leaf, Tensor) else leaf, value)


def is_floating(value: Any) -> bool:
    """Tell whether a leaf is an array of floating-point numbers."""
    return isinstance(value, np.ndarray) and bool(np.issubdtype(value.dtype, np.floating))
