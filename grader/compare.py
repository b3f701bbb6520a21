"""Compare an answer with the expected one: type, shape and finiteness before values; dtype apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from grader.model import Difference, Mismatch
from grader.oracle import Expected
from grader.tolerance import allowed
from grader.topic import Close, Indices, Properties
from grader.tree import Path, leaves, unwrap
from sandbox.base import Framework, Tensor


def compare(expected: Expected, actual: Any, framework: Framework = "numpy") -> Mismatch | None:
    """Return why `actual` is not the expected answer, or None when it agrees; dtypes are `compare_dtypes`'s."""
    if isinstance(expected.policy, Properties):
        raise TypeError("properties are judged by the topic, not by comparison")
    if isinstance(expected.policy, Indices):
        return _compare_indices(expected.value, unwrap(actual))
    actual = listed(expected.value, actual)
    if mismatch := _compare_structure(expected.value, actual):
        return mismatch
    errors = expected.errors or (0.0,) * len(leaves(expected.value))
    for (path, want), (_, got), error in zip(leaves(expected.value), leaves(actual), errors, strict=True):
        if mismatch := _compare_leaf(expected, want, got, error, named(path, expected.names), framework):
            return replace(mismatch, result=path[0] if path and isinstance(path[0], int) else None)
    return None


def compare_dtypes(expected: Expected, actual: Any) -> Mismatch | None:
    """Return the first array whose dtype is not the expected one: scalars are free, integers of any width agree."""
    actual = listed(expected.value, actual)
    if isinstance(expected.policy, Indices | Properties) or _compare_structure(expected.value, actual):
        return None
    for (path, want), (_, got) in zip(leaves(expected.value), leaves(actual), strict=True):
        if np.ndim(want) == 0 or not isinstance(got, np.ndarray | Tensor):
            continue
        is_integer = np.issubdtype(want.dtype, np.integer) and np.issubdtype(unwrap(got).dtype, np.integer)
        if str(got.dtype) != str(want.dtype) and not is_integer:
            return Mismatch(
                "dtype",
                f"{named(path, expected.names)} has dtype {got.dtype} where {want.dtype} is expected",
                expected_dtype=str(want.dtype),
                actual_dtype=str(got.dtype),
            )
    return None


def listed(want: Any, got: Any) -> Any:
    """Return a flat array as the list of its numbers where a list of numbers is expected: both are right."""
    if isinstance(want, list) and isinstance(got, np.ndarray | Tensor) and not any(map(np.ndim, want)):
        numbers = unwrap(got)
        return list(numbers) if numbers.ndim == 1 else got
    return got


def _compare_structure(want: Any, got: Any) -> Mismatch | None:
    if isinstance(want, tuple | list):
        if not isinstance(got, tuple | list):
            return Mismatch("structure", f"returns {_kind(got)} where {len(want)} values are expected")
        if len(want) != len(got):
            return Mismatch("structure", f"returns {len(got)} values where {len(want)} are expected")
        return next(filter(None, (_compare_structure(w, g) for w, g in zip(want, got, strict=True))), None)
    if isinstance(want, dict):
        if not isinstance(got, dict) or set(want) != set(got):
            return Mismatch("structure", f"returns {_kind(got)} where a dictionary with given keys is expected")
        return next(filter(None, (_compare_structure(want[key], got[key]) for key in want)), None)
    if isinstance(got, tuple | list | dict):
        return Mismatch("structure", f"returns {_kind(got)} where {_kind(want)} is expected")
    return None


def _compare_leaf(
    expected: Expected, want: Any, got: Any, error: float, name: str, framework: Framework
) -> Mismatch | None:
    if want is None or isinstance(want, str):
        if type(want) is type(got) and want == got:
            return None
        return Mismatch("values", f"{name} is not the expected one", Difference((), repr(want), _short(got)))
    if got is None or isinstance(got, str):
        return Mismatch("type", f"{name} is {_kind(got)} where {_kind(want)} is expected")
    is_array = isinstance(got, np.ndarray | Tensor)
    if np.ndim(want) > 0 and (not is_array or isinstance(got, Tensor) != (framework == "torch")):
        asked = "a torch.Tensor" if framework == "torch" else "a NumPy array"
        return Mismatch("framework", f"{name} is {_kind(got)}; {asked} is asked for")
    want, got = np.asarray(want), np.asarray(unwrap(got))
    if want.shape != got.shape:
        return Mismatch(
            "shape",
            f"{name} has shape {got.shape} where {want.shape} is expected",
            expected_shape=want.shape,
            actual_shape=got.shape,
        )
    return _compare_numbers(expected, want, got, error, name)


def _compare_numbers(expected: Expected, want: np.ndarray, got: np.ndarray, error: float, name: str) -> Mismatch | None:
    if np.iscomplexobj(got):
        return Mismatch("type", f"{name} is complex where real numbers are expected")
    if mismatch := _compare_finiteness(want, got, name):
        return mismatch
    a, b = _comparable(want), _comparable(got)
    finite = np.isfinite(a)
    with np.errstate(all="ignore"):
        difference = np.where(finite, np.abs(a - b), 0.0)
    limit = (
        allowed(a, error, expected.dtype, expected.policy.factor)
        if isinstance(expected.policy, Close)
        else np.zeros(a.shape)
    )
    agrees = difference <= limit
    if agrees.all():
        return None
    index = tuple(int(i) for i in np.argwhere(~agrees)[0])
    wrong, largest = int((~agrees).sum()), float(difference.max())
    scale = float(np.abs(a[finite]).max(initial=0.0))
    count = f" in {wrong} of {a.size} elements" if a.ndim else ""
    return Mismatch(
        "values",
        f"{name} has wrong values{count}" if a.ndim else f"{name} is wrong",
        Difference(index, _number(want[index]), _number(got[index])),
        expected_shape=want.shape,
        actual_shape=got.shape,
        expected_dtype=str(want.dtype),
        actual_dtype=str(got.dtype),
        max_abs_error=largest,
        max_rel_error=largest / scale if scale else None,
        allowed_error=float(limit[index]),
    )


def _compare_finiteness(want: np.ndarray, got: np.ndarray, name: str) -> Mismatch | None:
    for test, kind in ((np.isnan, "NaN"), (np.isposinf, "+inf"), (np.isneginf, "-inf")):
        differs = test(_comparable(want)) != test(_comparable(got))
        if differs.any():
            index = tuple(int(i) for i in np.argwhere(differs)[0])
            extra = bool(test(_comparable(got))[index])
            what = f"is {kind} where it must not be" if extra else f"is not {kind} where it must be"
            return Mismatch(
                "finiteness",
                f"{name} {what}, in {int(differs.sum())} of {want.size} elements",
                Difference(index, _number(want[index]), _number(got[index])),
                expected_shape=want.shape,
                actual_shape=got.shape,
            )
    return None


def _compare_indices(want: Any, got: Any) -> Mismatch | None:
    expected = np.asarray(want, dtype=np.int64).reshape(-1)
    items = list(got) if isinstance(got, tuple | list) else got
    if isinstance(items, list) and not all(map(_is_integer, items)):
        return Mismatch("type", "returns a list that holds something other than integers; indices are expected")
    if not isinstance(items, list | np.ndarray):
        return Mismatch("type", f"returns {_kind(got)} where a sequence of indices is expected")
    actual = np.asarray(items)
    if actual.ndim != 1:
        return Mismatch("shape", f"returns an array of shape {actual.shape} where a flat sequence is expected")
    if actual.size and not np.issubdtype(actual.dtype, np.integer):
        return Mismatch("type", f"returns {actual.dtype} numbers where integer indices are expected")
    if expected.size == actual.size and (expected == actual).all():
        return None
    common = min(expected.size, actual.size)
    at = next((i for i in range(common) if expected[i] != actual[i]), common)
    shown = [str(values[at]) if at < values.size else "nothing" for values in (expected, actual)]
    same = expected.size == actual.size and (np.sort(expected) == np.sort(actual)).all()
    return Mismatch(
        "values",
        "returns the right indices in the wrong order" if same else "returns the wrong indices",
        Difference((at,), *shown),
        expected_shape=expected.shape,
        actual_shape=actual.shape,
    )


def _comparable(array: np.ndarray) -> np.ndarray:
    """Widen to float64; integers above 2**53 lose bits there, and no topic has such."""
    return array.astype(np.float64)


def _is_integer(item: Any) -> bool:
    if isinstance(item, np.ndarray | np.generic):
        return item.ndim == 0 and np.issubdtype(item.dtype, np.integer)
    return isinstance(item, int) and not isinstance(item, bool)


def named(path: Path, names: tuple[str, ...]) -> str:
    """Return what to call a result: by its name, else by its number from 1; parts of it by number or key."""
    if not path:
        return "the result"
    first, *rest = path
    named = isinstance(first, int) and len(names) > 1
    word = names[int(first)] if named else f"result {_position(first)}"
    return "".join([word, *(f", part {_position(step)}" for step in rest)])


def _position(step: int | str) -> str:
    return str(step + 1) if isinstance(step, int) else step


def _kind(value: Any) -> str:
    match value:
        case None:
            return "None (is a return missing?)"
        case str():
            return "a string"
        case tuple():
            return f"a tuple of {len(value)}"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "a dictionary"
        case Tensor():
            return "a torch.Tensor"
        case np.ndarray() if value.ndim:
            return "a NumPy array"
    return "a number"


def _number(value: Any) -> str:
    return str(value.item())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
