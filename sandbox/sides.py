"""The child's side of the wire: how arguments are built, which results are taken, and whether an argument changed."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from sandbox.devices import Host
from sandbox.loader import Loader
from sandbox.wire import BFLOAT16, DTYPES, Leaf, Side, WireError, laid_out

ANY = object()
STRETCH = 1 << 18


class Originals(Side):
    """The arguments as they arrived, for comparison; generators and functions compare equal to anything."""

    def rng(self, seed: int) -> Any:
        return ANY

    def function(self, module: str, name: str) -> Any:
        return ANY


class Plain(Side):
    """Arguments as NumPy arrays, whatever the framework, and functions by name."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def array(self, kind: str, dtype: str, array: np.ndarray, layout: str) -> Any:
        return array.copy()

    def function(self, module: str, name: str) -> Any:
        return getattr(self._loader.load(module), name)


class BoxSide(Side):
    """Fresh writable arrays or tensors in; exact arrays, tensors and NumPy scalars out."""

    def __init__(self, torch: ModuleType | None, loader: Loader, device: Host) -> None:
        self._torch, self._loader, self._device = torch, loader, device

    def array(self, kind: str, dtype: str, array: np.ndarray, layout: str) -> Any:
        own = laid_out(array, layout)
        if self._torch is None:
            return own
        if dtype == BFLOAT16:
            return self._device.place(self._torch.from_numpy(own.view(np.int16)).view(self._torch.bfloat16))
        return self._device.place(self._torch.from_numpy(own))

    def rng(self, seed: int) -> Any:
        return self._device.generator(seed) if self._torch else np.random.default_rng(seed)

    def function(self, module: str, name: str) -> Any:
        found = getattr(self._loader.load(module), name)
        return found() if isinstance(found, type) else found

    def take(self, value: Any) -> Leaf:
        kind = type(value)
        if kind in self._device.kinds:
            return self._tensor(value)
        if kind is np.ndarray or (isinstance(value, np.generic) and kind is value.dtype.type):
            if value.dtype.name in DTYPES:
                return Leaf("array", value.dtype.name, np.asarray(value))
            raise WireError(f"an array of dtype {value.dtype}; return one of numbers")
        package = kind.__module__.partition(".")[0]
        name = kind.__qualname__ if package == "builtins" else f"{package} {kind.__qualname__}"
        wanted = "torch.Tensor" if self._torch else "numpy.ndarray"
        raise WireError(f"a value of type {name}; return a {wanted}")

    def keep(self, value: Any) -> Any:
        """Return a copy of a result, made now: an array, or on a card a tensor that stays there. Raises WireError."""
        if self._device.remote and type(value) in self._device.kinds:
            return value.detach().clone()
        return self.take(value).array.copy()

    def _tensor(self, tensor: Any) -> Leaf:
        torch, dtype = self._torch, str(tensor.dtype).removeprefix("torch.")
        assert torch is not None  # noqa: S101 - only tensors come here
        if tensor.layout != torch.strided or tensor.is_meta or (dtype not in DTYPES and dtype != BFLOAT16):
            raise WireError(f"a tensor of dtype {dtype} and layout {tensor.layout}; return a dense one of numbers")
        tensor = self._device.fetch(tensor.detach()).resolve_conj().resolve_neg()
        if dtype == BFLOAT16:
            return Leaf("tensor", dtype, tensor.view(torch.int16).numpy().view(np.uint16))
        return Leaf("tensor", dtype, tensor.numpy())

    def unchanged(self, before: Any, after: Any) -> bool:
        """Return whether an argument still is what arrived, bit by bit."""
        if before is ANY:
            return True
        if type(before) is np.ndarray:
            try:
                now = self.take(after).array
            except WireError:
                return False
            return now.shape == before.shape and now.dtype == before.dtype and _same_bytes(now, before)
        if type(before) is not type(after):
            return False
        if isinstance(before, list | tuple):
            return len(before) == len(after) and all(map(self.unchanged, before, after))
        if isinstance(before, dict):
            return list(before) == list(after) and all(map(self.unchanged, before.values(), after.values()))
        return bool(before == after or before != before)


def _same_bytes(a: np.ndarray, b: np.ndarray) -> bool:
    """Compare stretch by stretch, each small enough for the cache."""
    one, other = (np.asarray(array, order="C").reshape(-1).view(np.uint8) for array in (a, b))
    starts = range(0, one.size, STRETCH)
    return all(one[i : i + STRETCH].tobytes() == other[i : i + STRETCH].tobytes() for i in starts)
