"""Which exceptions are explained: the messages of NumPy, torch and Python, and what is told of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

Told: TypeAlias = Callable[[re.Match[str]], str]

# A comma ends every size but the last: without it a row of digits could be read in ever so many ways.
_SHAPE = r"\((?:\d{1,9}, ?){0,8}(?:\d{1,9})?\)"
_NAME = r"[A-Za-z_]\w{0,39}"


class Rule(NamedTuple):
    """Exceptions by their classes' names and a pattern of their message, what they are called, and how it is told."""

    errors: str
    pattern: str
    diagnosis: str
    told: Told | None = None


def _broadcast(match: re.Match[str]) -> str:
    first, second = (_sizes(match[group]) for group in (1, 2))
    told = f"{_shape(first)} and {_shape(second)} cannot be combined element by element"
    pairs = list(zip_longest(reversed(first), reversed(second), fillvalue=1))
    meets = next(((position, a, b) for position, (a, b) in enumerate(pairs, 1) if a != b and 1 not in (a, b)), None)
    if meets is None:
        return f"{told}."
    position, a, b = meets
    axis = "the last axis" if position == 1 else f"axis -{position}"
    return f"{told}: compared from the last axis, sizes must be equal or 1, and {axis} has {a} and {b}."


def _sizes(shape: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", shape)))


def _shape(sizes: tuple[int, ...]) -> str:
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(map(str, sizes))})"


def _index(match: re.Match[str]) -> str:
    index, kind, axis, size = match.groups()
    if int(size) == 0:
        return f"Index {index} asks for an element of {kind} {axis}, which is empty."
    return f"Index {index} is beyond {kind} {axis}, whose {size} elements have the indices 0 to {int(size) - 1}."


def _unknown_name(match: re.Match[str]) -> str:
    return f"{match[1]} is not defined where this line runs: is it misspelt, or set in another function or cell?"


# The first rule that fits speaks; the names of classes are those that the box tells.
RULES: tuple[Rule, ...] = (
    Rule(
        "ValueError",
        rf"^operands could not be broadcast together with shapes ({_SHAPE}) ({_SHAPE})",
        "broadcast",
        _broadcast,
    ),
    Rule(
        "ValueError",
        rf"^non-broadcastable output operand with shape ({_SHAPE}) doesn't match the broadcast shape ({_SHAPE})",
        "broadcast",
        lambda m: (
            f"An operation in place cannot grow its array: the result has shape {_shape(_sizes(m[2]))} and the "
            f"array {_shape(_sizes(m[1]))}."
        ),
    ),
    Rule(
        "ValueError",
        rf"^could not broadcast input array from shape ({_SHAPE}) into shape ({_SHAPE})",
        "broadcast",
        lambda m: f"What is assigned has shape {_shape(_sizes(m[1]))}, and the place for it {_shape(_sizes(m[2]))}.",
    ),
    Rule(
        "RuntimeError",
        r"^The size of tensor a \((\d{1,9})\) must match the size of tensor b \((\d{1,9})\) "
        r"at non-singleton dimension (\d{1,2})",
        "broadcast",
        lambda m: (
            f"Two tensors cannot be combined element by element: compared from the last axis, sizes must be "
            f"equal or 1, and dimension {m[3]} of the result has {m[1]} and {m[2]}."
        ),
    ),
    Rule("ValueError", r"^operands could not be broadcast together", "broadcast"),
    Rule(
        "ValueError",
        r"^matmul: Input operand 1 has a mismatch .{0,120}\(size (\d{1,9}) is different from (\d{1,9})\)",
        "matmul",
        lambda m: (
            f"In a matrix product the first array's last axis ({m[2]} here) must be as long as the second's "
            f"first ({m[1]}): is a transpose missing, or is * meant?"
        ),
    ),
    Rule(
        "ValueError",
        rf"^shapes ({_SHAPE}) and ({_SHAPE}) not aligned: (\d{{1,9}}) \(dim \d+\) != (\d{{1,9}}) ",
        "matmul",
        lambda m: (
            f"{_shape(_sizes(m[1]))} times {_shape(_sizes(m[2]))} is no matrix product: the inner sizes, {m[3]} "
            f"and {m[4]}, must be equal. Is a transpose missing, or is * meant?"
        ),
    ),
    Rule(
        "RuntimeError",
        r"^mat1 and mat2 shapes cannot be multiplied \((\d{1,9})x(\d{1,9}) and (\d{1,9})x(\d{1,9})\)",
        "matmul",
        lambda m: (
            f"({m[1]}, {m[2]}) times ({m[3]}, {m[4]}) is no matrix product: the inner sizes, {m[2]} and {m[3]}, "
            "must be equal. Is a transpose missing, or is * meant?"
        ),
    ),
    Rule("ValueError", r"^matmul: Input operand \d does not have enough dimensions", "matmul"),
    Rule(
        "RuntimeError",
        r"^size mismatch, got input|^inconsistent tensor size|^Expected size for first two dim",
        "matmul",
    ),
    Rule("TypeError", r"^only 0-dimensional arrays can be converted to Python scalars", "one-element"),
    Rule("TypeError", r"^only (length|size)-1 arrays can be converted to Python scalars", "scalar"),
    Rule("ValueError", r"^can only convert an array of size 1|^only one element tensors can be converted", "scalar"),
    Rule("RuntimeError", r"^a Tensor with \d{1,12} elements cannot be converted to Scalar", "scalar"),
    Rule(
        "UFuncTypeError _UFuncOutputCastingError",
        r"^Cannot cast ufunc '(\w{1,30})' output from dtype\('(\w{1,20})'\) to dtype\('(\w{1,20})'\)",
        "in-place-cast",
        lambda m: (
            f"The result of {m[1]} in place is {m[2]} and does not fit into an array of {m[3]}: write "
            "a = a + b instead of a += b, or make the array floating first."
        ),
    ),
    Rule(
        "RuntimeError",
        r"^result type (\w{1,20}) can't be cast to the desired output type (\w{1,20})",
        "in-place-cast",
        lambda m: (
            f"The result in place is {m[1]} and does not fit into a tensor of {m[2]}: write a = a + b instead "
            "of a += b, or make the tensor floating first."
        ),
    ),
    Rule("ValueError", r"^The truth value of an array with more than one element is ambiguous", "truth"),
    Rule("RuntimeError", r"^Boolean value of Tensor with more than one value is ambiguous", "truth"),
    Rule(
        "IndexError",
        r"^index (-?\d{1,12}) is out of bounds for (axis|dimension) (\d{1,2}) with size (\d{1,12})",
        "index",
        _index,
    ),
    Rule("IndexError", r"^\w{1,20} index out of range", "index"),
    Rule("IndexError", r"^too many indices for ", "too-many-indices"),
    Rule(
        "KeyError",
        r"^'(\w{1,40})'$",
        "key",
        lambda m: f"The dictionary has no key '{m[1]}': are all keys spelt as in the text?",
    ),
    Rule("KeyError", "", "key"),
    Rule("NameError", r"^name '(?:np|numpy)' is not defined", "numpy-import"),
    Rule("NameError", r"^name 'torch' is not defined", "torch-import"),
    Rule("NameError", rf"^name '({_NAME})' is not defined", "name", _unknown_name),
    Rule("NameError", "", "name"),
    Rule("UnboundLocalError", "", "unset"),
    Rule("AttributeError TypeError", r"\bNoneType\b", "none"),
    Rule(
        "TypeError",
        rf"({_NAME})\(\) got an unexpected keyword argument '({_NAME})'",
        "arguments",
        lambda m: f"{m[1]}() has no parameter {m[2]}: is it misspelt, or the parameter of another function?",
    ),
    Rule(
        "TypeError",
        rf"({_NAME})\(\) (?:missing \d{{1,3}} required|takes |got multiple values for argument)",
        "arguments",
        lambda m: (
            f"{m[1]}() is called with other arguments than it has parameters: keep the parameters of the text in "
            "their order."
        ),
    ),
    Rule("ZeroDivisionError", "", "division"),
    Rule("RecursionError", "", "recursion"),
    Rule("AssertionError", "", "assert"),
    Rule(
        "ValueError",
        rf"^cannot reshape array of size (\d{{1,12}}) into shape ({_SHAPE})",
        "reshape",
        lambda m: (
            f"An array of {m[1]} elements cannot be reshaped to {_shape(_sizes(m[2]))}, which has another number "
            "of elements."
        ),
    ),
    Rule("RuntimeError", r"^shape '\[[-\d, ]{0,60}\]' is invalid for input of size \d{1,12}", "reshape"),
    Rule(
        "AxisError",
        r"^axis (-?\d{1,4}) is out of bounds for array of dimension (\d{1,2})",
        "axis",
        lambda m: (
            f"Axis {m[1]} is asked for, and the array has {m[2]} {'axis' if m[2] == '1' else 'axes'}, numbered from 0."
        ),
    ),
    Rule("IndexError", r"^Dimension out of range", "axis"),
    Rule("ModuleNotFoundError", "", "module"),
    Rule(
        "RuntimeError",
        r"^expected m1 and m2 to have the same dtype, but got: (\w{1,20}) != (\w{1,20})"
        r"|^expected scalar type (\w{1,20}) but found (\w{1,20})",
        "torch-dtype",
        lambda m: (
            f"One tensor is {m[1] or m[3]} and the other {m[2] or m[4]}: bring one to the other's dtype with "
            ".to(other.dtype)."
        ),
    ),
    Rule("TypeError", r"\(\): argument '\w{1,30}' \(position \d{1,2}\) must be Tensor, not ", "not-a-tensor"),
    Rule("AttributeError", r"^'Tensor' object has no attribute ", "tensor-method"),
    Rule(
        "RuntimeError",
        r"^a (view of a )?leaf Variable that requires grad is being used in an in-place",
        "in-place-leaf",
    ),
    Rule("RuntimeError", r"has been modified by an inplace operation", "in-place-graph"),
    Rule("RuntimeError", r"^element 0 of tensors does not require grad", "no-gradient"),
    Rule("RuntimeError", r"^Can't call numpy\(\) on Tensor that requires grad", "tensor-to-numpy"),
)
