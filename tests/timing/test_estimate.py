"""Estimates and verdicts of speed: who is charged, who never is, and what both are told."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model import Band, Pace
from grader.timing.estimate import MARGIN, Estimate, estimate, is_clear, is_slow, plus_minus, share, times, verdict
from tests.timing.noise import BAND, SELF_TEST, ratio, timed

ratios = st.floats(1e-6, 1e6)
bands = st.tuples(st.floats(1, 50), st.floats(1.1, 100)).map(lambda pair: Band(pair[0], pair[0] * pair[1]))
estimates = st.lists(ratios, min_size=3, max_size=3).map(sorted).map(lambda x: Estimate(x[1], x[0], x[2]))
perhaps = st.none() | estimates


def near(centre: float, spread: float = 0.04) -> Estimate:
    return Estimate(centre, centre * (1 - spread), centre * (1 + spread))


@pytest.mark.parametrize("rounds", [11, 15, 20])
@pytest.mark.parametrize("disturbed", [0.0, 0.05, 0.15])
def test_the_interval_holds_the_true_quartile_in_nine_of_ten(rounds: int, disturbed: float) -> None:
    rng = random.Random(f"{rounds} {disturbed}")
    true = sorted(ratio(rng, 1.0, disturbed) for _ in range(40_000))[10_000]
    found = [estimate(ratio(rng, 1.0, disturbed) for _ in range(rounds)) for _ in range(2_000)]
    below = sum(one.high < true for one in found if one)
    above = sum(one.low > true for one in found if one)
    # 5 % of 2,000 and four standard errors of a count, some of it for the true quartile's own.
    assert below <= 140 and above <= 140


def test_noise_of_two_speeds_is_held_too() -> None:
    """Three rounds of ten run at half the time: the quartile is the fast one, however few rounds show it."""
    rng = random.Random(1)
    found = [estimate(rng.choice([1.0] * 3 + [2.0] * 7) for _ in range(11)) for _ in range(2_000)]
    assert sum(not one.low <= 1.0 <= one.high for one in found if one) <= 140


def test_slow_rounds_do_not_move_the_estimate() -> None:
    quiet = [1.28, 1.29, 1.3, 1.3, 1.31, 1.31, 1.32, 1.32, 1.33]
    found = estimate([*quiet, 2.6, 3.1, 2.9])
    assert found is not None and 1.28 <= found.low <= found.ratio <= 1.31 and found.high <= 1.33


def test_what_was_not_measured_is_left_out() -> None:
    assert estimate([math.inf, math.nan, 0.0, -1.0, 2.0, 2.0, 2.0]) == estimate([2.0] * 3)
    assert estimate([math.inf, math.nan, 2.0, 2.0]) is None


def test_few_rounds_reach_down_to_a_third() -> None:
    assert estimate([6.0] * 10) == Estimate(pytest.approx(6), 2.0, pytest.approx(6))
    assert estimate([6.0] * 11) == Estimate(pytest.approx(6), pytest.approx(6), pytest.approx(6))


@given(st.lists(ratios, min_size=3, max_size=40))
def test_an_estimate_is_inside_its_interval(values: list[float]) -> None:
    found = estimate(values)
    assert found is not None and found.low <= found.ratio <= found.high
    assert min(values) / 3 <= found.low and found.high <= max(values) * (1 + 1e-9)
    assert found.uncertainty >= 0
    assert estimate(reversed(values)) == found


@given(ratios, ratios, bands)
def test_a_faster_function_never_earns_less(a: float, b: float, band: Band) -> None:
    fast, slow = share(min(a, b), band), share(max(a, b), band)
    assert 0 <= slow <= fast <= 1


@given(bands)
def test_the_share_falls_from_full_to_none(band: Band) -> None:
    assert share(band.full, band) == 1 and share(band.none, band) == 0
    assert share(math.sqrt(band.full * band.none), band) == pytest.approx(0.5)


@given(perhaps, perhaps, perhaps, bands)
def test_only_what_two_boxes_put_above_the_limit_costs_points(
    first: Estimate | None, fresh: Estimate | None, self_test: Estimate | None, band: Band
) -> None:
    judgement = verdict(first, fresh, self_test, band)
    limit = band.full * MARGIN
    if judgement.pace is Pace.SLOW:
        assert first and fresh and self_test
        assert min(first.low, fresh.low) > limit and 0.9 <= self_test.ratio <= 1.1
        assert judgement.share == share(min(first.ratio, fresh.ratio), band) < 1
    else:
        assert judgement.share == 1
    assert (judgement.reason == "") == (judgement.pace is Pace.FULL)
    assert judgement.reason[-1:] in ("", ".")
    assert judgement.flagged == (judgement.pace is Pace.FULL and judgement.estimate.ratio < 0.1)


@given(estimates, bands)
def test_what_is_clear_cannot_change(found: Estimate, band: Band) -> None:
    if is_clear(found, band):
        assert is_slow(found, band) or found.high <= band.full
        assert share(found.low, band) - share(found.high, band) <= 0.1
        assert found.uncertainty <= 0.5


def test_a_slow_function_is_told_by_how_much() -> None:
    judgement = verdict(near(15.0), near(14.2), SELF_TEST, BAND)
    assert judgement.pace is Pace.SLOW and judgement.estimate == near(14.2)
    assert judgement.reason == (
        "Your function takes 14.2x the reference's CPU time, ±4 %; the whole share needs at most 3x."
    )
    lost = verdict(near(250.0), near(240.0), SELF_TEST, BAND)
    assert lost.share == 0 and lost.reason.endswith("at most 3x, and from 100x on nothing is left of it.")


@pytest.mark.parametrize(
    ("first", "fresh", "said"),
    [
        (near(14.2), None, "14.2x the reference's CPU time, but only once"),
        (near(3.6), near(2.9), "do not agree, 3.6x (±4 %) and 2.9x (±4 %) the reference's CPU time with a limit of 3x"),
        (Estimate(3.5, 2.0, 4.0), None, "between 2.0x and 4.0x the reference's CPU time"),
    ],
)
def test_doubt_is_free_and_said(first: Estimate, fresh: Estimate | None, said: str) -> None:
    judgement = verdict(first, fresh, SELF_TEST, BAND)
    assert (judgement.pace, judgement.share) == (Pace.UNSTABLE, 1.0)
    assert said in judgement.reason and judgement.reason.endswith("this costs no points.")


@pytest.mark.parametrize("self_test", [None, near(0.89), near(1.11)])
def test_a_machine_that_fails_its_self_test_judges_nobody(self_test: Estimate | None) -> None:
    judgement = verdict(near(50.0), near(50.0), self_test, BAND)
    assert (judgement.pace, judgement.share, judgement.estimate) == (Pace.UNMEASURED, 1.0, None)
    assert "too unsteady" in judgement.reason
    assert (self_test is None) or times(self_test.ratio) in judgement.reason


def test_too_good_is_flagged_and_earns_the_share() -> None:
    judgement = verdict(near(0.05), None, SELF_TEST, BAND)
    assert (judgement.pace, judgement.share, judgement.flagged) == (Pace.FULL, 1.0, True)


@pytest.mark.parametrize("disturbed", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("true", [1.0, 2.8, 3.0])
def test_nobody_within_the_limit_is_called_slow(true: float, disturbed: float) -> None:
    rng = random.Random(f"{true} {disturbed}")
    assert {timed(rng, true, disturbed).pace for _ in range(150)} <= {Pace.FULL, Pace.UNSTABLE}


def test_quiet_machines_see_half_again_too_slow() -> None:
    rng = random.Random(2)
    assert {timed(rng, 4.5).pace for _ in range(150)} == {Pace.SLOW}


@pytest.mark.parametrize("disturbed", [0.05, 0.15])
def test_disturbed_machines_see_a_plain_loop(disturbed: float) -> None:
    rng = random.Random(disturbed)
    found = [timed(rng, 15.0, disturbed) for _ in range(150)]
    assert {judgement.pace for judgement in found} == {Pace.SLOW}
    due = share(15.0, BAND)
    assert all(due - 0.02 <= judgement.share <= due + 0.3 for judgement in found)
    assert statistics.median(judgement.share for judgement in found) == pytest.approx(due, abs=0.03)


def test_half_of_the_rounds_disturbed_is_doubt() -> None:
    rng = random.Random(3)
    paces = [timed(rng, 3.0, 0.5).pace for _ in range(150)]
    assert Pace.SLOW not in paces and Pace.UNSTABLE in paces


@pytest.mark.parametrize(
    ("value", "said"), [(0.05, "0.05x"), (0.999, "1.00x"), (1.3, "1.3x"), (14.23, "14.2x"), (1520.4, "1,520x")]
)
def test_ratios_are_readable(value: float, said: str) -> None:
    assert times(value) == said


def test_uncertainty_is_never_nothing() -> None:
    assert [plus_minus(fraction) for fraction in (0.0, 0.012, 0.04, 0.67)] == ["±1 %", "±1 %", "±4 %", "±67 %"]
