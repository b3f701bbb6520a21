"""Flips, shifts and distortions: judges never blame a right one, name what a wrong one breaks, survive any answer."""

from pathlib import Path

import numpy as np
import pytest

from grader.course import load_course
from grader.oracle import case_inputs, draw_seed

TOPICS = load_course(Path(__file__).parents[2], ["random_flip", "random_shift", "random_distort"]).topics
FLIP, SHIFT, DISTORT = TOPICS.values()

SENTENCES = {
    ("random_flip", "upside_down"): "upside down",
    ("random_flip", "half_a_turn"): "half a circle",
    ("random_flip", "channels_reversed"): "channels reversed",
    ("random_flip", "batch_reversed"): "another place of the batch",
    ("random_flip", "one_coin_for_the_batch"): "not flipped independently",
    ("random_flip", "p_of_keeping"): "the chance of flipping one is p",
    ("random_flip", "normal_coins"): "the chance of flipping one is p",
    ("random_flip", "fixed_share"): "always the same",
    ("random_flip", "generator_of_its_own"): "in the same state",
    ("random_shift", "wraps_around"): "comes back on the other",
    ("random_shift", "repeats_the_edge"): "zeros must fill",
    ("random_shift", "one_shift_for_the_batch"): "not shifted independently",
    ("random_shift", "same_shift_on_both_axes"): "depend on each other",
    ("random_shift", "upper_end_left_out"): "not all equally likely",
    ("random_shift", "never_up_or_left"): "not all equally likely",
    ("random_shift", "sideways_only"): "up or down are not all equally likely",
    ("random_shift", "generator_of_its_own"): "in the same state",
    ("random_distort", "without_clip"): "clip the result",
    ("random_distort", "contrast_around_zero"): "the image's own mean",
    ("random_distort", "mean_of_the_batch"): "the image's own mean",
    ("random_distort", "mean_per_channel"): "not all changed alike",
    ("random_distort", "brightness_stretched_too"): "farther than brightness allows",
    ("random_distort", "one_draw_for_the_batch"): "share one",
    ("random_distort", "one_draw_for_both"): "depend on each other",
    ("random_distort", "pixel_by_pixel"): "not all changed alike",
    ("random_distort", "never_less"): "not uniform",
    ("random_distort", "generator_of_its_own"): "in the same state",
}


def policy_of(topic, case):
    return case.compare or topic.compare


def verdict(topic, function, case, seed):
    """Judge a NumPy implementation on one case as the engine does."""
    inputs, policy = case_inputs(topic, case, seed), policy_of(topic, case)
    generators = [np.random.default_rng(draw_seed(topic, case, draw, seed)) for draw in policy.draws]
    return policy.judge(inputs, [function(**inputs, rng=rng) for rng in generators])


def complaints(topic, function, seed):
    return [sentence for case in topic.cases if (sentence := verdict(topic, function, case, seed))]


def with_torch(topic):
    torch = pytest.importorskip("torch")

    def function(images, rng, **rest):
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        return topic.torch(torch.from_numpy(images.copy()), rng=generator, **rest).numpy()

    return function


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_right_functions_are_never_blamed(topic):
    for function, seeds in ((topic.forward, 100), *((f, 15) for f in topic.alternates), (with_torch(topic), 15)):
        assert [complaints(topic, function, f"seed {seed}") for seed in range(seeds)] == [[]] * seeds


@pytest.mark.parametrize(
    ("topic", "mistake"),
    [(topic, mistake) for topic in TOPICS.values() for mistake in topic.mistakes],
    ids=lambda item: item.name,
)
def test_every_mistake_is_caught_and_named(topic, mistake):
    for seed in range(8):
        found = complaints(topic, mistake.function, f"seed {seed}")
        assert any(SENTENCES[topic.name, mistake.name] in sentence for sentence in found), found


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_one_result_for_all_states_is_found_out(topic):
    def seeds_itself(rng, **inputs):
        return topic.forward(**inputs, rng=np.random.default_rng(0))

    found = complaints(topic, seeds_itself, "seed")
    assert any("independent calls" in text.lower() or "different states" in text for text in found), found


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_another_dtype_costs_the_float32_case_only(topic):
    def wide(images, **rest):
        return topic.forward(images, **rest).astype(np.float64)

    wrong = [case.name for case in topic.cases if verdict(topic, wide, case, "wide")]
    assert wrong == ["float32"]


# --- first principles --------------------------------------------------------------------------------------------


def test_a_flip_reverses_the_columns():
    images = np.arange(12.0).reshape(1, 2, 3, 2)
    (flipped,) = FLIP.forward(images, np.random.default_rng(0), p=1.0)
    assert flipped[:, :, 0].tolist() == [[4, 2, 0], [10, 8, 6]]
    assert flipped[:, :, 1].tolist() == [[5, 3, 1], [11, 9, 7]]
    assert (FLIP.forward(images, np.random.default_rng(0), p=0) == images).all()


def test_a_fraction_p_of_the_images_is_flipped():
    images = np.tile([[[0.0], [1.0]]], (20_000, 1, 1, 1))
    assert FLIP.forward(images, np.random.default_rng(1), 0.3)[:, 0, 0, 0].mean() == pytest.approx(0.3, abs=0.02)


def test_a_shift_moves_down_and_right_and_fills_with_zeros():
    image = np.arange(1.0, 7.0).reshape(1, 2, 3, 1)
    shifted = SHIFT.forward.__globals__["shifted"]
    assert shifted(image, 1, 0)[0, ..., 0].tolist() == [[0, 0, 0], [1, 2, 3]]
    assert shifted(image, 0, -1)[0, ..., 0].tolist() == [[2, 3, 0], [5, 6, 0]]
    assert shifted(image, -1, 2)[0, ..., 0].tolist() == [[0, 0, 4], [0, 0, 0]]
    assert not shifted(image, 0, 3).any() and not shifted(image, -2, 0).any()


def test_all_nine_shifts_of_one_pixel_are_equally_likely():
    images = np.zeros((18_000, 3, 3, 1))
    images[:, 1, 1] = 1
    where = SHIFT.forward(images, 1, np.random.default_rng(2)).mean(axis=0)
    assert where == pytest.approx(np.full((3, 3, 1), 1 / 9), abs=0.012)


def test_contrast_keeps_the_mean_and_brightness_moves_it():
    images = np.random.default_rng(3).uniform(0.4, 0.6, (50, 4, 4, 3))
    means = images.mean(axis=(1, 2, 3))
    stretched = DISTORT.forward(images, np.random.default_rng(4), 0.0, 0.5)
    assert stretched.mean(axis=(1, 2, 3)) == pytest.approx(means)
    assert 0.5 <= (stretched.std(axis=(1, 2, 3)) / images.std(axis=(1, 2, 3))).min() < 0.6
    moved = DISTORT.forward(images, np.random.default_rng(5), 0.2, 0.0) - images
    assert np.ptp(moved, axis=(1, 2, 3)).max() < 1e-12
    assert -0.2 <= moved.min() < -0.15 and 0.15 < moved.max() <= 0.2


def test_values_stay_between_zero_and_one():
    images = np.random.default_rng(6).random((20, 5, 5, 3))
    out = DISTORT.forward(images, np.random.default_rng(7), 0.9, 1.0)
    assert out.min() == 0 and out.max() == 1


@pytest.mark.parametrize(
    ("topic", "rest", "message"),
    [
        (FLIP, {"images": np.ones((3, 3, 1))}, "images has shape"),
        (FLIP, {"p": 1.5}, "p is 1.5"),
        (FLIP, {"p": -0.1}, "p is -0.1"),
        (FLIP, {"p": np.nan}, "p is nan"),
        (SHIFT, {"images": np.ones((2, 3, 3)), "max_shift": 1}, "images has shape"),
        (SHIFT, {"max_shift": -1}, "max_shift is -1"),
        (DISTORT, {"images": np.ones(3), "brightness": 0.1, "contrast": 0.1}, "images has shape"),
        (DISTORT, {"brightness": -0.1, "contrast": 0.1}, "brightness is -0.1"),
        (DISTORT, {"brightness": 0.1, "contrast": 1.1}, "contrast is 1.1"),
    ],
)
def test_bad_input_is_refused(topic, rest, message):
    with pytest.raises(ValueError, match=message):
        topic.forward(**{"images": np.ones((2, 3, 3, 1)), **rest}, rng=np.random.default_rng(0))


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_any_answer_gets_one_sentence(topic):
    for case in topic.cases:
        images, policy = case_inputs(topic, case, "answers")["images"], policy_of(topic, case)
        answers = [
            None,
            True,
            1.0,
            "images",
            (),
            (images, images),
            {"images": images},
            list(images),
            images[:0],
            images[..., 0],
            np.zeros(0),
            np.full_like(images, np.nan),
            np.full_like(images, np.inf),
            -images - 1,
            images + 0j,
            images.astype(object),
            images.astype(str),
            images > 0.5,
            np.random.default_rng(0).random(images.shape),
        ]
        for answer in answers:
            sentence = policy.judge(case_inputs(topic, case, "answers"), [answer] * len(policy.draws))
            assert isinstance(sentence, str) and sentence.endswith(".") and "\n" not in sentence, (case.name, answer)
