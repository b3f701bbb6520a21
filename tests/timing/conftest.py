"""Timings of a submission's text on each backend, beside the reference of a small course."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.course import load_course
from grader.model import Band, Definition, Location, Submission, Timing
from grader.timing.boxes import variation
from grader.timing.estimate import Estimate
from grader.timing.measure import Effort, Stopwatch
from sandbox.base import Chunk, Module, Sandbox, Source
from tests.sandbox.conftest import make

COURSE = Path(__file__).with_name("course")
BAND = Band(full=2, none=50)
# Eleven rounds are the fewest that put both ends on an interval.
EFFORT = Effort(few=11, fewest=10, most=11)

Timed = Callable[..., Timing]


@pytest.fixture(scope="session", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def backend(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    sandbox = make(request.param, "numpy")
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session")
def steady() -> Iterator[None]:
    """Judge on noisy machines too, and leave out what these tests do not look at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stopwatch, "_self_test", lambda *_: Estimate(1.0, 0.99, 1.01))
        patch.setattr(Stopwatch, "_growth", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def timings(backend: Sandbox, steady: None) -> Callable[..., dict[str, Timing]]:
    """Time the functions `names` of a text."""

    def run(text: str, *names: str) -> dict[str, Timing]:
        topics = load_course(COURSE).topics
        places = {name: Definition(name, "hw", Location("hw.py", 1)) for name in names}
        modules = (Module("hw", (Chunk("hw.py", 1, text),)),)
        submission = Submission("student", "0" * 64, ("hw.py",), modules, places, {}, ())
        source = Source((*modules, *variation(topics.values())))
        stopwatch = Stopwatch(backend, COURSE, topics, submission, source, "secret", EFFORT)
        return {timing.function: timing for timing in stopwatch.times(dict.fromkeys(names, BAND))}

    return run


@pytest.fixture(scope="session")
def timed(timings: Callable[..., dict[str, Timing]]) -> Timed:
    return lambda text: timings(text, "product")["product"]
