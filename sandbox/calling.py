"""One call of a student's function: its arguments made from a frame, what it returned, and what it changed.

Runs in the child of a box, and in a process of the student's own.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.decoder import decode
from sandbox.sides import BoxSide
from sandbox.wire import Frame


def answered(
    function: Callable[..., Any],
    frame: Frame,
    before: Mapping[str, Any],
    side: BoxSide,
    gradients: Callable[..., Any] | None,
) -> tuple[Any, list[str]]:
    """Return what a function returns, or its gradients when the frame asks for them, and the arguments that it changed.

    `before` are the arguments as `Originals` reads them from the frame.
    """
    function = accepting(function, before)
    given = decode(frame, side)
    arguments, process = given["arguments"], os.getpid()
    if given["dout"] is None or gradients is None:
        value = function(**arguments)
    else:
        value = gradients(function, arguments, given["dout"], given["wrt"])
    if os.getpid() != process:
        os._exit(0)  # the function forked, and this is the copy
    return value, [name for name, original in before.items() if not side.unchanged(original, arguments[name])]


def accepting(function: Callable[..., Any], names: Iterable[str]) -> Callable[..., Any]:
    """Return what takes the arguments by name: by position where the student renamed a parameter."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return function
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    if takes_any or all(name in parameters for name in names):
        return function
    return lambda **arguments: function(*arguments.values())
