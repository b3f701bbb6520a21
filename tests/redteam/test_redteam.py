"""Hostile and broken submissions against the whole grader: each costs what it may cost, and nothing else."""

from __future__ import annotations

import pytest

from sandbox.base import Sandbox
from tests.redteam.runner import Yard, complaints
from tests.redteam.stories import STORIES
from tests.redteam.story import Story


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_story(story: Story, backend: Sandbox, yard: Yard, request: pytest.FixtureRequest) -> None:
    if reason := story.never_on.get(backend.name):
        pytest.skip(reason)
    if hole := story.holes.get(backend.name):
        request.applymarker(pytest.mark.xfail(reason=hole, strict=True))
    assert complaints(story, backend, yard) == []


def test_there_are_many_stories_and_each_has_a_name_of_its_own() -> None:
    assert len({story.name for story in STORIES}) == len(STORIES) >= 80
