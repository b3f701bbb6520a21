"""Initialisations, log-uniform numbers, batches, splits and training: right ones are never blamed, slips are named.

The p-values behind the judges have their own tests in tests/test_distribution.py.
"""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.course import load_course
from grader.distribution import frequencies_p_value
from grader.verify.trial import trials

NAMES = (
    "init_gaussian",
    "he_init",
    "xavier_init",
    "sample_log_uniform",
    "mini_batches",
    "train_dev_test_split",
    "train_softmax_classifier",
)
TOPICS = load_course(Path(__file__).parents[2], NAMES).topics
CHEAP = NAMES[:-1]
FALSE_ALARM_RATE = 1e-6
init_gaussian, he_init, xavier_init, sample_log_uniform, mini_batches, split, train = (
    TOPICS[name].forward for name in NAMES
)

SENTENCES = {
    "init_gaussian": {
        "uniform_numbers": "None is negative",
        "all_zeros": "All weights are equal",
        "std_taken_for_variance": "times the one that is asked for",
        "fixed_scale": "times the one that is asked for",
        "outputs_first": "wrong shape",
        "seeds_itself": "different states",
        "same_weights_for_all_units": "not independent along axis 1",
    },
    "he_init": {
        "variance_one_over_n": "about 0.7",
        "variance_taken_for_std": "times the one that is asked for",
        "counts_units": "times the one that is asked for",
        "uniform_numbers": "None is negative",
        "uniform_of_right_variance": "not Gaussian",
        "units_first": "wrong shape",
    },
    "xavier_init": {
        "variance_two_over_n": "about 1.4",
        "variance_taken_for_std": "times the one that is asked for",
        "counts_units": "times the one that is asked for",
        "counts_inputs_and_units": "times the one that is asked for",
        "uniform_numbers": "None is negative",
        "uniform_of_right_variance": "not Gaussian",
    },
    "sample_log_uniform": {
        "uniform_on_linear_scale": "not spread evenly",
        "whole_exponents": "not spread evenly",
        "even_grid": "drawn at random",
        "bases_mixed": "between low and high",
        "normal_exponents": "not spread evenly",
        "one_draw_for_all": "not independent",
        "exponents_returned": "between low and high",
    },
    "mini_batches": {
        "not_shuffled": "shuffle the examples",
        "shuffled_apart": "labels of others",
        "last_batch_dropped": "Examples are lost",
        "empty_batch_at_end": "is empty",
        "with_replacement": "comes twice",
        "batches_shuffled_only": "old neighbours",
        "shuffled_within_batches": "old places",
        "seeds_itself": "same batches",
        "equal_parts": "must have batch_size examples",
    },
    "train_dev_test_split": {
        "not_shuffled": "same split",
        "random_start_only": "neighbours",
        "shuffled_apart": "labels of others",
        "dev_cut_from_training": "there twice",
        "sizes_rounded_down": "Examples are lost",
        "fractions_in_other_order": "wrong size",
        "six_arrays": "three pairs",
        "seeds_itself": "same split",
    },
    "train_softmax_classifier": {
        "labels_not_shuffled": "clearly above",
        "never_shuffled": "shuffle the examples",
        "no_bias": "b is still 0",
        "uphill": "downhill",
        "summed_gradient": "clearly above",
        "first_batch_only": "clearly above",
        "one_epoch": "clearly above",
        "classes_counted_from_labels": "W has the wrong shape",
    },
}


def complaints(topic, function, seed):
    return [ruling.reason for t in trials(topic, str(seed)) if not (ruling := t.rule(function)).passed]


# --- the judges --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHEAP)
def test_right_functions_are_never_blamed(name):
    topic = TOPICS[name]
    for seed in range(60):
        assert complaints(topic, topic.forward, seed) == []
    for alternate, seed in itertools.product(topic.alternates, range(10)):
        assert complaints(topic, alternate, seed) == []


@pytest.mark.parametrize(("name", "mistake"), [(n, m) for n, topic in TOPICS.items() for m in topic.mistakes])
def test_every_mistake_is_named(name, mistake):
    for seed in range(2 if name not in CHEAP else 10):
        found = complaints(TOPICS[name], mistake.function, f"mistake {seed}")
        assert any(SENTENCES[name][mistake.name] in sentence for sentence in found), found


def test_every_listed_mistake_has_its_sentence():
    assert {name: {m.name for m in topic.mistakes} for name, topic in TOPICS.items()} == {
        name: set(SENTENCES[name]) for name in NAMES
    }


ARRAY = np.arange(6.0).reshape(3, 2)
ANSWERS = [
    None,
    True,
    2.5,
    "weights",
    (),
    [],
    {},
    [None, None, None],
    ["ab", "cd"],
    ARRAY,
    ARRAY[0],
    np.array(1.0),
    np.empty(0),
    ARRAY.astype(int),
    ARRAY.astype(str),
    ARRAY.astype(object),
    ARRAY + 0j,
    (ARRAY, ARRAY[:, 0]),
    (ARRAY, ARRAY[0], ARRAY),
    [(ARRAY, ARRAY[:, 0])],
    [(ARRAY, ARRAY[:, 0])] * 3,
    [(ARRAY, None)] * 3,
    [(ARRAY[:0], ARRAY[:0, 0])] * 3,
    [(np.array(1.0), np.array(1.0))] * 3,
    [[[ARRAY]]],
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: repr(answer)[:24])
def test_any_answer_gets_one_sentence(name, answer):
    for trial in trials(TOPICS[name], "answers"):
        sentence = trial.policy.judge(trial.inputs, [answer] * len(trial.policy.draws))
        assert isinstance(sentence, str) and sentence.endswith((".", "?")) and "\n" not in sentence


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 0.0, 1e300])
def test_arrays_of_the_right_shape_with_absurd_numbers_are_refused(name, number):
    def fill(value):
        return type(value)(map(fill, value)) if isinstance(value, tuple | list) else np.full_like(value, number)

    def function(**inputs):
        with np.errstate(all="ignore"):
            return fill(TOPICS[name].forward(**inputs))

    assert complaints(TOPICS[name], function, "absurd")


@pytest.mark.parametrize("name", ["sample_log_uniform", "mini_batches", "train_dev_test_split"])
def test_the_tests_of_a_case_together_keep_the_false_alarm_rate(name):
    tests = {"sample_log_uniform": 3, "mini_batches": 2, "train_dev_test_split": 12}[name]
    assert tests * TOPICS[name].compare.judge.__globals__["LEVEL"] <= FALSE_ALARM_RATE


# --- bad input ---------------------------------------------------------------------------------------------------

X, Y, RNG = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2]), np.random.default_rng(0)
REFUSED = [
    ("init_gaussian", (0, 3, 0.1), "0 and 3"),
    ("init_gaussian", (3, 3, 0.0), "std"),
    ("he_init", (3, 0), "3 and 0"),
    ("xavier_init", (-1, 2), "-1 and 2"),
    ("sample_log_uniform", (0.0, 1.0, 5), "0 < low < high"),
    ("sample_log_uniform", (2.0, 1.0, 5), "2.0 and 1.0"),
    ("sample_log_uniform", (1.0, 2.0, 0), "size"),
    ("mini_batches", (X, Y[:5], 2), r"\(5,\)"),
    ("mini_batches", (X, Y, 0), "batch_size"),
    ("train_dev_test_split", (X[:, 0], Y, (0.6, 0.2, 0.2)), "X has shape"),
    ("train_dev_test_split", (X, Y, (0.6, 0.2, 0.3)), "sum 1"),
    ("train_dev_test_split", (X, Y, (1.2, -0.1, -0.1)), ">= 0"),
    ("train_dev_test_split", (X, Y, (0.5, 0.5)), "three"),
    ("train_softmax_classifier", (X, Y[:5], 3, 0.1, 1, 2), r"\(5,\)"),
    ("train_softmax_classifier", (X, Y, 3, 0.1, 0, 2), "epochs 0"),
    ("train_softmax_classifier", (X, Y, 3, -0.1, 1, 2), "lr -0.1"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), REFUSED)
def test_bad_input_is_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        TOPICS[name].forward(*arguments, RNG)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "arguments", "message"), REFUSED)
def test_bad_input_is_refused_in_torch_too(name, arguments, message):
    torch = pytest.importorskip("torch")
    tensors = [torch.from_numpy(value) if isinstance(value, np.ndarray) else value for value in arguments]
    with pytest.raises(ValueError, match=message):
        TOPICS[name].torch(*tensors, torch.Generator())


@pytest.mark.parametrize("y", [[0, 1, 2, 0, 1, 3], [0, 1, -1, 0, 1, 2]])
def test_unknown_labels_are_refused(y):
    with pytest.raises(ValueError, match="labels must lie between 0 and 2"):
        train(X, np.array(y), 3, 0.1, 1, 2, RNG)


# --- first principles --------------------------------------------------------------------------------------------


def test_he_keeps_the_mean_square_through_relu_layers_and_xavier_through_linear_ones():
    rng = np.random.default_rng(1)
    relu = linear = halved = rng.standard_normal((200, 400))
    for _ in range(8):
        relu = np.maximum(relu @ he_init(400, 400, rng), 0)
        linear = linear @ xavier_init(400, 400, rng)
        halved = np.maximum(halved @ xavier_init(400, 400, rng), 0)
    for signal in (linear, relu, 2**4 * halved):  # with variance 1 / n_in each ReLU halves the mean square
        assert 0.5 < (signal**2).mean() < 2


def test_each_decade_gets_its_share_of_log_uniform_numbers():
    samples = sample_log_uniform(1e-4, 1, 8000, np.random.default_rng(2))
    counts = np.bincount(np.floor(np.log10(samples)).astype(int) + 4, minlength=4)
    assert frequencies_p_value(counts, np.full(4, 0.25)) > 1e-3


def test_batches_by_hand():
    batches = mini_batches(np.arange(14.0).reshape(7, 2), np.arange(7), 3, np.random.default_rng(3))
    assert [(Xb.shape, yb.shape) for Xb, yb in batches] == [((3, 2), (3,)), ((3, 2), (3,)), ((1, 2), (1,))]
    for Xb, yb in batches:
        assert_array_equal(Xb[:, 0], 2 * yb)
    assert sorted(np.concatenate([yb for _, yb in batches])) == list(range(7))


@pytest.mark.parametrize("function", [mini_batches, *TOPICS["mini_batches"].alternates])
def test_all_orders_of_three_examples_are_equally_likely(function):
    rng, orders = np.random.default_rng(4), {order: i for i, order in enumerate(itertools.permutations(range(3)))}
    counts = np.zeros(6, int)
    for _ in range(3000):
        counts[orders[tuple(np.concatenate([yb for _, yb in function(X[:3], np.arange(3), 2, rng)]))]] += 1
    assert frequencies_p_value(counts, np.full(6, 1 / 6)) > 1e-3


@pytest.mark.parametrize(
    ("count", "fractions", "sizes"),
    [
        (10, (0.6, 0.2, 0.2), [6, 2, 2]),
        (6, (0.5, 0.0, 0.5), [3, 0, 3]),
        (4, (1.0, 0.0, 0.0), [4, 0, 0]),
        (20, (0.7, 0.0, 0.3), [14, 0, 6]),  # 0.7 + 0.3 and 0.3 * 20 do not round as on paper
    ],
)
def test_sizes_by_hand(count, fractions, sizes):
    parts = split(np.arange(2.0 * count).reshape(count, 2), np.arange(count), fractions, np.random.default_rng(5))
    assert [len(labels) for _, labels in parts] == sizes
    assert sorted(np.concatenate([labels for _, labels in parts])) == list(range(count))


def test_no_size_is_ever_off_by_more_than_one():
    rng = np.random.default_rng(6)
    for _ in range(500):
        fractions, count = rng.dirichlet([1, 1, 1]), int(rng.integers(1, 60))
        for function in (split, *TOPICS["train_dev_test_split"].alternates):
            parts = function(np.zeros((count, 1)), np.zeros(count, int), tuple(fractions), rng)
            assert all(abs(len(p) - f * count) <= 1 + 1e-9 for (p, _), f in zip(parts, fractions, strict=True))


@pytest.mark.parametrize("function", [split, *TOPICS["train_dev_test_split"].alternates])
def test_every_example_is_equally_often_in_every_set(function):
    rng, counts = np.random.default_rng(7), np.zeros((3, 5), int)
    data = np.arange(5.0)[:, None]
    for _ in range(2000):
        for part, (_, labels) in enumerate(function(data, np.arange(5), (0.4, 0.4, 0.2), rng)):
            counts[part, labels] += 1
    for part in counts:
        assert frequencies_p_value(part, np.full(5, 0.2)) > 1e-3


# --- training ----------------------------------------------------------------------------------------------------

JUDGE = TOPICS["train_softmax_classifier"].compare.judge.__globals__


yardstick, loss_of = JUDGE["yardstick"], JUDGE["_loss"]


def test_without_features_training_finds_how_frequent_the_classes_are():
    y = np.array([0] * 6 + [1] * 3 + [2] * 1)
    shares = np.array([0.6, 0.3, 0.1])
    W, b = train(np.zeros((10, 1)), y, 3, 0.5, 400, 10, np.random.default_rng(8))
    assert_array_equal(W, np.zeros((1, 3)))
    assert_allclose(np.exp(b) / np.exp(b).sum(), shares, rtol=1e-4)
    entropy = -(shares * np.log(shares)).sum()
    assert_allclose(yardstick(np.zeros((10, 1)), y, 3, 0.5, 400, 10)[0], entropy, rtol=1e-6)


def test_the_yardsticks_of_the_cases_are_near_the_lowest_loss():
    for trial in trials(TOPICS["train_softmax_classifier"], "lowest"):
        X, y, num_classes, lr = (trial.inputs[name] for name in ("X", "y", "num_classes", "lr"))
        lowest = loss_of(X, y, *train(X.astype("f8"), y, num_classes, lr, 6000, len(X), RNG))
        assert -1e-9 < yardstick(**trial.inputs)[0] - lowest < JUDGE["EXCESS"]


def test_one_step_of_training_by_hand():
    # Zero weights give probabilities 1/2: dscores are (-1/2, 1/2) for class 0 and (1/2, -1/2) for class 1.
    W, b = train(np.array([[2.0], [4.0]]), np.array([0, 1]), 2, 0.5, 1, 2, np.random.default_rng(10))
    assert_array_equal(W, [[-0.25, 0.25]])
    assert_array_equal(b, [0, 0])


@pytest.mark.parametrize("function", [train, *TOPICS["train_softmax_classifier"].alternates])
def test_training_keeps_well_inside_its_margins(function):
    for seed, trial in itertools.product(range(4), range(len(TOPICS["train_softmax_classifier"].cases))):
        trial = trials(TOPICS["train_softmax_classifier"], f"margin {seed}")[trial]
        X, y = trial.inputs["X"], trial.inputs["y"]
        lowest, held_out, accuracy = yardstick(**trial.inputs)
        W, b = (part.astype("f8") for part in trial.answers(function)[0])
        assert loss_of(X, y, W, b) - lowest < JUDGE["EXCESS"] / 2
        assert held_out is None or accuracy - JUDGE["_accuracy"](*held_out, W, b) < JUDGE["SHORTFALL"] / 2
