"""The searches: their judges never blame a right one, name what a wrong one breaks, and survive any answer."""

import inspect
import math
from pathlib import Path

import numpy as np
import pytest

from grader.course import load_course
from grader.oracle import case_inputs, draw_seed

TOPICS = load_course(Path(__file__).parents[2], ["random_search", "coarse_to_fine"]).topics
RANDOM, FINE = TOPICS["random_search"], TOPICS["coarse_to_fine"]

SENTENCES = {
    "highest_score": "Lower is better",
    "last_trial": "The lowest score of all calls",
    "params_of_the_last_trial": "not the score of best_params",
    "scores_the_best_again": "called too often",
    "one_trial_short": "called too often or too rarely",
    "one_draw_for_all_parameters": "fill the space evenly",
    "one_point_for_all_trials": "fill the space evenly",
    "forgets_low": "outside its range",
    "even_grid": "Generators in different states",
    "generator_of_its_own": "in the same state",
    "box_stays": "do not shrink enough",
    "last_round_only": "The lowest score of all calls",
    "around_the_latest_best": "does not hold the best point",
    "around_the_middle": "does not hold the best point",
    "sticks_out_of_space": "outside its range",
    "sticks_out_of_the_last_box": "reaches beyond the box before",
    "half_of_space_each_time": "do not shrink enough",
    "shrinks_one_side": "do not shrink enough",
    "trials_shared_by_rounds": "called too often or too rarely",
}


def policy_of(topic, case):
    return case.compare or topic.compare


def verdict(topic, function, case, seed):
    """Judge an implementation on one case as the engine does: every call gets a new objective."""
    policy = policy_of(topic, case)
    outputs = [
        function(**case_inputs(topic, case, seed), rng=np.random.default_rng(draw_seed(topic, case, draw, seed)))
        for draw in policy.draws
    ]
    return policy.judge(case_inputs(topic, case, seed), outputs)


def complaints(topic, function, seed):
    return [sentence for case in topic.cases if (sentence := verdict(topic, function, case, seed))]


def with_torch(topic):
    torch = pytest.importorskip("torch")

    def function(rng, **inputs):
        return topic.torch(**inputs, rng=torch.Generator().manual_seed(int(rng.integers(2**62))))

    return function


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_right_searches_are_never_blamed(topic):
    for function in (topic.forward, *topic.alternates, with_torch(topic)):
        assert [complaints(topic, function, f"seed {seed}") for seed in range(8)] == [[]] * 8


@pytest.mark.parametrize(
    ("topic", "mistake"),
    [(topic, mistake) for topic in TOPICS.values() for mistake in topic.mistakes],
    ids=lambda item: item.name,
)
def test_every_mistake_is_caught_and_named(topic, mistake):
    for seed in range(5):
        found = complaints(topic, mistake.function, f"seed {seed}")
        assert any(SENTENCES[mistake.name] in sentence for sentence in found), found


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.75])
def test_boxes_may_shrink_by_any_factor_up_to_three_quarters(share):
    def search(objective, space, rounds, trials, rng):
        box, best = dict(space), None
        for _ in range(rounds):
            found = RANDOM.forward(objective, box, trials, rng)
            best = found if best is None else min(best, found, key=lambda pair: pair[1])
            for name, (low, high) in box.items():
                reach = share * (high - low) / 2
                box[name] = (max(low, best[0][name] - reach), min(high, best[0][name] + reach))
        return best

    assert [complaints(FINE, search, f"seed {seed}") for seed in range(4)] == [[]] * 4


def test_the_chance_of_a_gap_is_as_the_judge_says():
    """The gap from the end of a box to n uniform points, over gap and reach: P(t >= u) = (1 - u)^(n - 1)."""
    points = np.sort(np.random.default_rng(0).random((200_000, 6)), axis=1)
    gap, reach = points[:, 0], np.ptp(points, axis=1)
    for u in (0.1, 0.3, 0.5):
        assert np.mean(gap / (gap + reach) >= u) == pytest.approx((1 - u) ** 5, abs=5e-3)


@pytest.mark.parametrize("case", [c for t in TOPICS.values() for c in t.cases], ids=lambda case: case.name)
def test_objectives_stand_on_their_own(case):
    """The box knows nothing but NumPy, math and the source of the function or class."""
    topic = next(topic for topic in TOPICS.values() if case in topic.cases)
    objective = case_inputs(topic, case, "source")["objective"]
    definition = objective if inspect.isfunction(objective) else type(objective)
    space = {"np": np, "math": math}
    exec(inspect.getsource(definition), space)
    params = {name: low for name, (low, _) in case_inputs(topic, case, "source")["space"].items()}
    copy = space[definition.__name__]
    value = copy(params) if inspect.isfunction(objective) else copy()(params)
    assert isinstance(float(value), float)


def test_the_best_of_three_points_by_hand():
    class Tape:
        """Hand out given numbers in place of random ones, as fractions of the range."""

        def __init__(self, *fractions):
            self.fractions = list(fractions)

        def uniform(self, low, high):
            return low + (high - low) * self.fractions.pop(0)

    space = {"a": (0.0, 8.0)}

    def objective(params):
        return abs(params["a"] - 5)

    assert RANDOM.forward(objective, space, 3, Tape(0.25, 0.5, 0.875)) == ({"a": 4.0}, 1.0)
    # Of 2, 4 and 7 the best is 4; the next box is [2, 6] with 2.4, 4.8 and 5.6; the next [3.8, 5.8] with its ends.
    tape = Tape(0.25, 0.5, 0.875, 0.1, 0.7, 0.9, 0, 1)
    params, score = FINE.forward(objective, space, 2, 3, tape)
    assert (params["a"], score) == (pytest.approx(4.8), pytest.approx(0.2))
    assert space == {"a": (0.0, 8.0)}


def test_a_box_is_cut_off_at_the_ends_of_the_last_one():
    around = FINE.forward.__globals__["_around"]
    assert around(5.0, 0.0, 8.0) == (3.0, 7.0)
    assert around(1.0, 0.0, 8.0) == (0.0, 3.0)
    assert around(8.0, 0.0, 8.0) == (6.0, 8.0)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
@pytest.mark.parametrize(
    ("change", "message"),
    [({"trials": 0}, "trials is 0"), ({"rounds": 0}, "rounds is 0"), ({"space": {"x": (2, 1), "y": (0, 1)}}, "of x")],
)
def test_bad_input_is_refused(topic, change, message):
    inputs = {**case_inputs(topic, topic.cases[0], "bad"), **change}
    if set(inputs) - set(topic.parameters):
        pytest.skip("has no rounds")
    with pytest.raises(ValueError, match=message):
        topic.forward(**inputs, rng=np.random.default_rng(0))


POINT = {"x": 1.0, "y": -2.0}
ANSWERS = [
    None,
    3.5,
    "best",
    (),
    (POINT,),
    (POINT, 0.0, 1.0),
    (0.0, POINT),
    {"params": POINT, "score": 0.0},
    ([1.0, -2.0], 0.0),
    (np.array([1.0, -2.0]), 0.0),
    ({"x": 1.0}, 0.0),
    ({**POINT, "z": 1.0}, 0.0),
    ({1: 1.0, None: 2.0}, 0.0),
    (POINT, None),
    (POINT, "0"),
    (POINT, np.nan),
    (POINT, -np.inf),
    (POINT, True),
    (POINT, 1j),
    (POINT, np.array([0.0])),
    (POINT, [0.0]),
    (POINT, 1e300),
    (POINT, 10**400),
    ({"x": "1", "y": -2.0}, 0.0),
    ({"x": None, "y": -2.0}, 0.0),
    ({"x": np.array([1.0]), "y": -2.0}, 0.0),
    ({"x": np.nan, "y": -2.0}, 0.0),
    ({"x": {}, "y": ()}, {}),
    (POINT, np.array(None)),
    (POINT, np.datetime64("2020-01-01")),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: repr(answer)[:30])
def test_any_answer_gets_one_sentence(answer):
    for topic in TOPICS.values():
        for case in topic.cases:
            policy = policy_of(topic, case)
            sentence = policy.judge(case_inputs(topic, case, "answers"), [answer] * len(policy.draws))
            assert isinstance(sentence, str) and sentence.endswith(".") and "\n" not in sentence


def test_numbers_may_be_arrays_without_axes():
    def search(**inputs):
        params, score = FINE.forward(**inputs)
        return {name: np.array(value, dtype="f4") for name, value in params.items()}, np.float32(score)

    assert complaints(FINE, search, "scalars") == []
