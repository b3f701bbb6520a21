"""Check the shapes of a function's arguments in one line: for references, in NumPy and torch alike."""

from __future__ import annotations

from typing import Any


def check_shapes(**arguments: tuple[Any, str]) -> None:
    """Check that arrays have the shapes that their patterns say and that equal letters are equal sizes.

    Each argument is `name=(array, pattern)`, for example `X=(X, "N D"), W=(W, "D K"), b=(b, "K")`. A pattern's words
    are sizes: a name that must be the same wherever it stands, a number, or a leading `...` for any axes. Raises
    ValueError that names the arguments with their shapes.
    """
    sizes: dict[str, tuple[int, str]] = {}
    for name, (array, pattern) in arguments.items():
        shape, words = tuple(getattr(array, "shape", ())), pattern.split()
        if words[:1] == ["..."]:
            words = words[1:]
            axes = shape[len(shape) - len(words) :] if len(shape) >= len(words) else None
        else:
            axes = shape if len(shape) == len(words) else None
        if axes is None:
            raise ValueError(f"{name} has shape {shape}; ({pattern.replace(' ', ', ')}) is expected")
        for word, size in zip(words, axes, strict=True):
            wanted, owner = (int(word), "") if word.isdigit() else sizes.setdefault(word, (size, name))
            if size != wanted:
                other = f" and {owner} {tuple(arguments[owner][0].shape)}" if owner else ""
                raise ValueError(f"{name} {shape}{other} do not fit: {word} is {size} and must be {wanted}")
