"""Timed work inside the box: calls on fresh inputs, and projections of what they returned. Nothing here reads a clock.

Runs in the forked child, beside the student's code: what it says is checked against the reference's, and what it
costs is read outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from sandbox.devices import Host
from sandbox.sides import BoxSide
from sandbox.wire import WireError

SAMPLE = 4096
NO_BASE = "no base arguments: the process that kept them is gone"


class Bench:
    """The state between the steps of a timed call: the base arguments, how to vary them, and the last results."""

    def __init__(self, side: BoxSide, torch: ModuleType | None, device: Host) -> None:
        self._side, self._torch, self._device = side, torch, device
        self._base: dict[str, Any] = {}
        self._vary: Callable[..., dict[str, Any]] | None = None
        self._ready: list[dict[str, Any]] = []
        self._results: list[list[Any]] = []

    def step(self, block: dict[str, Any], function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Do one step: keep the base, make inputs ready, run the function on them, idle through the same, or project.

        Raises WireError for a result that is no plain array or tensor, and for a step out of order.
        """
        match block["step"]:
            case "base":
                self._base, self._vary, self._results = arguments, block["vary"], []
                return None
            case "ready":
                self._ready = list(self._inputs(block))
                self._device.synchronise()
                return None
            case "run":
                self._results = []  # before the next are made, so that they find its memory
                self._results = [self._call(function, inputs) for inputs in self._given(block)]
                self._device.synchronise()
                return None
            case "idle":
                kept = self._results = self._results[-1:]
                self._results = [[self._copy(leaf) for leaf in kept[0]] for _ in self._given(block)] if kept else []
                self._device.synchronise()
                return None
            case _:
                self._require_base()
                return [
                    list(_projected(result, block["seed"] + i, self._fetch)) for i, result in enumerate(self._results)
                ]

    def _given(self, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the inputs that were made ready, or else make each when its turn has come."""
        ready, self._ready = self._ready, []
        self._require_base()
        yield from ready or self._inputs(block)

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
        if self._torch is None:
            return value
        return self._device.place(self._torch.from_numpy(np.ascontiguousarray(value)))

    def _call(self, function: Callable[..., Any], inputs: dict[str, Any]) -> list[Any]:
        """Return copies, now: a lazy object cannot wait for the projection, and a function may reuse its arrays."""
        return [self._side.keep(leaf) for leaf in _leaves(function(**inputs))]

    def _copy(self, kept: Any) -> Any:
        return kept.copy() if type(kept) is np.ndarray else self._side.keep(kept)

    def _fetch(self, flat: Any, places: np.ndarray | None) -> np.ndarray:
        """Return elements on the host; a card's are chosen there, as the way out is narrow. Raises WireError."""
        there: Any = places
        if self._torch is not None and places is not None and type(flat) is not np.ndarray:
            there = self._device.place(self._torch.from_numpy(places))
        return self._side.take(_elements(flat, there)).array


def _elements(flat: Any, places: Any) -> Any:
    return flat if places is None else flat[places]


def _projected(result: list[Any], seed: int, fetch: Callable[..., np.ndarray] = _elements) -> Iterator[float]:
    """Yield of each array its size, and of random elements the norm and the product with signs that nobody knew before.

    The signs form a tensor of full rank: a product with vectors from both sides, or with a few, can be had of a
    matrix product without computing it. Who leaves out one element in 500 is found out 999 times in 1,000.
    """
    rng = np.random.default_rng(seed)
    for leaf in result:
        flat = leaf.reshape(-1)
        size = len(flat)
        yield float(size)
        places = rng.integers(0, size, SAMPLE) if size > SAMPLE else None
        array = np.asarray(fetch(flat, places), np.float64)
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
