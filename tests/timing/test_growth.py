"""Exponents: right on power laws, honest in noise, and silent about what is not clearly worse."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model import Growth
from grader.timing.growth import fit, power, told

SIZES = (64, 128, 256)


def rows(
    rng: random.Random, exponent: float, rounds: int = 10, noise: float = 0.04, disturbed: float = 0.0, fixed: float = 0
) -> list[list[float]]:
    """Return rounds of seconds; `fixed` is an overhead in units of the smallest size's work."""
    return [
        [
            1e-5
            * (fixed + (size / SIZES[0]) ** exponent)
            * math.exp(rng.gauss(0, noise))
            * (rng.uniform(1.5, 3) if rng.random() < disturbed else 1)
            for size in SIZES
        ]
        for _ in range(rounds)
    ]


def grown(mine: list[list[float]], reference: list[list[float]]) -> Growth:
    growth = fit("boxes", SIZES, mine, reference)
    assert growth is not None
    return growth


@given(st.floats(-1, 4), st.floats(0, 4), st.floats(1e-9, 1e3))
def test_a_power_law_is_found_exactly(exponent: float, expected: float, scale: float) -> None:
    mine = [[scale * size**exponent for size in SIZES]] * 3
    growth = grown(mine, [[size**expected for size in SIZES]] * 3)
    assert growth.exponent == pytest.approx(exponent, abs=1e-9) and growth.expected == pytest.approx(expected, abs=1e-9)
    assert growth.error == pytest.approx(0, abs=1e-6)
    assert growth.seconds == pytest.approx(mine[0])


@pytest.mark.parametrize("disturbed", [0.0, 0.1])
def test_the_error_holds_the_difference(disturbed: float) -> None:
    rng = random.Random(f"{disturbed}")
    missed = 0
    for _ in range(500):
        growth = grown(rows(rng, 2.9, disturbed=disturbed), rows(rng, 2.0, disturbed=disturbed))
        missed += abs(growth.exponent - growth.expected - 0.9) > growth.error
    assert missed <= 50


@pytest.mark.parametrize("disturbed", [0.0, 0.1, 0.2])
def test_equal_growth_is_hardly_ever_called_worse(disturbed: float) -> None:
    rng = random.Random(f"equal {disturbed}")
    said = [
        told("nms", grown(rows(rng, 2, disturbed=disturbed), rows(rng, 2, disturbed=disturbed))) for _ in range(500)
    ]
    assert sum(map(bool, said)) <= 5


@pytest.mark.parametrize("disturbed", [0.0, 0.1])
def test_a_power_more_is_told(disturbed: float) -> None:
    rng = random.Random(f"worse {disturbed}")
    said = [
        told("nms", grown(rows(rng, 3, disturbed=disturbed), rows(rng, 2, disturbed=disturbed))) for _ in range(200)
    ]
    assert sum(map(bool, said)) >= 195


def test_an_overhead_of_the_reference_is_not_the_students_fault() -> None:
    """Both do quadratic work, and at the smallest size most of the reference's time is overhead."""
    rng = random.Random(5)
    for _ in range(100):
        growth = grown(rows(rng, 2), rows(rng, 2, fixed=3))
        assert growth.expected < 1.2
        assert told("nms", growth) == ""


def test_growth_is_told_in_words() -> None:
    growth = Growth("boxes", SIZES, (1.0, 7.46, 55.7), (1.0, 4.0, 16.0), 2.9, 0.1, 2.04)
    assert told("nms", growth) == "your nms grows like n^2.9 in the number of boxes; n^2 is expected"
    assert told("nms", replace(growth, exponent=2.3)) == ""
    assert told("nms", replace(growth, error=0.9)) == ""
    assert told("nms", replace(growth, exponent=1.2)) == ""


@pytest.mark.parametrize(
    ("exponent", "said"),
    [(2.04, "n^2"), (1.87, "n^2"), (1.1, "n"), (1.4, "n^1.4"), (1.76, "n^1.8"), (0.1, "a constant cost")],
)
def test_expected_powers_are_rounded_when_nearly_whole(exponent: float, said: str) -> None:
    assert power(exponent) == said


@pytest.mark.parametrize("bad", [0.0, -1e-6, math.nan, math.inf])
def test_rounds_that_were_not_measured_are_left_out_on_both_sides(bad: float) -> None:
    good = [[1.0, 2.0, 4.0]] * 3
    assert fit("rows", SIZES, [*good, [bad, 2.0, 4.0]], [*good, [9.0, 9.0, 9.0]]) == fit("rows", SIZES, good, good)
    assert fit("rows", SIZES, [*good[:2], [bad, 2.0, 4.0]], good) is None


@pytest.mark.parametrize("sizes", [(64, 128), (64, 64, 128), (256, 128, 64), (0, 1, 2)])
def test_sizes_must_rise(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="three sizes above 0 in rising order"):
        fit("rows", sizes, [], [])
