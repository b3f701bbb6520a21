"""A whole grade on a card, on the wall's clock, with a stand-in for the card: no GPU was there, in CI or anywhere else.

The stand-in takes 0.2 ms for each operation, and none of it is CPU time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.course import load_course
from grader.model import Definition, Location, Pace, Submission, Timing, Verdict
from grader.pipeline import Request, grade, prepare
from grader.timing.boxes import variation
from grader.timing.measure import Stopwatch
from sandbox.base import Chunk, Module, Sandbox, Source
from tests.sandbox.conftest import make, stand_in
from tests.timing.conftest import BAND, COURSE, EFFORT

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parent.parent.parent
SAME = "def product(x, w):\n    return x @ w\n"
LONG = """
def product(x, w):
    y = x @ w
    for _ in range(60):
        y = y.clone()
    return y
"""
SLEEPS = """
import time

def product(x, w):
    time.sleep(0.05)
    return x @ w
"""
WRONG = "def product(x, w):\n    return (x @ w).tril()\n"


@pytest.fixture(scope="module")
def card() -> Iterator[Sandbox]:
    with stand_in():
        made = make("process", "torch", "cuda")
        yield made
        made.close()


@pytest.fixture(scope="module")
def timed(card: Sandbox, steady: None) -> Callable[[str], Timing]:
    def run(text: str) -> Timing:
        topics = load_course(COURSE).topics
        modules = (Module("hw", (Chunk("hw.py", 1, text),)),)
        places = {"product": Definition("product", "hw", Location("hw.py", 1))}
        submission = Submission("student", "0" * 64, ("hw.py",), modules, places, {}, ())
        source = Source((*modules, *variation(topics.values())), "torch")
        stopwatch = Stopwatch(card, COURSE, topics, submission, source, "secret", EFFORT, "cuda")
        (timing,) = stopwatch.times({"product": BAND})
        return timing

    return run


def test_the_references_own_code_keeps_its_share(timed: Callable[[str], Timing]) -> None:
    timing = timed(SAME)
    assert timing.ratio is not None and timing.share == 1.0, timing


@pytest.mark.parametrize("text", [LONG, SLEEPS], ids=["more work for the card", "sleep"])
def test_what_takes_longer_on_the_wall_shows_whatever_the_ledger_says(
    timed: Callable[[str], Timing], text: str
) -> None:
    timing = timed(text)
    # On a busy machine it stays unclear by how much, which costs nothing.
    assert timing.pace in (Pace.SLOW, Pace.UNSTABLE) and timing.ratio is not None and timing.ratio > BAND.full, timing
    assert "the reference's time" in timing.reason and "CPU" not in timing.reason


def test_answers_are_checked_there_too(timed: Callable[[str], Timing]) -> None:
    timing = timed(WRONG)
    assert timing.share == 0.0 and "answers to timed calls are wrong" in timing.reason


def test_a_submission_is_graded_on_the_device_and_the_report_names_it(card: Sandbox) -> None:
    """Values, gradients, purity and speed, by the stages that grade on the CPU."""
    functions = ("softmax", "affine_forward")
    request = Request(ROOT / "examples" / "torch", ROOT, (), functions, "torch", "", True, "cuda")
    report = grade(prepare(request), card)
    checks = [check for function in report.functions for check in function.checks]
    assert report.device == "cuda" and report.outcome == "graded"
    assert {check.kind for check in checks} >= {"values", "gradient", "purity", "speed"}
    assert [check for check in checks if check.verdict is not Verdict.PASS and check.kind != "speed"] == []
