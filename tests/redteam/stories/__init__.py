"""All stories, category by category."""

from __future__ import annotations

from tests.redteam.stories import (
    archives,
    errors,
    escape,
    forging,
    load,
    memory,
    outputs,
    processes,
    resources,
    shadowing,
    time,
)
from tests.redteam.story import Story

STORIES: tuple[Story, ...] = (
    *time.STORIES,
    *memory.STORIES,
    *processes.STORIES,
    *load.STORIES,
    *resources.STORIES,
    *escape.STORIES,
    *forging.STORIES,
    *outputs.STORIES,
    *errors.STORIES,
    *shadowing.STORIES,
    *archives.STORIES,
)
