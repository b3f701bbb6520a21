"""What the boxes of a race hold: the reference's own source for one of them, the way inputs vary for all."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import grader.shapes
from grader.topic import Topic
from sandbox.base import Chunk, Function, Module

VARY = "_speed"
# Topics name cases, mistakes and policies beside their functions; to run the functions none of them is needed.
AUTHORS_NAMES = """
class Anything:
    def __init__(self, *arguments, **named):
        pass

def __getattr__(name):
    return Anything
"""


def variation(topics: Iterable[Topic]) -> tuple[Module, ...]:
    """Return the module that holds how the inputs of each timed topic vary; empty when none is timed."""
    sources = [inspect.getsource(topic.speed.vary) for topic in topics if topic.speed is not None]
    text = "\n\n".join(["import numpy as np", *dict.fromkeys(sources)])
    return (Module(VARY, (Chunk("(the course)", 1, text),)),) if sources else ()


def vary(topic: Topic) -> Function:
    """Return the name in the box of what varies a topic's inputs."""
    assert topic.speed is not None  # noqa: S101 - the caller times timed topics only
    return Function(VARY, topic.speed.vary.__name__)


def references(course: Path, topics: Mapping[str, Topic]) -> tuple[Module, ...]:
    """Return the modules of a box that runs the references themselves: the course's files, and what they import."""
    return (*_files(course / "reference"), *_engine(), *variation(topics.values()))


def reference_module(topic: Topic) -> str:
    """Return the module in the reference's box that defines a topic's functions."""
    return "reference." + ".".join(topic.forward.__module__.split(".")[-2:])


def _files(root: Path) -> Iterator[Module]:
    yield Module("reference", (), package=True)
    for path in sorted(root.glob("*/*.py")):
        name = ".".join(("reference", *path.relative_to(root).with_suffix("").parts))
        yield Module(name, (Chunk(path.name, 1, path.read_text(encoding="utf-8")),))


def _engine() -> Iterator[Module]:
    yield Module("grader", (Chunk("grader", 1, AUTHORS_NAMES),), package=True)
    yield Module("grader.shapes", (Chunk("shapes.py", 1, inspect.getsource(grader.shapes)),))
