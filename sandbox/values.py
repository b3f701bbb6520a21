"""The host's side of the wire: `base` values to frames and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.base import Function, Rng, Tensor
from sandbox.wire import BFLOAT16, DTYPES, Leaf, Side, WireError


class HostSide(Side):
    """Arrays are NumPy's, tensors are `Tensor`; bfloat16 is widened to float32 on arrival and narrowed on leaving."""

    def take(self, value: Any) -> Leaf | dict[str, Any]:
        if type(value) is Tensor:
            return Leaf("tensor", value.dtype, _narrow(value.array) if value.dtype == BFLOAT16 else value.array)
        if type(value) is np.ndarray or isinstance(value, np.generic):
            if value.dtype.name not in DTYPES:
                raise WireError(f"an array of dtype {value.dtype}")
            return Leaf("array", value.dtype.name, np.asarray(value))
        if type(value) is Rng:
            return {"rng": value.seed}
        if type(value) is Function:
            return {"function": [value.module, value.name]}
        raise WireError(f"a value of type {type(value).__name__}")

    def array(self, kind: str, dtype: str, array: np.ndarray, layout: str) -> Any:
        if dtype == BFLOAT16:
            wide = array.astype(np.uint32)
            wide <<= 16
            array = wide.view(np.float32)
        elif not array.flags.aligned:
            array = array.copy()
        return Tensor(array, dtype) if kind == "tensor" else array

    def rng(self, seed: int) -> Rng:
        return Rng(seed)

    def function(self, module: str, name: str) -> Function:
        return Function(module, name)


class AnswerSide(HostSide):
    """The host's side for what comes out of a box: generators and functions only ever go in."""

    def rng(self, seed: int) -> Rng:
        raise WireError("a generator in an answer")

    def function(self, module: str, name: str) -> Function:
        raise WireError("a function in an answer")


HOST = HostSide()
ANSWERS = AnswerSide()


def _narrow(array: np.ndarray) -> np.ndarray:
    bits = np.asarray(array, np.float32, order="C").view(np.uint32)
    if (bits & 0xFFFF).any():
        raise WireError("a bfloat16 tensor whose values need more than 16 bits")
    return np.asarray(bits >> 16).astype(np.uint16)
