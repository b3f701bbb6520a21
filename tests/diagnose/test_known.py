"""Hints: a known mistake is named only when it alone explains every answer."""

from dataclasses import replace

import numpy as np

from grader.diagnose import diagnose
from grader.topic import Mistake
from tests import small_course
from tests.small_course import Graded, double, halve, halve_backward, third, undamped

RIGHT = {"halve": halve, "halve_backward": halve_backward}


def hints(**answers):
    graded = Graded({**RIGHT, **answers})
    results = diagnose(graded.plan, graded.results, graded.outcomes, graded.trials)
    return {result.id: result.hint for result in results if result.verdict.value == "fail"}


def test_each_mistake_is_named_on_every_case_that_it_fails():
    assert set(hints(halve=third).values()) == {"Three is too many."}
    assert set(hints(halve=double).values()) == {"The wrong way round."}
    assert hints(halve_backward=undamped) == {
        "halve/small/gradient": "The factor is missing.",
        "halve/single/gradient": "The factor is missing.",
    }


def noisy(x):
    return x * np.random.default_rng(0).standard_normal(x.shape).astype(x.dtype)


def test_another_error_is_not_named():
    assert set(hints(halve=noisy).values()) == {""}


def test_what_no_mistake_explains_can_show_a_pattern():
    assert set(hints(halve=lambda x: x / np.asarray(5, x.dtype)).values()) == {
        "The result is 0.4 times what is expected."
    }


def test_a_mistake_on_some_cases_only_is_not_the_known_one():
    assert set(hints(halve=lambda x: third(x) if len(x) == 2 else halve(x)).values()) == {""}


def test_answers_that_fit_two_mistakes_get_no_hint(monkeypatch):
    def also_third(x):
        return third(x)

    twins = (*small_course.HALVE.mistakes, Mistake(also_third, "The same again."))
    monkeypatch.setitem(small_course.TOPICS, "halve", replace(small_course.HALVE, mistakes=twins))
    assert set(hints(halve=third).values()) == {"The result is 0.6667 times what is expected."}
    assert set(hints(halve=double).values()) == {"The wrong way round."}


def test_a_mistake_that_raises_explains_nothing(monkeypatch):
    def raises(x):
        raise ValueError

    broken = (Mistake(raises, "Never."), *small_course.HALVE.mistakes)
    monkeypatch.setitem(small_course.TOPICS, "halve", replace(small_course.HALVE, mistakes=broken))
    assert set(hints(halve=third).values()) == {"Three is too many."}


def test_a_second_mistake_in_another_aspect_does_not_silence_the_first():
    found = hints(halve=lambda x: third(x) if np.abs(x).max() < 1e6 else noisy(x))
    assert found == {
        "halve/small/values": "Three is too many.",
        "halve/single/values": "Three is too many.",
        "halve/large/values": "",
    }
