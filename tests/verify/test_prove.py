"""Proofs: a sound topic has no failures, and each kind of unsoundness is found and named."""

from dataclasses import replace

import numpy as np
import pytest

from grader.topic import Case, Equivalent, Mistake, Properties
from grader.verify.prove import Effort, prove
from tests.small_course import HALVE, NOISE, double, halve, third

QUICK = Effort(alternates=2, mistakes=1, random_reference=3, random_mistakes=2, mutants=1)


def with_multiplication(x):
    return x * x.dtype.type(0.5)


def slightly_off(x):
    return halve(x) * x.dtype.type(1.001)


def also_third(x):
    return third(x)


def right_after_all(x):
    return halve(x)


def crashing(x):
    raise RuntimeError


def failures(**changes):
    return prove(replace(HALVE, **changes), QUICK).failures


def test_a_sound_topic():
    proof = prove(replace(HALVE, alternates=(with_multiplication,)), QUICK)
    assert proof.failures == ()
    assert proof.right_margin < 0.1 < 1 < proof.wrong_margin
    assert proof.mutants > 0
    assert proof.matrix["third"] == ("small", "single", "large")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alternates": (slightly_off,)}, "slightly_off is right and fails 'small'"),
        ({"mistakes": (Mistake(right_after_all, "No."),)}, "passes every case"),
        ({"mistakes": (Mistake(crashing, "No."),)}, "crashing only"),
        ({"mistakes": (Mistake(third, "a"), Mistake(also_third, "b"))}, "third and also_third answer alike"),
        (
            {"cases": (Case("zeros", lambda rng: {"x": np.zeros(3)}, visible=True),), "mistakes": ()},
            "zeros passes every case",
        ),
    ],
)
def test_each_kind_of_unsoundness_is_named(changes, words):
    assert words in "\n".join(failures(**changes))


def squared(x):
    return x * x


def test_mutants_that_survive_are_listed_with_their_line_unless_declared_equivalent():
    ones = (Case("ones", lambda rng: {"x": np.ones(3)}),)
    blind = {"forward": squared, "torch": squared, "backward": None, "cases": ones, "mistakes": (), "alternates": ()}
    (survivor,) = prove(replace(HALVE, **blind), QUICK).survivors
    assert (survivor.function, survivor.change, survivor.reason) == ("squared", "x * x -> x / x", "")
    assert "the mutant x * x -> x / x survives" in "".join(failures(**blind))
    declared = (Equivalent("x * x -> x / x", "only ones come in"),)
    proof = prove(replace(HALVE, **blind, equivalents=declared), QUICK)
    assert proof.survivors[0].reason == "only ones come in"
    assert "mutant" not in "".join(proof.failures)


def test_a_random_reference_that_raises_an_alarm_is_named():
    def picky(inputs, outputs):
        return "too large" if np.size(outputs[0]) == inputs["n"] and np.abs(outputs[0]).max() > 1 else None

    found = prove(replace(NOISE, compare=Properties(picky)), QUICK).failures
    assert "noise is right and fails" in "\n".join(found)


def test_double_is_told_from_third():
    assert not failures(mistakes=(Mistake(third, "a"), Mistake(double, "b")))
