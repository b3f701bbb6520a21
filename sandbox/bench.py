"""Timed work inside the box: calls on fresh inputs, and projections of what they returned. Nothing here reads a clock.

Runs in the forked child, beside the student's code: what it says is checked against the reference's, and what it
costs is read outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from sandbox.wire import Side, WireError

SAMPLE = 4096
NO_BASE = "no base arguments: the process that kept them is gone"


class Bench:
    """The state between the steps of a timed call: the base arguments, how to vary them, and the last results."""

    def __init__(self, side: Side, torch: ModuleType | None) -> None:
        self._side, self._torch = side, torch
        self._base: dict[str, Any] = {}
        self._vary: Callable[..., dict[str, Any]] | None = None
        self._results: list[list[np.ndarray]] = []

    def step(self, block: dict[str, Any], function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Do one step: keep the base, run the function on varied inputs, idle through the same, or project results.

        Raises WireError for a result that is no plain array or tensor, and for a step out of order.
        """
        match block["step"]:
            case "base":
                self._base, self._vary, self._results = arguments, block["vary"], []
                return None
            case "run":
                self._results = []  # before the next are made, so that they find its memory
                self._results = [self._call(function, inputs) for inputs in self._inputs(block)]
                return None
            case "idle":
                kept = self._results = self._results[-1:]
                self._results = [[leaf.copy() for leaf in kept[0]] for _ in self._inputs(block)] if kept else []
                return None
            case _:
                self._require_base()
                return [list(_projected(result, block["seed"] + i)) for i, result in enumerate(self._results)]

    def _inputs(self, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
        vary = self._require_base()
        rng = np.random.default_rng(block["seed"])
        for _ in range(block["repeat"]):
            yield {name: self._native(value) for name, value in vary(rng, **self._base).items()}

    def _require_base(self) -> Callable[..., dict[str, Any]]:
        if self._vary is None:
            raise WireError(NO_BASE)
        return self._vary

    def _native(self, value: Any) -> Any:
        if type(value) is not np.ndarray:
            return value
        # What does not vary is the base's own array, which a function that works in place would spoil.
        if any(np.may_share_memory(value, kept) for kept in self._base.values() if type(kept) is np.ndarray):
            value = value.copy()
        return value if self._torch is None else self._torch.from_numpy(np.ascontiguousarray(value))

    def _call(self, function: Callable[..., Any], inputs: dict[str, Any]) -> list[np.ndarray]:
        """Return copies, now: a lazy object cannot wait for the projection, and a function may reuse its arrays."""
        leaves = _leaves(function(**inputs))
        return [self._side.take(leaf).array.copy() for leaf in leaves]  # type: ignore[union-attr]


def _projected(result: list[np.ndarray], seed: int) -> Iterator[float]:
    """Yield of each array its size, and of random elements the norm and the product with signs that nobody knew before.

    The signs form a tensor of full rank: a product with vectors from both sides, or with a few, can be had of a
    matrix product without computing it. Who leaves out one element in 500 is found out 999 times in 1,000.
    """
    rng = np.random.default_rng(seed)
    for leaf in result:
        array = leaf.reshape(-1)
        yield float(array.size)
        if array.size > SAMPLE:
            array = array[rng.integers(0, array.size, SAMPLE)]
        array = np.asarray(array, np.float64)
        signs = np.unpackbits(np.frombuffer(rng.bytes(array.size // 8 + 1), np.uint8), count=array.size)
        yield float(np.sqrt(np.dot(array, array)))
        yield float(2 * np.dot(array, signs) - array.sum())


def _leaves(result: Any) -> Iterator[Any]:
    if type(result) in (list, tuple):
        for item in result:
            yield from _leaves(item)
    elif type(result) in (int, float, bool):
        yield np.asarray(result)
    else:
        yield result
