"""Gradients through torch's autograd, inside the box: of sum(dout * output) with respect to the named arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch


class GradientError(Exception):
    """The function's result has no gradient with respect to an argument."""


def gradients(
    function: Callable[..., Any], arguments: Mapping[str, Any], dout: Any, wrt: Sequence[str]
) -> torch.Tensor | Any:
    """Call the function and return one gradient per name of `wrt`, shaped like the argument; a single one bare.

    Raises GradientError when the result does not fit `dout` or does not depend on an argument.
    """
    leaves = {name: [leaf.requires_grad_() for leaf in _tensors(arguments[name])] for name in wrt}
    output = function(**arguments)
    pairs = [(out, grad) for out, grad in _pairs(output, dout) if out.requires_grad]
    if not pairs:
        raise GradientError(_independent(wrt[0]))
    outputs, douts = zip(*pairs, strict=True)
    wanted = [leaf for name in wrt for leaf in leaves[name]]
    found = iter(torch.autograd.grad(outputs, wanted, douts, allow_unused=True))
    result = tuple(_shaped(arguments[name], found, name) for name in wrt)
    return result[0] if len(result) == 1 else result


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        if value.is_floating_point() or value.is_complex():
            yield value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)


def _pairs(output: Any, dout: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    if dout is None:
        return
    if isinstance(dout, list | tuple):
        if not isinstance(output, list | tuple) or len(output) != len(dout):
            raise GradientError(f"the result is not a tuple of {len(dout)}")
        for out, grad in zip(output, dout, strict=True):
            yield from _pairs(out, grad)
        return
    if not isinstance(output, torch.Tensor):
        raise GradientError(f"the result is of type {type(output).__name__}, not a torch.Tensor")
    grad = torch.as_tensor(dout, dtype=output.dtype, device=output.device)
    if output.shape != grad.shape:
        raise GradientError(f"the result has shape {tuple(output.shape)} where {tuple(grad.shape)} is expected")
    yield output, grad


def _shaped(value: Any, found: Iterator[torch.Tensor | None], name: str) -> Any:
    """Return the gradients in the structure of the argument; parts that are no float tensors become None."""
    if isinstance(value, torch.Tensor):
        if not value.requires_grad:
            return None
        gradient = next(found)
        if gradient is None:
            raise GradientError(_independent(name))
        return gradient
    if isinstance(value, dict):
        return {key: _shaped(item, found, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_shaped(item, found, name) for item in value)
    return None


def _independent(name: str) -> str:
    return f"the result does not depend on {name} through autograd; do not detach or convert to NumPy"
