"""Races on a scripted session: what is booked where, what is compared, and whose fault it is."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grader.timing.contender import BoxLost, Contender, NotTimed
from grader.timing.race import AGREEMENT, FEWEST_CALLS, MOST_CALLS, WARM_UPS, Race, agree
from sandbox.base import (
    Block,
    Call,
    Crashed,
    Function,
    Missing,
    OutOfMemory,
    Raised,
    Refused,
    Reply,
    SandboxUnavailable,
    TimedOut,
    Values,
)
from sandbox.bench import NO_BASE

VARY = Function("_speed", "vary")
IDLE_S, IDLE_CALL_S = 0.0005, 0.0001


class Scripted:
    """A session whose clock moves by what its script says that a call costs, and by what is left for later."""

    def __init__(self, cost: Callable[[int], float] = lambda number: 0.001, error: float = 0.0) -> None:
        self.cost, self.error = cost, error
        self.now = self.late = 0.0
        self.blocks: list[Block] = []
        self.replies: dict[str, Reply] = {}
        self._numbers = itertools.count()
        self._seed = self._repeat = 0

    def call(self, call: Call, deadline_s: float) -> Reply:
        block = call.block
        assert block is not None
        self.blocks.append(block)
        if block.step in self.replies:
            return self.replies[block.step]
        if block.step == "project":
            return Values([self._answer(block.seed + i, i) for i in range(self._repeat)])
        if block.step != "base":
            self._seed, self._repeat = block.seed, block.repeat
            self.now += IDLE_S + IDLE_CALL_S * block.repeat
        if block.step == "run":
            self.now += sum(self.cost(next(self._numbers)) for _ in range(block.repeat))
        return Values(None)

    def cpu_seconds(self) -> float:
        now, self.now, self.late = self.now, self.now + self.late, 0.0
        return now

    def close(self) -> None:
        pass

    def steps(self, step: str) -> list[Block]:
        return [block for block in self.blocks if block.step == step]

    def _answer(self, projection: int, index: int) -> list[float]:
        """Return what a function would give whose answer is a vector of four numbers of the call's own."""
        answer = np.random.default_rng([self._seed % 1000, index]).random(4)
        vector = np.random.default_rng(projection).standard_normal(4)
        return [4.0, float(np.linalg.norm(answer)), float(answer @ vector) + self.error]


def contender(session: Scripted, **options: Any) -> Contender:
    return Contender(session, "hw", "f", VARY, 5.0, **options)


def race(student: Scripted, reference: Scripted, precision: str = "float64") -> Race:
    return Race(contender(student), contender(reference, trusted=True), {"x": np.ones(3)}, precision)


def ratios(student: Scripted, reference: Scripted, rounds: int = 12) -> list[float]:
    run = race(student, reference)
    for _ in range(rounds):
        run.round()
    return [round_.ratio for round_ in run.finish()]


# --- what a lap costs --------------------------------------------------------------------------------------------


def test_a_lap_is_booked_when_the_next_begins() -> None:
    session = Scripted(lambda number: 0.25)
    side = contender(session)
    side.lap(seed=1, repeat=2, projection=5)
    assert side.costs == []
    session.now += 3.0  # a thread goes on
    side.lap(seed=2, repeat=1, projection=6)
    assert side.costs == [pytest.approx(3.5, abs=0.01)]
    side.settle()
    side.settle()
    assert side.costs[1:] == [pytest.approx(0.25, abs=0.01)]


def test_nothing_runs_unpaid_between_two_laps() -> None:
    session = Scripted(lambda number: 0.25)
    side = contender(session)
    side.lap(seed=1, repeat=1, projection=5)
    session.late = 1.0  # right after the reading that closes the first lap
    side.lap(seed=2, repeat=1, projection=6)
    side.settle()
    assert sum(side.costs) == pytest.approx(1.5, abs=0.01)


def test_the_base_is_not_on_anybodys_bill_but_what_was_left_behind_is() -> None:
    session = Scripted(lambda number: 0.25)
    side = contender(session)
    side.lap(seed=1, repeat=1, projection=5)
    session.now += 1.0
    side.base({"x": np.ones(2)})
    session.now += 7.0
    side.lap(seed=2, repeat=1, projection=6)
    side.settle()
    assert side.costs == [pytest.approx(1.25, abs=0.01), pytest.approx(0.25, abs=0.01)]


def test_the_projection_is_asked_for_when_the_results_exist() -> None:
    session = Scripted()
    contender(session).lap(seed=11, repeat=3, projection=77)
    run, project = session.blocks
    assert (run.step, run.seed, run.repeat) == ("run", 11, 3)
    assert (project.step, project.seed) == ("project", 77)


# --- rounds ------------------------------------------------------------------------------------------------------


def test_idling_is_subtracted() -> None:
    """A call costs as much as the idling around it, and still the ratio is that of the calls alone."""
    found = ratios(Scripted(lambda number: 0.0003), Scripted(lambda number: 0.0001))
    assert found == pytest.approx([3.0] * 12, rel=0.02)


def test_blocks_are_fitted_to_the_cost_of_a_call() -> None:
    student, reference = Scripted(lambda number: 0.1), Scripted(lambda number: 1e-5)
    ratios(student, reference, rounds=3)
    assert {block.repeat for block in student.steps("run")[WARM_UPS:]} == {FEWEST_CALLS}
    assert min(block.repeat for block in reference.steps("run")[WARM_UPS:]) >= MOST_CALLS * 3 // 4


def test_no_call_goes_unverified() -> None:
    """A student's function that seems much faster makes no more calls than there are answers to compare with."""
    student, reference = Scripted(lambda number: 1e-5), Scripted(lambda number: 0.003)
    ratios(student, reference)
    pairs = zip(student.steps("run"), reference.steps("run"), strict=False)
    assert all(mine.repeat <= theirs.repeat for mine, theirs in pairs)


def test_both_get_the_same_seeds_and_no_two_rounds_do() -> None:
    student, reference = Scripted(), Scripted()
    ratios(student, reference)
    seeds = [[block.seed for block in side.steps("run")] for side in (student, reference)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == len(seeds[0]) == WARM_UPS + 2 * 12  # there and back
    projections = [block.seed for block in student.steps("project")]
    assert len(set(projections)) == len(projections)


def test_the_order_is_random() -> None:
    order: list[str] = []
    student, reference = Scripted(lambda number: 0.02), Scripted(lambda number: 0.02)
    for name, side in (("student", student), ("reference", reference)):
        side.cost = lambda number, name=name: order.append(name) or 0.02  # type: ignore[func-returns-value,misc]
    ratios(student, reference, rounds=40)
    firsts = order[2 * WARM_UPS :: 2 * FEWEST_CALLS]
    assert set(firsts) == {"student", "reference"}


def test_rounds_are_known_once_something_else_begins() -> None:
    student, reference = Scripted(), Scripted()
    run = race(student, reference)
    run.round()
    assert run.rounds() == []
    run.round()
    assert len(run.rounds()) == 1
    assert len(run.finish()) == len(run.finish()) == 2


@pytest.mark.parametrize("period", [2, 3])
def test_what_is_slow_now_and_then_shows_in_the_ratio(period: int) -> None:
    """Fast calls between slow ones do not make a quartile of fast rounds."""
    slow = Scripted(lambda number: 0.0001 if number % period else 0.01 * period)
    found = ratios(slow, Scripted(lambda number: 0.001), rounds=20)
    assert statistics.quantiles(found, n=4)[0] > (7 if period == 2 else 4)


@pytest.mark.parametrize(("first", "then"), [(0.001, 0.008), (0.008, 0.001)])
def test_the_warm_up_does_not_count(first: float, then: float) -> None:
    changing = Scripted(lambda number: first if number < WARM_UPS else then)
    found = ratios(changing, Scripted(lambda number: 0.001))
    assert found == pytest.approx([1000 * then] * 12, rel=0.01)


def test_a_round_without_a_positive_cost_has_no_ratio() -> None:
    found = ratios(Scripted(lambda number: 0.0), Scripted(lambda number: 0.001))
    assert all(math.isnan(ratio) or abs(ratio) < 1e-6 for ratio in found)


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [1.0, 1e-6, math.nan, math.inf, -math.inf])
def test_a_wrong_projection_ends_the_race(error: float) -> None:
    with pytest.raises(NotTimed, match="answers to timed calls are wrong"):
        race(Scripted(error=error), Scripted())


def test_answers_may_go_wrong_later() -> None:
    student = Scripted()
    run = race(student, Scripted())
    run.round()
    student.error = 0.5
    with pytest.raises(NotTimed, match="wrong"):
        run.round()


@pytest.mark.parametrize(("precision", "allowed"), AGREEMENT.items())
def test_answers_agree_within_the_rounding_of_their_precision(precision: str, allowed: float) -> None:
    """The error is one of a projection, and the norm of the answer the unit."""
    norm = 7.0
    for factor in (0.9, -0.9):
        assert agree([[9.0, 0.0, 1.0 + factor * allowed * norm]], [[9.0, norm, 1.0]], allowed)
    for factor in (1.1, -1.1):
        assert not agree([[9.0, 1e9, 1.0 + factor * allowed * norm]], [[9.0, norm, 1.0]], allowed)


def test_half_the_precision_does_not_agree() -> None:
    """Arithmetic in the next smaller type is seen, a different order of the same sums is not."""
    rng = np.random.default_rng(0)
    for precision, coarser in (("float64", "float32"), ("float32", "float16")):
        a, b = (rng.standard_normal((96, 96)).astype(precision) for _ in range(2))
        exact, shuffled = a @ b, a[:, ::-1] @ b[::-1]
        coarse = a.astype(coarser) @ b.astype(coarser)
        verdicts = []
        for answer in (shuffled, coarse):
            rows = []
            for _ in range(30):
                vector = rng.choice([-1.0, 1.0], exact.size)
                mine, theirs = (x.reshape(-1).astype("f8") for x in (answer, exact))
                rows.append(([1.0, 0.0, float(mine @ vector)], [1.0, float(np.linalg.norm(theirs)), theirs @ vector]))
            verdicts.append(agree(*map(list, zip(*rows, strict=True)), AGREEMENT[precision]))
        assert verdicts == [True, False], precision


def test_answers_of_other_sizes_or_numbers_do_not_agree() -> None:
    right = [[4.0, 2.0, 1.0]]
    assert agree(right, right, 1e-8)
    assert not agree([[5.0, 2.0, 1.0]], right, 1e-8)
    assert not agree([[4.0, 2.0, 1.0] * 2], right, 1e-8)
    assert not agree([[]], right, 1e-8)
    assert not agree([*right, *right], right, 1e-8), "nobody has checked the second"
    assert agree(right, [*right, *right], 1e-8), "a slower function makes fewer calls"


@pytest.mark.parametrize(
    "value",
    [None, [], [[1.0]], [[1.0], [2]], [[1.0], (2.0,)], [[1.0], ["2"]], ([1.0], [2.0]), {"0": [1.0]}, [[1.0], [True]]],
)
def test_answers_in_another_form_are_refused(value: Any) -> None:
    session = Scripted()
    session.replies["project"] = Values(value)
    with pytest.raises(NotTimed, match="something else"):
        contender(session).lap(seed=1, repeat=2, projection=3)


def test_projections_that_do_not_come_in_threes_are_wrong_and_no_error_of_ours() -> None:
    student = Scripted()
    student.replies["project"] = Values([[1.0, 2.0]])
    with pytest.raises(NotTimed, match="wrong"):
        race(student, Scripted())


# --- whose fault it is -------------------------------------------------------------------------------------------

FAILURES = [
    (TimedOut(5.0), "does not end within 5 s"),
    (OutOfMemory(1), "runs out of memory"),
    (Raised("ValueError", "no"), "raises ValueError: no"),
    (Refused(NO_BASE), "leaves threads or processes behind"),
    (Refused("a lazy object"), "fails: a lazy object"),
    (Crashed("exited"), "fails: exited"),
    (Missing("no f"), "fails: no f"),
]


@pytest.mark.parametrize(("reply", "told"), FAILURES)
@pytest.mark.parametrize("step", ["base", "run", "project"])
def test_a_failure_in_a_timed_call_is_the_functions_own(reply: Reply, told: str, step: str) -> None:
    student = Scripted()
    student.replies[step] = reply
    with pytest.raises(NotTimed, match=told) as caught:
        race(student, Scripted())
    assert not isinstance(caught.value, BoxLost)


def test_ending_the_box_does_not_pass_for_a_fault_of_ours() -> None:
    student = Scripted()
    student.replies["run"] = Crashed("the code ended the whole sandbox", box_lost=True)
    with pytest.raises(BoxLost, match="the code ended the whole sandbox"):
        race(student, Scripted())


@pytest.mark.parametrize("reply", [*(reply for reply, _ in FAILURES), Crashed("gone", box_lost=True), Values([[1]])])
def test_no_failure_of_the_reference_costs_points(reply: Reply) -> None:
    reference = Scripted()
    reference.replies["project"] = reply
    with pytest.raises(SandboxUnavailable, match=r"the reference for f: "):
        race(Scripted(), reference)


def test_seeds_are_not_those_of_a_generator_that_can_be_seeded() -> None:
    seeds = []
    for _ in range(2):
        random.seed(0)
        np.random.seed(0)
        student = Scripted()
        race(student, Scripted())
        seeds.append([block.seed for block in student.steps("run")])
    assert not set(seeds[0]) & set(seeds[1])
