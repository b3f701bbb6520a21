"""Mutants: every kind of change is made, each compiles, and argument checks are left alone."""

from pathlib import Path

import numpy as np

from grader.verify.mutate import mutants


def clip(x):
    """Clip."""
    if x.ndim == 0:
        raise ValueError("no axes")
    floor = 0.0
    low = np.maximum(x, floor)
    low += 1
    return helper(low) if not (x > 5).any() else -low


def helper(x):
    return x.sum(axis=0, keepdims=True) * 2


def changes():
    return {f"{m.function}: {m.change}" for m in mutants(clip)}


def test_the_kinds_of_change():
    assert {
        "clip: 0.0 -> 1.0",
        "clip: np.maximum -> np.minimum",
        "clip: low += 1 -> low -= 1",
        "clip: low += 1 -> nothing",
        "clip: 1 -> 2",
        "clip: x > 5 -> x >= 5",
        "clip: 5 -> 6",
        "clip: -low -> +low",
        "clip: not (x > 5).any() -> not not (x > 5).any()",
        "helper: x.sum -> x.mean",
        "helper: 0 -> 1",
        "helper: True -> False",
        "helper: x.sum(axis=0, keepdims=True) * 2 -> x.sum(axis=0, keepdims=True) / 2",
        "helper: 2 -> 3",
    } <= changes()


def test_argument_checks_and_docstrings_are_left_alone():
    assert not [change for change in changes() if "ndim" in change or "no axes" in change or "Clip" in change]


def test_a_mutant_of_a_helper_is_called_through_the_function():
    x = np.array([1.0, 2.0])
    answers = {m.change: m.call(x) for m in mutants(clip) if m.function == "helper" and m.change != "0 -> 1"}
    assert answers["2 -> 3"] == 3 * 5
    assert answers["x.sum -> x.mean"] == 2 * 2.5
    assert clip(x) == 2 * 5


def test_lines_are_those_of_the_file():
    lines = Path(__file__).read_text().splitlines()
    assert all(mutant.change.split(" -> ")[0] in lines[mutant.line - 1] for mutant in mutants(clip))
