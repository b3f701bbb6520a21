"""Patterns that need no list of mistakes: the answer is the expected one's transpose, its double, its mirror image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from grader.diagnose.evidence import Answer, Diagnosis, Pair, pairs
from grader.diagnose.scales import scale

Pattern = Callable[[Pair], np.ndarray | None]


def recognise(answers: Sequence[Answer]) -> Diagnosis | None:
    """Return the pattern that every wrong answer shows in the same results, the right ones being no contradiction."""
    found: dict[str, Diagnosis] = {}
    wrong = [pairs(answer) for answer in answers if answer.wrong]
    if not wrong or not all(wrong):
        return None
    for position, first in enumerate(wrong[0]):
        seen = [row[position] for row in wrong if len(row) > position and row[position].wrong]
        if not seen:
            continue
        one = _one(seen)
        if one is None:
            return None
        name = first.name.replace("the result", "The result") if first.name.startswith("the ") else first.name
        found.setdefault(one.word, Diagnosis(one.word, one.hint.format(name=name)))
    return next(iter(found.values())) if len(found) == 1 else None


def _one(seen: Sequence[Pair]) -> Diagnosis | None:
    if not any(_tells(pair) for pair in seen):
        return None
    for word, hint, change in PATTERNS:
        if all(_shows(pair, change) for pair in seen):
            return Diagnosis(word, hint)
    return scale(seen)


def _tells(pair: Pair) -> bool:
    """Return whether agreement with a changed answer can be no accident: enough numbers that are not all alike."""
    return pair.want.size >= 3 and np.unique(pair.want[np.isfinite(pair.want)]).size >= 2


def _shows(pair: Pair, change: Pattern) -> bool:
    with np.errstate(all="ignore"):
        candidate = change(pair)
    return candidate is not None and pair.agrees(np.asarray(candidate))


def _transposed(pair: Pair) -> np.ndarray | None:
    return pair.want.T if pair.want.ndim == 2 else None


def _mirrored(pair: Pair) -> np.ndarray | None:
    return pair.want[::-1] if pair.want.ndim == 1 else None


def _reshaped(pair: Pair) -> np.ndarray | None:
    same = pair.want.size == pair.got.size and pair.want.shape != pair.got.shape
    return pair.want.reshape(pair.got.shape) if same else None


def _in_order(pair: Pair) -> np.ndarray | None:
    """Return the expected numbers in the order of the student's, if they are the same numbers."""
    a, b = pair.want.ravel(), pair.got.ravel()
    if a.size != b.size or not np.isfinite(b).all():
        return None
    changed = np.empty(a.shape, a.dtype)
    changed[np.argsort(b, kind="stable")] = np.sort(a)
    return changed.reshape(pair.got.shape)


def _sorted(pair: Pair) -> np.ndarray | None:
    return np.sort(pair.want) if pair.want.ndim == 1 else None


def _sorted_down(pair: Pair) -> np.ndarray | None:
    return np.sort(pair.want)[::-1] if pair.want.ndim == 1 else None


def _one_too_few(pair: Pair) -> np.ndarray | None:
    return pair.want[:-1] if pair.want.ndim else None


def _rolled(steps: int) -> Pattern:
    def roll(pair: Pair) -> np.ndarray | None:
        for axis in range(pair.want.ndim):
            if pair.agrees(moved := np.roll(pair.want, steps, axis)):
                return moved
        return None

    return roll


def _right_inside(pair: Pair) -> np.ndarray | None:
    """Return the expected images with the student's border, if there is an inside."""
    if pair.want.ndim != 4 or pair.want.shape != pair.got.shape or min(pair.want.shape[1:3]) < 3:
        return None
    mixed = pair.got.copy()
    mixed[:, 1:-1, 1:-1] = pair.want[:, 1:-1, 1:-1]
    return mixed


# The first that holds in every wrong answer is named: the special before the general.
PATTERNS: tuple[tuple[str, str, Pattern], ...] = (
    ("transposed", "{name} is the transpose of what is expected: rows and columns are swapped.", _transposed),
    ("negated", "{name} has the wrong sign everywhere.", lambda pair: -pair.want.astype(float)),
    ("off-by-one", "{name} is too large by 1 everywhere.", lambda pair: pair.want.astype(float) + 1),
    ("off-by-one", "{name} is too small by 1 everywhere.", lambda pair: pair.want.astype(float) - 1),
    ("complement", "{name} is 1 minus what is expected.", lambda pair: 1 - pair.want.astype(float)),
    (
        "squared",
        "{name} is the square of what is expected: is a root missing?",
        lambda pair: pair.want.astype(float) ** 2,
    ),
    ("rooted", "{name} is the square root of what is expected: is a square missing?", lambda pair: np.sqrt(pair.want)),
    ("logarithm", "{name} is the logarithm of what is expected.", lambda pair: np.log(pair.want)),
    ("exponential", "{name} is exp of what is expected: is a logarithm missing?", lambda pair: np.exp(pair.want)),
    ("reciprocal", "{name} is 1 divided by what is expected.", lambda pair: 1 / pair.want.astype(float)),
    (
        "absolute",
        "{name} lost its signs: it is the absolute value of what is expected.",
        lambda pair: np.abs(pair.want),
    ),
    ("reversed", "{name} has the right numbers in reverse order.", _mirrored),
    ("sorted", "{name} is sorted, and the order of the expected numbers is another.", _sorted),
    ("sorted", "{name} is sorted downwards, and the order of the expected numbers is another.", _sorted_down),
    ("shape", "{name} has the right numbers in the wrong shape.", _reshaped),
    ("shifted", "{name} is shifted by one place along an axis.", _rolled(1)),
    ("shifted", "{name} is shifted by one place along an axis.", _rolled(-1)),
    ("order", "{name} has the right numbers in the wrong order.", _in_order),
    ("too-few", "{name} is right but for its end: the last one is missing.", _one_too_few),
    (
        "border",
        "{name} is right inside and wrong at the border: look at the padding and at the first and last positions.",
        _right_inside,
    ),
)
