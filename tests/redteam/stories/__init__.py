"""All stories, category by category."""

from __future__ import annotations

from tests.redteam.stories import escape, load, memory, processes, resources, time
from tests.redteam.story import Story

STORIES: tuple[Story, ...] = (
    *time.STORIES,
    *memory.STORIES,
    *processes.STORIES,
    *load.STORIES,
    *resources.STORIES,
    *escape.STORIES,
)
