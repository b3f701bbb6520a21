"""Hints are honest: the mistakes of the whole course go through judging and diagnosis, and so does what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.assignment import assignment_names, load_assignment
from grader.course import load_course
from grader.model import Verdict
from grader.verify.named import Bench

ROOT = Path(__file__).parents[2]
FUNCTIONS = [function.name for function in load_assignment(ROOT, assignment_names(ROOT)).functions]
# A generator that nobody can seed answers otherwise every time: the broken property says it, and no name is needed.
UNSEEDED = "generator_of_its_own"


@pytest.fixture(scope="module")
def benches():
    course = load_course(ROOT, FUNCTIONS)
    return {name: (topic, Bench(topic, "another secret")) for name, topic in course.topics.items()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_mistake_is_named_and_none_is_taken_for_another(benches, name):
    topic, bench = benches[name]
    found = {mistake.name: bench.diagnoses(mistake) for mistake in topic.mistakes}
    expected = {name: frozenset({name} if name != UNSEEDED else set()) for name in found}
    assert found == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_answers_have_full_marks_and_no_hint(benches, name):
    topic, bench = benches[name]
    for right in (topic.forward, *topic.alternates):
        results = bench.results(right)
        assert {(result.verdict, result.diagnosis, result.hint) for result in results} == {(Verdict.PASS, "", "")}
