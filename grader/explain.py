"""Exceptions in plain words: one sentence for those that students meet most, from what NumPy, torch and Python say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from grader.explanations import RULES

# No message worth explaining is longer, and a student may raise anything.
MESSAGE_LIMIT = 500


class Explanation(NamedTuple):
    """A stable word for what went wrong, and a sentence for the student with no more than short parts of the message.

    `outline` says it without any part of the message, which could spell out the inputs of a hidden case.
    """

    diagnosis: str
    sentence: str
    outline: str


OUTLINES: Mapping[str, str] = MappingProxyType(
    {
        "broadcast": "Two arrays of these shapes cannot be combined element by element: compared from the last axis, "
        "sizes must be equal or 1.",
        "matmul": "The inner sizes of a matrix product differ: is a transpose missing, or is * meant?",
        "scalar": "An array stands where a single number is needed: index it, or reduce it first.",
        "one-element": "float() and int() no longer take an array of one element since NumPy 2.4: use .item(), "
        "or index it.",
        "in-place-cast": "An operation in place cannot change the dtype of its array: write a = a + b instead of "
        "a += b, or make the array floating first.",
        "truth": "An array has no single truth value: use .any() or .all(), or combine masks with & and | instead of "
        "`and` and `or`.",
        "index": "An index is beyond the end of its axis: indices run from 0 to the size minus 1.",
        "too-many-indices": "There are more indices than axes: does the array have the shape that the text gives?",
        "key": "A dictionary has no such key: are all keys spelt as in the text?",
        "numpy-import": "NumPy has no name here: write `import numpy as np` at the top of the file.",
        "torch-import": "torch has no name here: write `import torch` at the top of the file.",
        "name": "A name is not defined where this line runs: is it misspelt, or set in another function or cell?",
        "unset": "A variable is used before it has a value: is it set in one branch only?",
        "none": "Something on this line is None: does the function that made it end without a `return`?",
        "arguments": "A function is called with other arguments than it has parameters: keep the parameters of the "
        "text in their order.",
        "division": "A number is divided by zero.",
        "recursion": "A function calls itself without end.",
        "assert": "An `assert` of your own code does not hold for this input.",
        "reshape": "An array is reshaped to a shape with another number of elements.",
        "axis": "An axis is named that the array does not have.",
        "module": "A module is imported that is not there: the course needs no more than NumPy and torch.",
        "torch-dtype": "Two tensors have different dtypes: bring one to the other's with .to(other.dtype).",
        "not-a-tensor": "torch is given something that is not a tensor.",
        "tensor-method": "A torch.Tensor has no such attribute: is it NumPy's?",
        "in-place-leaf": "A tensor whose gradient is asked for is changed in place: write a = a + b instead of a += b.",
        "in-place-graph": "A tensor that autograd still needs was changed in place: write a = a + b instead of a += b.",
        "no-gradient": "The result is cut off from autograd: no detach(), .data, item() or torch.no_grad() on the way.",
        "tensor-to-numpy": "A tensor whose gradient is asked for cannot become a NumPy array: stay in torch, or the "
        "gradient is lost.",
    }
)


def explain(error: str, message: str) -> Explanation | None:
    """Return what an exception means, by the name of its class and its message; None for one that is not known.

    Pure, and safe for any text: a rule takes numbers, shapes and short names from the message, and nothing else.
    """
    for rule in RULES:
        if error in rule.errors.split() and (match := re.search(rule.pattern, message[:MESSAGE_LIMIT])):
            outline = OUTLINES[rule.diagnosis]
            return Explanation(rule.diagnosis, rule.told(match) if rule.told else outline, outline)
    return None


def missing_return() -> str:
    """Return the hint for an answer that is None."""
    return "The function returns None: is a `return` missing at its end, or in one of its branches?"
