"""What a Stopwatch makes of races: which box a timing rests on, and what may not cost points."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from grader.model import Band, Pace, Submission
from grader.timing.contender import BoxLost, NotTimed
from grader.timing.estimate import Estimate
from grader.timing.measure import Stopwatch
from grader.timing.race import Round
from sandbox.base import Source
from sandbox.fake import FakeSandbox
from tests.timing.conftest import COURSE

BAND = Band(full=2, none=50)
STEADY = Estimate(1.0, 0.99, 1.01)


def rounds(ratio: float, count: int = 11) -> list[Round]:
    return [Round(ratio * (1 + i / 1000), 1.0) for i in range(count)]


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stopwatch whose races are scripted: one list of rounds, or an exception, for each."""
    script = SimpleNamespace(races=[], growth=None)

    def answer(outcome: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(Stopwatch, "_race", lambda *_: answer(script.races.pop(0)))
    monkeypatch.setattr(Stopwatch, "_growth", lambda *_: answer(script.growth))
    monkeypatch.setattr(Stopwatch, "_self_test", lambda *_: STEADY)
    submission = Submission("student", "", (), (), {}, {}, ())
    script.watch = Stopwatch(FakeSandbox({}), COURSE, {}, submission, Source(()), "secret")
    return script


def timing(script: SimpleNamespace, *races: object):
    script.races = list(races)
    (found,) = script.watch.times({"product": BAND})
    return found


def test_what_is_fast_earns_all(stopwatch):
    found = timing(stopwatch, rounds(1.1))
    assert (found.pace, found.share, len(found.rounds)) == (Pace.FULL, 1.0, 11)


def test_growth_that_cannot_be_measured_costs_nothing(stopwatch):
    stopwatch.growth = NotTimed("a timed call does not end within 20 s")
    found = timing(stopwatch, rounds(1.1))
    assert (found.pace, found.share, found.growth) == (Pace.FULL, 1.0, None)


def test_a_slow_function_is_shown_by_the_box_that_the_points_come_from(stopwatch):
    found = timing(stopwatch, rounds(10.0), rounds(6.0, 12))
    assert found.pace is Pace.SLOW and found.ratio == pytest.approx(6.0, rel=0.01)
    assert found.rounds == tuple(round_.ratio for round_ in rounds(6.0, 12))


def test_a_function_that_cannot_be_timed_earns_nothing(stopwatch):
    found = timing(stopwatch, NotTimed("its answers are wrong"))
    assert (found.pace, found.share) == (Pace.SLOW, 0.0) and "its answers are wrong" in found.reason


def test_a_box_that_is_lost_once_is_replaced(stopwatch):
    assert timing(stopwatch, BoxLost("gone"), rounds(1.0)).pace is Pace.FULL
    assert timing(stopwatch, BoxLost("gone"), BoxLost("gone")).share == 0.0
