"""Dropout: its judge never blames a correct one, names what a wrong one breaks, and survives any answer."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.course import load_course
from grader.oracle import case_inputs, draw_seed

TOPIC = load_course(Path(__file__).parents[2], ["dropout"]).topics["dropout"]
CASES = {case.name: case for case in TOPIC.cases}
FALSE_ALARM_RATE = 1e-6
LEVEL = TOPIC.compare.judge.__globals__["LEVEL"]

SENTENCES = {
    "not_inverted": "a / keep_prob",
    "normal_for_uniform": "of the units are kept",
    "keep_prob_taken_for_drop_prob": "a / keep_prob",
    "active_at_test_time": "no unit is dropped",
    "one_mask_for_all_examples": "not random along axis 0 of a",
    "fixed_number_of_units": "always the same",
    "mask_read_off_output": "read off the output",
    "seeds_itself": "resemble each other",
}


def verdict(function, case, seed):
    """Judge a NumPy implementation on one case as the engine does."""
    inputs, policy = case_inputs(TOPIC, case, seed), case.compare or TOPIC.compare
    generators = [np.random.default_rng(draw_seed(TOPIC, case, draw, seed)) for draw in policy.draws]
    return policy.judge(inputs, [function(**inputs, rng=rng) for rng in generators])


def complaints(function, seed):
    return [sentence for case in TOPIC.cases if (sentence := verdict(function, case, seed))]


@pytest.mark.parametrize(("function", "seeds"), [(TOPIC.forward, 150), *zip(TOPIC.alternates, (50, 5), strict=True)])
def test_correct_dropout_is_never_blamed(function, seeds):
    assert [complaints(function, f"seed {seed}") for seed in range(seeds)] == [[]] * seeds


def test_torch_dropout_is_never_blamed():
    torch = pytest.importorskip("torch")

    def as_numpy(a, keep_prob, rng, training=True):
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        return tuple(t.numpy() for t in TOPIC.torch(torch.from_numpy(a), keep_prob, generator, training))

    assert [complaints(as_numpy, f"seed {seed}") for seed in range(50)] == [[]] * 50


@pytest.mark.parametrize("mistake", TOPIC.mistakes, ids=lambda mistake: mistake.name)
def test_every_mistake_is_caught_and_named(mistake):
    found = [complaints(mistake.function, f"seed {seed}") for seed in range(25)]
    assert all(found)
    assert all(any(SENTENCES[mistake.name] in sentence for sentence in sentences) for sentences in found)


@pytest.mark.parametrize("case", TOPIC.cases, ids=lambda case: case.name)
def test_the_tests_of_a_case_together_keep_the_false_alarm_rate(case):
    a = case_inputs(TOPIC, case, "rate")["a"]
    assert (4 + 2 * a.ndim) * LEVEL <= FALSE_ALARM_RATE


def test_the_expected_activation_is_unchanged():
    a, rng = np.array([1.0, -2.0, 0.0, 5.0]), np.random.default_rng(4)
    mean = np.mean([TOPIC.forward(a, 0.7, rng)[0] for _ in range(20_000)], axis=0)
    assert np.abs(mean - a).max() < 0.12  # five standard errors of the largest


@pytest.mark.parametrize("keep_prob", [-0.5, 0, 0.0, 1.01, 2, float("nan")])
@pytest.mark.parametrize("training", [True, False])
def test_a_keep_prob_that_is_no_chance_of_keeping_is_refused(keep_prob, training):
    with pytest.raises(ValueError, match=f"keep_prob .* {keep_prob}"):
        TOPIC.forward(np.ones(3), keep_prob, np.random.default_rng(0), training)


# Slips that are no listed mistakes: the judge must see them all the same, and say what is wrong.


def mask_inverted(a, keep_prob, rng, training=True):
    mask = (rng.random(a.shape) > keep_prob).astype(a.dtype)
    return (a * mask / keep_prob, mask) if training else (a, np.ones_like(a))


def multiplied_by_keep_prob(a, keep_prob, rng, training=True):
    _, mask = TOPIC.forward(a, keep_prob, rng, training)
    return (a * mask * keep_prob if training else a), mask


def scaled_at_test_time(a, keep_prob, rng, training=True):
    return TOPIC.forward(a, keep_prob, rng) if training else (a * keep_prob, np.ones_like(a))


def no_mask_at_test_time(a, keep_prob, rng, training=True):
    return TOPIC.forward(a, keep_prob, rng) if training else (a, None)


def one_draw_per_example(a, keep_prob, rng, training=True):
    mask = np.repeat(TOPIC.forward(a[..., :1], keep_prob, rng, training)[1], a.shape[-1], axis=-1)
    return (a * mask / keep_prob if training else a), mask


def scaled_mask(a, keep_prob, rng, training=True):
    out, mask = TOPIC.forward(a, keep_prob, rng, training)
    return out, mask / keep_prob


def generator_of_its_own(a, keep_prob, rng, training=True):
    return TOPIC.forward(a, keep_prob, np.random.default_rng(), training)


def mask_first(a, keep_prob, rng, training=True):
    return TOPIC.forward(a, keep_prob, rng, training)[::-1]


def float64_mask(a, keep_prob, rng, training=True):
    return TOPIC.forward(a.astype("f8"), keep_prob, rng, training)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (mask_inverted, "of the units are kept"),
        (multiplied_by_keep_prob, "a / keep_prob"),
        (scaled_at_test_time, "out must equal a"),
        (no_mask_at_test_time, "at test time too"),
        (one_draw_per_example, "not random along axis 1 of a"),
        (scaled_mask, "not scaled"),
        (generator_of_its_own, "in the same state"),
        (mask_first, "the second result"),
        (float64_mask, "out has dtype float64"),
    ],
)
def test_other_slips_are_named_too(function, part):
    for seed in range(10):
        assert any(part in sentence for sentence in complaints(function, f"seed {seed}"))


def test_cases_never_keep_a_half():
    assert all(case_inputs(TOPIC, case, "half")["keep_prob"] != 0.5 for case in TOPIC.cases)


def test_an_integer_mask_costs_the_dtype_case_only():
    def integer_mask(a, keep_prob, rng, training=True):
        out, mask = TOPIC.forward(a, keep_prob, rng, training)
        return out, mask.astype(np.int64)

    assert [name for name, case in CASES.items() if verdict(integer_mask, case, "integers")] == ["float32"]


A = case_inputs(TOPIC, CASES["six units"], "answers")["a"]
NAN, ONES = np.full_like(A, np.nan), np.ones_like(A)
ANSWERS = [
    None,
    True,
    3.5,
    "out, mask",
    A,
    np.stack([A, ONES]),
    (),
    (A,),
    (A, ONES, A),
    {"out": A, "mask": ONES},
    (None, None),
    ("a", "b"),
    (A, "mask"),
    (A / 0.8, None),
    (A / 0.8, 1),
    (A / 0.8, ONES.tolist()),
    (A / 0.8, ONES.T),
    (A / 0.8, ONES[:1]),
    (A.ravel(), ONES.ravel()),
    (A / 0.8, NAN),
    (NAN, ONES),
    (np.full_like(A, np.inf), ONES),
    (NAN, 0 * ONES),
    (A / 0.8 + 0j, ONES),
    (A / 0.8, ONES + 0j),
    (A.astype(str), ONES),
    (A / 0.8, ONES.astype(str)),
    (A.astype(object), ONES.astype(object)),
    (A.astype(int), ONES),
    (A / 0.8, -ONES),
    (np.empty(0), np.empty(0)),
    ((A, A), (ONES, ONES)),
]


@pytest.mark.parametrize("name", ["six units", "test time", "float32", "keep_prob 1"])
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: repr(answer)[:30])
def test_any_answer_gets_one_sentence(name, answer):
    policy = CASES[name].compare or TOPIC.compare
    inputs = case_inputs(TOPIC, CASES[name], "answers")
    sentence = policy.judge(inputs, [answer] * len(policy.draws))
    assert isinstance(sentence, str) and sentence.endswith(".") and "\n" not in sentence


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([A, A / 0.8, ONES, NAN, ONES.astype(bool), ONES[0], A.astype("f4")]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3).map(tuple)), min_size=6, max_size=6))
def test_any_mixture_of_answers_is_survived(outputs):
    for name in ("six units", "test time"):
        sentence = TOPIC.compare.judge(case_inputs(TOPIC, CASES[name], "answers"), outputs)
        assert sentence is None or isinstance(sentence, str)
