"""Pictures as data: what the makers show, what they refuse, and who gets one."""

import math
from dataclasses import replace

import numpy as np
import pytest

from grader import picture
from grader.drawable import MAX_BOXES, MAX_CELLS
from grader.illustrate import illustrate
from grader.model import Picture, Series
from grader.picture import boxes, curves, found_boxes, heat, histogram, overlap, scatter, worst_overlap
from grader.topic import Case, Topic
from sandbox.base import Tensor
from tests.small_course import HALVE, TOPICS, Graded, double, halve, halve_backward

SQUARES = np.array([[0.0, 0, 1, 1], [0, 0.1, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]])


def named(shown: Picture) -> dict[str, tuple[tuple[float | None, ...], ...]]:
    return {series.name: series.rows for series in shown.series}


def test_a_selection_shows_what_is_wrongly_kept_and_removed() -> None:
    shown = boxes(SQUARES, np.array([0, 2]), [0, 1])
    assert shown.kind == "boxes"
    assert shown.caption == "Box 1 wrongly kept; box 2 wrongly removed. 2 of 4 are treated rightly."
    assert {name: [row[4] for row in rows] for name, rows in named(shown).items()} == {
        "wrongly kept": [1],
        "wrongly removed": [2],
        "kept": [0],
        "removed": [3],
    }
    assert named(shown)["wrongly removed"] == ((2, 2, 3, 3, 2),)


def test_the_right_boxes_in_another_order_are_said_to_be_so() -> None:
    assert boxes(SQUARES, [2, 0], np.array([0, 2])).caption.startswith(
        "The right boxes in another order: expected 2, 0, yours 0, 2."
    )


def test_indices_that_do_not_exist_are_named_and_not_drawn() -> None:
    shown = boxes(SQUARES, [0], [0, 99, -1])
    assert "Boxes -1 and 99 wrongly kept" in shown.caption
    assert "wrongly kept" not in named(shown)


def test_many_boxes_are_cut_and_the_wrong_ones_stay() -> None:
    shown = boxes(np.tile(SQUARES, (100, 1)), range(300), range(250))
    rows = named(shown)
    assert sum(map(len, rows.values())) == MAX_BOXES
    assert len(rows["wrongly removed"]) == 50


def test_found_boxes_are_matched_by_their_corners() -> None:
    shown = found_boxes(SQUARES[:3], np.concatenate([SQUARES[[2, 0]], SQUARES[3:] + 1]))
    assert {name: len(rows) for name, rows in named(shown).items()} == {
        "wrongly kept": 1,
        "wrongly removed": 1,
        "kept": 2,
    }
    with pytest.raises(ValueError, match="right"):
        found_boxes(SQUARES, SQUARES[::-1])


def test_an_overlap_shows_the_shared_area() -> None:
    shown = overlap(np.array([0.0, 0, 2, 2]), np.array([1.0, 1, 3, 3]), 1 / 7, np.float32(0.25))
    assert shown.caption == "Box 1 has the area 4, box 2 4, and they share 1. The IoU is 0.1429; yours is 0.25."
    assert named(shown)["shared area"] == ((1, 1, 2, 2, None),)
    apart = overlap(np.array([0.0, 0, 1, 1]), np.array([2.0, 2, 3, 3]), 0.0, 0.5)
    assert "shared area" not in named(apart)


def test_of_a_matrix_the_worst_pair_is_shown() -> None:
    wrong = np.array([[0.9, 0.0, 0.0]])
    shown = worst_overlap(SQUARES[:1], SQUARES[1:], np.array([[0.9, 0.0, 0.5]]), wrong)
    assert list(named(shown)) == ["boxes1[0]", "boxes2[2]"]


def test_a_heat_map_shows_the_channel_and_image_of_the_largest_difference() -> None:
    x = np.arange(2 * 3 * 4 * 2, dtype=float).reshape(2, 3, 4, 2)
    wrong = x.copy()
    wrong[1, 2, 3, 1] += 5
    wrong[0, 0, 0, 0] += 1
    shown = heat(x, x, wrong)
    assert shown.caption == (
        "2 of 48 values differ, most at [1, 2, 3, 1]: expected 47, yours 52, 5 off (shown: image 1, channel 1)."
    )
    maps = named(shown)
    assert list(maps) == ["input", "expected", "yours", "difference"]
    assert maps["difference"] == ((0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 5))


def test_another_shape_has_no_difference() -> None:
    shown = heat(np.ones((1, 4, 4, 1)), np.ones((1, 2, 2, 1)), np.ones((1, 3, 3, 1)))
    assert shown.caption.startswith("The shape (1, 2, 2, 1) is expected; yours is (1, 3, 3, 1)")
    assert list(named(shown)) == ["input", "expected", "yours"]


def test_large_maps_are_cut_around_the_difference() -> None:
    x = np.zeros((1, 200, 300, 1))
    wrong = x.copy()
    wrong[0, 150, 290, 0] = np.nan
    shown = heat(x[:, ::2, ::2], x, wrong)
    for rows in named(shown).values():
        assert (len(rows), len(rows[0])) == (MAX_CELLS, MAX_CELLS)
    assert sum(value is None for row in named(shown)["yours"] for value in row) == 1
    assert "most at [0, 150, 290, 0]: expected 0, yours nan (shown" in shown.caption


def test_a_scatter_keeps_the_wrong_points() -> None:
    right = np.linspace(-1, 1, 10_000).reshape(100, 100)
    wrong = right.copy()
    wrong[50, :3] *= 2
    wrong[0, 0] = math.inf
    shown = scatter("dW", right, wrong)
    assert shown.caption == "4 of 10000 values of dW are off the line of equal values; 1 of yours is not finite."
    assert [len(rows) for rows in named(shown).values()] == [3, 397]


def test_a_histogram_has_the_shares_of_both() -> None:
    samples = np.array([0.0, 0.0, 1.25, 1.25, 1.25, 40.0])
    shown = histogram(samples, lambda x: 0.2 * (x >= 0) + 0.8 * (x >= 1.25), -0.2, 1.45, "out / a", bins=33)
    mine, expected = named(shown).values()
    assert sum(row[2] for row in mine) == pytest.approx(5 / 6, abs=1e-4)
    assert [row[2] for row in expected if row[2]] == [0.2, 0.8]
    assert [(row[0] <= 0 < row[1], row[0] <= 1.25 < row[1]) for row in expected if row[2]] == [
        (True, False),
        (False, True),
    ]
    assert shown.caption.endswith("expected about 1 and 0.5; 1 of yours lies outside of the picture.")


def test_curves_are_points() -> None:
    shown = curves("Losses.", {"a": [(0, 1.0), (1, math.nan)], "b": np.ones((5000, 2))})
    assert named(shown)["a"] == ((0, 1), (1, None))
    assert len(named(shown)["b"]) == picture.MAX_STEPS


HOSTILE = [
    *(None, "text", b"bytes", True, 10**400, -1, math.nan, 1j, {}, {"a": 1}, [], [[]], [[1], [1, 2]], [None]),
    *(object, ("a",), [10**400], (1, 2, 3, 4, 5), np.array("text"), np.array([], "f4"), np.zeros((0, 4)), np.array(3)),
    *(np.full((3, 4), np.nan), np.full((2, 2), 1e308), np.zeros((1,) * 6), np.array([1 + 2j]), np.array([2**64 - 1])),
    *(np.zeros((2, 3), "?"), np.array(["x"] * 4), np.array([None, 1]), np.zeros(0, "i8"), np.float16(1e-8)),
]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_a_maker_shows_any_answer_or_refuses_it(value: object) -> None:
    makers = [
        lambda: boxes(SQUARES, [0, 2], value),
        lambda: found_boxes(SQUARES, value),
        lambda: overlap(SQUARES[0], SQUARES[1], 0.9, value),
        lambda: worst_overlap(SQUARES, SQUARES, np.eye(4), value),
        lambda: heat(np.ones((1, 3, 3, 1)), np.ones((1, 2, 2, 1)), value),
        lambda: heat(np.ones((3, 4)), np.full((3, 4), np.inf), value),
        lambda: scatter("dx", np.ones((2, 2)), value),
        lambda: histogram(value, lambda x: np.clip(x, 0, 1), 0, 1, "numbers"),
        lambda: curves("Loss.", {"yours": value}),
    ]
    for make in makers:
        try:
            shown = make()
        except Exception:  # what cannot be drawn raises, in any way
            continue
        numbers = [number for series in shown.series for row in series.rows for number in row]
        assert all(number is None or (math.isfinite(number) and abs(number) <= 2e30) for number in numbers)
        assert len(numbers) <= 5_000


def illustrated(answers, hook=None, **settings):
    """Grade with answers of HALVE, whose topic has the given hook, and return the results by id."""
    graded = Graded(answers, **settings)
    graded.trials.topics = {**TOPICS, "halve": replace(HALVE, picture=hook)}
    results = illustrate(graded.plan, graded.results, graded.outcomes, graded.trials)
    assert [result.id for result in results] == [result.id for result in graded.results]
    return {result.id: result for result in results}


def shows(inputs, expected, actual):
    return curves("Halves.", {"yours": [(x, y) for x, y in zip(inputs["x"], actual, strict=True)]})


def test_a_wrong_gradient_is_a_scatter_without_any_hook() -> None:
    results = illustrated({"halve": halve, "halve_backward": lambda dout, x: dout})
    assert [id_ for id_, result in results.items() if result.picture] == ["halve/small/gradient"]
    assert results["halve/small/gradient"].picture.caption == "2 of 2 values of dx are off the line of equal values."


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_a_hook_gets_arrays_and_only_the_visible_case_is_drawn(framework) -> None:
    wrong = double if framework == "numpy" else lambda x: Tensor(x * 2, str(x.dtype))
    results = illustrated({"halve": wrong, "halve_backward": halve_backward}, shows, framework=framework)
    drawn = [id_ for id_, result in results.items() if result.picture and "values" in id_]
    assert drawn == ["halve/small/values"]
    assert results["halve/small/values"].picture.series == (Series("yours", ((2, 4), (4, 8))),)


def test_nothing_is_drawn_of_what_passes_or_stops() -> None:
    calls = []

    def hook(*arguments):
        calls.append(arguments)

    illustrated({"halve": halve, "halve_backward": halve_backward}, hook)
    illustrated({"halve": lambda x: 1 / 0, "halve_backward": halve_backward}, hook)
    assert calls == []


@pytest.mark.parametrize(
    "hook",
    [
        lambda inputs, expected, actual: 1 / 0,
        lambda inputs, expected, actual: "no picture",
        lambda inputs, expected, actual: None,
        lambda inputs, expected, actual: Picture("curves", "", (Series("", ((0.0,) * 6_000,)),)),
    ],
)
def test_a_hook_that_fails_costs_nothing_but_the_picture(hook) -> None:
    results = illustrated({"halve": double, "halve_backward": halve_backward}, hook)
    assert results["halve/small/values"].verdict == "fail"
    assert all(result.picture is None for result in results.values())


def test_a_random_function_is_drawn_from_all_its_draws() -> None:
    graded = Graded({"noise": lambda n, rng: np.zeros(n + 1)}, "noise")
    seen = []
    hook = lambda inputs, expected, outputs: seen.append((inputs, expected, len(outputs)))  # noqa: E731
    graded.trials.topics = {"noise": replace(TOPICS["noise"], picture=hook)}
    illustrate(graded.plan, graded.results, graded.outcomes, graded.trials)
    assert seen == [({"n": 10}, None, 3)]


def test_a_topic_takes_a_hook() -> None:
    assert Topic(halve, (Case("a", lambda rng: {}),), (), halve, picture=shows).picture is shows
