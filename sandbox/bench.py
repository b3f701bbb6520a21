"""Timed work inside the box: calls on fresh inputs, and projections of what they returned. Nothing here reads a clock.

Runs in the forked child, beside the student's code: what it says is checked against the reference's, and what it
costs is read outside.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from sandbox.wire import Side, WireError

NO_BASE = "no base arguments: the process that kept them is gone"


class Bench:
    """The state between the steps of a timed call: the base arguments, how to vary them, and the last results."""

    def __init__(self, side: Side, torch: ModuleType | None) -> None:
        self._side, self._torch = side, torch
        self._base: dict[str, Any] = {}
        self._vary: Callable[..., dict[str, Any]] | None = None
        self._results: list[Any] = []

    def step(self, block: dict[str, Any], function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Do one step: keep the base, run the function on varied inputs, idle through the same, or project results.

        Raises WireError for a result that is no plain array or tensor, and for a step out of order.
        """
        match block["step"]:
            case "base":
                self._base, self._vary, self._results = arguments, block["vary"], []
                return None
            case "run":
                self._results = [self._call(function, inputs) for inputs in self._inputs(block)]
                return None
            case "idle":
                kept = itertools.cycle(self._results)
                self._results = [result for _, result in zip(self._inputs(block), kept, strict=False)]
                return None
            case _:
                return [list(self._projected(result, block["seed"] + i)) for i, result in enumerate(self._results)]

    def _inputs(self, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if self._vary is None:
            raise WireError(NO_BASE)
        rng = np.random.default_rng(block["seed"])
        for _ in range(block["repeat"]):
            yield {name: self._native(value) for name, value in self._vary(rng, **self._base).items()}

    def _native(self, value: Any) -> Any:
        if self._torch is not None and type(value) is np.ndarray:
            return self._torch.from_numpy(np.ascontiguousarray(value))
        return value

    def _call(self, function: Callable[..., Any], inputs: dict[str, Any]) -> Any:
        result = function(**inputs)
        for leaf in _leaves(result):
            # Now, so that a lazy object cannot wait for the projection.
            self._side.take(leaf)
        return result

    def _projected(self, result: Any, seed: int) -> Iterator[float]:
        """Yield of each array its size, its norm, and its product with a random tensor that nobody knew before.

        The tensor is an outer product: to draw as many numbers as the array has would cost more than most kernels.
        """
        rng = np.random.default_rng(seed)
        for leaf in _leaves(result):
            array = np.asarray(self._side.take(leaf).array, np.float64).reshape(-1)  # type: ignore[union-attr]
            width = max(1, math.isqrt(array.size))
            whole = array.size - array.size % width
            rows, columns, rest = (rng.standard_normal(n) for n in (whole // width, width, array.size - whole))
            yield float(array.size)
            yield float(np.sqrt(np.dot(array, array)))
            yield float(rows @ (array[:whole].reshape(-1, width) @ columns) + array[whole:] @ rest)


def _leaves(result: Any) -> Iterator[Any]:
    if type(result) in (list, tuple):
        for item in result:
            yield from _leaves(item)
    elif type(result) in (int, float, bool):
        yield np.asarray(result)
    else:
        yield result
