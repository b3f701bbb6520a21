"""The softmax classifier from first principles: values worked by hand, limits, invariances, chain rule."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader.compare import compare
from grader.course import load_course
from grader.oracle import case_inputs, expect_values

NAMES = (
    "normalize_fit",
    "normalize_apply",
    "affine_forward",
    "softmax",
    "one_hot",
    "cross_entropy",
    "softmax_cross_entropy",
    "softmax_regression",
    "sgd_step",
    "momentum_step",
    "decay_learning_rate",
)
TOPICS = load_course(Path(__file__).parents[2], NAMES).topics
normalize_fit, normalize_apply = TOPICS["normalize_fit"].forward, TOPICS["normalize_apply"].forward
softmax, softmax_backward = TOPICS["softmax"].forward, TOPICS["softmax"].backward
cross_entropy, cross_entropy_backward = TOPICS["cross_entropy"].forward, TOPICS["cross_entropy"].backward
affine_forward, affine_backward = TOPICS["affine_forward"].forward, TOPICS["affine_forward"].backward
one_hot, decay_learning_rate = TOPICS["one_hot"].forward, TOPICS["decay_learning_rate"].forward
softmax_cross_entropy = TOPICS["softmax_cross_entropy"].forward
softmax_cross_entropy_backward = TOPICS["softmax_cross_entropy"].backward
softmax_regression = TOPICS["softmax_regression"].forward
softmax_regression_backward = TOPICS["softmax_regression"].backward
sgd_step, momentum_step = TOPICS["sgd_step"].forward, TOPICS["momentum_step"].forward

LN2 = 0.6931471805599453


def test_softmax_turns_logarithms_of_weights_into_shares():
    z = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 3.0]])
    assert_allclose(softmax(z), [[1 / 8, 2 / 8, 5 / 8], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-14)


def test_softmax_of_two_classes_is_the_sigmoid_of_the_gap():
    gap = np.linspace(-30, 30, 61)
    assert_allclose(softmax(np.stack([gap, 0 * gap], axis=-1))[:, 0], 1 / (1 + np.exp(-gap)), rtol=1e-13)


@pytest.mark.parametrize("level", [-1e4, -1000.0, 0.0, 1000.0, 1e4])
def test_softmax_does_not_see_the_level(level):
    z = np.array([[0.0, 1.0, 3.0], [2.0, 2.0, -1.0]])
    assert_array_equal(softmax(z + level), softmax(z))


def test_softmax_at_the_limits():
    assert_array_equal(softmax(np.array([1e4, -1e4, 0.0])), [1, 0, 0])
    assert_array_equal(softmax(np.array([[-1e4, -1e4], [1e4, 1e4]])), np.full((2, 2), 0.5))
    assert_array_equal(softmax(np.array([[7.0], [-1e4]])), [[1], [1]])


def test_softmax_takes_the_last_axis_of_any_array():
    z = np.arange(24.0).reshape(2, 3, 4) ** 1.5
    assert_allclose(softmax(z).sum(axis=-1), np.ones((2, 3)), rtol=1e-14)
    assert_array_equal(softmax(z)[1, 2], softmax(z[1, 2]))


def test_softmax_gradient_of_two_classes_by_hand():
    # p = (1/4, 3/4): dp0/dz0 = 3/16 = dp1/dz1, and the mixed derivatives are -3/16
    dz = softmax_backward(np.array([[5.0, 1.0]]), np.log([[1.0, 3.0]]))
    assert_allclose(dz, [[0.75, -0.75]], rtol=1e-14)


def test_softmax_gradient_sums_to_zero_along_rows():
    rng = np.random.default_rng(0)
    dz = softmax_backward(rng.standard_normal((2, 3, 5)), 10 * rng.standard_normal((2, 3, 5)))
    assert_allclose(dz.sum(axis=-1), np.zeros((2, 3)), atol=1e-15)


def test_cross_entropy_by_hand():
    probs = np.array([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5]])
    Y = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert_allclose(cross_entropy(probs, Y), (LN2 + 2 * LN2) / 2, rtol=1e-15)
    assert_allclose(cross_entropy_backward(3.0, probs, Y), [[-3.0, 0, 0], [0, -6.0, 0]], rtol=1e-15)


@pytest.mark.parametrize("classes", [1, 2, 16])
def test_cross_entropy_of_ignorance_is_the_logarithm_of_the_number_of_classes(classes):
    Y = np.eye(classes)
    assert_allclose(cross_entropy(np.full((classes, classes), 1 / classes), Y), np.log2(classes) * LN2, atol=1e-15)


def test_cross_entropy_of_certainty_is_zero():
    Y = np.eye(3)
    assert cross_entropy(Y, Y) == 0
    assert_array_equal(cross_entropy_backward(1.0, Y, Y), -Y / 3)


def test_cross_entropy_does_not_see_the_wrong_classes():
    Y = np.array([[0.0, 1.0, 0.0]])
    losses = [cross_entropy(np.array([row]), Y) for row in ([0.0, 0.4, 0.6], [0.6, 0.4, 0.0], [0.3, 0.4, 0.3])]
    assert losses[0] == losses[1] == losses[2]


def test_cross_entropy_after_softmax_has_the_known_gradient():
    rng = np.random.default_rng(1)
    z, Y = 3 * rng.standard_normal((5, 4)), np.eye(4)[[0, 3, 1, 1, 2]]
    probs = softmax(z)
    dz = softmax_backward(cross_entropy_backward(1.0, probs, Y), z)
    assert_allclose(dz, (probs - Y) / 5, atol=1e-16)


def test_affine_by_hand():
    X, W = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]]), np.array([[1.0, 0.0], [2.0, 1.0], [0.0, -1.0]])
    assert_array_equal(affine_forward(X, W, np.array([10.0, 20.0])), [[15, 19], [8, 18]])


def test_affine_gradient_is_exact_for_integers():
    rng = np.random.default_rng(2)
    X, W, b, dout = (rng.integers(-5, 6, shape).astype("f8") for shape in ((4, 3), (3, 2), (2,), (4, 2)))
    dX, dW, db = affine_backward(dout, X, W, b)
    base = affine_forward(X, W, b)
    hX, hW, hb = (rng.integers(-5, 6, array.shape) for array in (X, W, b))
    assert (dout * (affine_forward(X + hX, W, b) - base)).sum() == (dX * hX).sum()
    assert (dout * (affine_forward(X, W + hW, b) - base)).sum() == (dW * hW).sum()
    assert (dout * (affine_forward(X, W, b + hb) - base)).sum() == (db * hb).sum()


@pytest.mark.parametrize("name", NAMES)
def test_references_are_silent_and_finite_on_every_seed(name):
    """pytest turns warnings into errors, so an overflow or 0/0 in a reference fails here."""
    topic = TOPICS[name]
    for case in topic.cases:
        for seed in range(100):
            inputs = case_inputs(topic, case, f"seed {seed}")
            output = topic.forward(**inputs)
            results = _as_tuple(output)
            if topic.backward:
                dout = 1.5 if np.ndim(output) == 0 else np.ones_like(output)
                results += _as_tuple(topic.backward(dout, **inputs))
            assert all(np.isfinite(result).all() for result in results)
            if given := [array.dtype for array in inputs.values() if getattr(array, "dtype", "i8") in ("f4", "f8")]:
                assert {result.dtype for result in results} == set(given)


def test_cross_entropy_inputs_are_what_the_docstring_promises():
    topic = TOPICS["cross_entropy"]
    for case in topic.cases:
        for seed in range(300):
            probs, Y = case_inputs(topic, case, f"seed {seed}").values()
            assert probs.dtype == Y.dtype
            assert np.isin(Y, (0, 1)).all() and (Y.sum(axis=1) == 1).all()
            assert_allclose(probs.sum(axis=1), 1, rtol=1e-6)
            assert (probs >= 0).all() and (probs[Y == 1] > 1e-6).all()


@pytest.mark.parametrize("guard", [1e-7, 1e-8])
def test_a_clip_that_shows_costs_the_edge_case_and_nothing_else(guard):
    topic = TOPICS["cross_entropy"]
    broken = set()
    for case in topic.cases:
        inputs = case_inputs(topic, case, "clip")
        clipped = np.clip(inputs["probs"], guard, 1 - guard)
        if compare(expect_values(topic, case, inputs), topic.forward(clipped, inputs["Y"])):
            broken.add(case.name)
    assert broken == {"probability exactly 1"}


# --- normalisation -----------------------------------------------------------------------------------------------


def test_normalisation_by_hand():
    mu, sigma = normalize_fit(np.array([[1.0, 10.0, 0.5], [3.0, 50.0, 0.5]]))
    assert_array_equal(mu, [2, 30, 0.5])
    assert_array_equal(sigma, [1, 20, 1])
    assert_array_equal(normalize_apply(np.array([[4.0, 20.0, 0.5]]), mu, sigma), [[2, -0.5, 0]])


def test_one_example_has_no_spread():
    mu, sigma = normalize_fit(np.array([[7.0, -2.5]]))
    assert_array_equal(mu, [7, -2.5])
    assert_array_equal(sigma, [1, 1])


def test_a_normalised_training_set_has_mean_0_and_spread_1():
    X = np.random.default_rng(3).gamma(2, 5, (50, 4))
    mu, sigma = normalize_fit(normalize_apply(X, *normalize_fit(X)))
    assert_allclose(mu, np.zeros(4), atol=1e-14)
    assert_allclose(sigma, np.ones(4), rtol=1e-14)


def test_mean_and_spread_follow_the_units():
    X = np.random.default_rng(4).standard_normal((20, 3))
    mu, sigma = normalize_fit(X)
    moved_mu, moved_sigma = normalize_fit(-4 * X + 1000)
    assert_allclose(moved_mu, -4 * mu + 1000, rtol=1e-14)
    assert_allclose(moved_sigma, 4 * sigma, rtol=1e-12)


def test_the_spread_survives_an_offset():
    X = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    for offset in (1e4, 1e9):
        assert_array_equal(normalize_fit(X + offset)[1], [1])
    assert_array_equal(normalize_fit((X + 1e6).astype("f4"))[1], np.ones(1, "f4"))


# --- one-hot -----------------------------------------------------------------------------------------------------


def test_one_hot_by_hand():
    Y = one_hot(np.array([2, 0, 2]), 4)
    assert_array_equal(Y, [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0]])
    assert Y.dtype == np.float64


def test_one_hot_rows_sum_to_one_and_columns_count():
    y = np.random.default_rng(5).integers(6, size=100).astype("u1")
    Y = one_hot(y, 6)
    assert_array_equal(Y.sum(axis=1), np.ones(100))
    assert_array_equal(Y.sum(axis=0), np.bincount(y, minlength=6))
    assert_array_equal(Y.argmax(axis=1), y)


# --- the loss from the logits ------------------------------------------------------------------------------------


def test_softmax_cross_entropy_by_hand():
    logits = np.log([[1.0, 2.0, 5.0], [4.0, 2.0, 2.0]])  # the right classes have the chances 1/8 and 1/2
    y = np.array([0, 0])
    assert_allclose(softmax_cross_entropy(logits, y), (3 * LN2 + LN2) / 2, rtol=1e-15)
    expected = [[-7 / 8, 2 / 8, 5 / 8], [-1 / 2, 1 / 4, 1 / 4]]
    assert_allclose(softmax_cross_entropy_backward(2.0, logits, y), expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("gap", [800.0, 2000.0, 1e4])
def test_the_loss_of_a_hopeless_example_is_its_gap(gap, dtype):
    logits = np.array([[0.0, gap, -gap]], dtype)
    assert softmax_cross_entropy(logits, np.array([0])) == gap
    assert softmax_cross_entropy(logits, np.array([1])) == 0
    assert_array_equal(softmax_cross_entropy_backward(1.0, logits, np.array([0])), [[-1, 1, 0]])


def test_softmax_cross_entropy_is_the_composition_of_its_parts():
    rng = np.random.default_rng(6)
    logits, y = 3 * rng.standard_normal((6, 4)), rng.integers(4, size=6)
    probs, Y = softmax(logits), one_hot(y, 4)
    assert_allclose(softmax_cross_entropy(logits, y), cross_entropy(probs, Y), rtol=1e-14)
    through_both = softmax_backward(cross_entropy_backward(-1.5, probs, Y), logits)
    assert_allclose(softmax_cross_entropy_backward(-1.5, logits, y), through_both, atol=1e-15)


def test_the_level_of_a_row_of_logits_does_not_matter():
    logits, y = np.array([[0.0, 1.0, 3.0], [2.0, 2.0, -1.0]]), np.array([1, 2])
    moved = logits + np.array([[-1000.0], [1e4]])
    assert softmax_cross_entropy(moved, y) == softmax_cross_entropy(logits, y)
    assert_allclose(softmax_cross_entropy_backward(1.0, logits, y).sum(axis=1), [0, 0], atol=1e-16)


def test_softmax_regression_without_weights_knows_nothing():
    X, y = np.array([[1.0, 2.0], [3.0, -4.0]]), np.array([0, 1])
    W, b = np.zeros((2, 2)), np.zeros(2)
    assert_allclose(softmax_regression(X, y, W, b), LN2, rtol=1e-15)
    dW, db = softmax_regression_backward(4.0, X, y, W, b)  # both rows of dscores are +-1 then
    assert_array_equal(dW, [[2, -2], [-6, 6]])
    assert_array_equal(db, [0, 0])


def test_softmax_regression_is_the_composition_of_its_parts():
    rng = np.random.default_rng(7)
    X, y = rng.standard_normal((6, 3)), rng.integers(4, size=6)
    W, b = rng.standard_normal((3, 4)), rng.standard_normal(4)
    scores = affine_forward(X, W, b)
    assert_allclose(softmax_regression(X, y, W, b), softmax_cross_entropy(scores, y), rtol=1e-15)
    _, dW, db = affine_backward(softmax_cross_entropy_backward(0.7, scores, y), X, W, b)
    for ours, theirs in zip(softmax_regression_backward(0.7, X, y, W, b), (dW, db), strict=True):
        assert_allclose(ours, theirs, rtol=1e-15)


def test_softmax_regression_is_as_stable_as_its_loss():
    X, y, W, b = np.array([[1.0]]), np.array([1]), np.array([[900.0, -900.0]]), np.zeros(2)
    assert softmax_regression(X, y, W, b) == 1800
    assert_array_equal(softmax_regression_backward(1.0, X, y, W, b)[0], [[1, -1]])


# --- steps -------------------------------------------------------------------------------------------------------


def test_sgd_step_by_hand():
    assert_array_equal(sgd_step(np.array([1.0, 2.0]), np.array([4.0, -8.0]), 0.5), [-1, 6])


def test_momentum_by_hand():
    w, velocity = np.array([1.0]), np.zeros(1)
    for gradient, expected in [(4.0, (-1, 4)), (2.0, (-3, 4)), (0.0, (-4, 2))]:
        w, velocity = momentum_step(w, np.array([gradient]), velocity, 0.5, beta=0.5)
        assert (w[0], velocity[0]) == expected


def test_momentum_without_memory_is_plain_descent():
    w, dw, velocity = np.random.default_rng(8).standard_normal((3, 4, 2))
    new_w, new_velocity = momentum_step(w, dw, velocity, 0.1, beta=0)
    assert_array_equal(new_w, sgd_step(w, dw, 0.1))
    assert_array_equal(new_velocity, dw)


def test_momentum_under_a_constant_gradient_gathers_a_geometric_series():
    w, velocity = np.zeros(1), np.zeros(1)
    for _ in range(400):
        w, velocity = momentum_step(w, np.ones(1), velocity, 0.01)
    assert_allclose(velocity, [10], rtol=1e-14)
    assert_allclose(w, [-0.01 * (400 * 10 - 0.9 / 0.1 * 10)], rtol=1e-12)


@pytest.mark.parametrize(
    ("lr0", "epoch", "decay_rate", "expected"),
    [(0.5, 0, 3, 0.5), (0.5, 1, 1, 0.25), (0.5, 6, 0.5, 0.125), (2, 9, 0, 2)],
)
def test_decay_by_hand(lr0, epoch, decay_rate, expected):
    assert decay_learning_rate(lr0, epoch, decay_rate) == expected


# --- bad input ---------------------------------------------------------------------------------------------------

M = np.ones


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("normalize_fit", (M(3),), r"X has shape \(3,\)"),
        ("normalize_apply", (M((2, 3)), M(2), M(3)), r"mu \(2,\) and X \(2, 3\) do not fit"),
        ("normalize_apply", (M((2, 3)), M(3), M((1, 3))), r"sigma has shape \(1, 3\)"),
        ("normalize_apply", (M((2, 2)), M(2), np.array([1.0, 0.0])), "sigma holds 0.0"),
        ("normalize_apply", (M((2, 2)), M(2), np.array([1.0, np.nan])), "sigma holds nan"),
        ("affine_forward", (M((2, 3)), M((2, 3)), M(3)), r"W \(2, 3\) and X \(2, 3\) do not fit"),
        ("affine_forward", (M((2, 3)), M((3, 4)), M((1, 4))), r"b has shape \(1, 4\)"),
        ("softmax", (np.float64(1),), r"z has shape \(\)"),
        ("one_hot", (np.array([[0, 1]]), 2), r"y has shape \(1, 2\)"),
        ("one_hot", (np.array([0, 3]), 3), "the label 3; the 3 classes are 0 to 2"),
        ("one_hot", (np.array([0, -1]), 3), "the label -1"),
        ("one_hot", (np.array([0.0, 1.0]), 3), "y has dtype float64"),
        ("cross_entropy", (M((2, 3)), M((3, 2))), r"Y \(3, 2\) and probs \(2, 3\) do not fit"),
        ("cross_entropy", (M((2, 3)), np.array([0, 1])), r"Y has shape \(2,\)"),
        ("softmax_cross_entropy", (M((2, 3)), np.array([0, 1, 2])), r"y \(3,\) and logits \(2, 3\) do not fit"),
        ("softmax_cross_entropy", (M((2, 3)), np.array([0, 3])), "the label 3"),
        ("softmax_cross_entropy", (M((2, 3)), M((2, 3))), r"y has shape \(2, 3\)"),
        ("softmax_regression", (M((2, 3)), np.array([0, 1]), M((2, 3)), M(3)), r"W \(2, 3\) and X \(2, 3\)"),
        ("softmax_regression", (M((2, 3)), np.array([0, 4]), M((3, 4)), M(4)), "the label 4"),
        ("sgd_step", (M((3, 1)), M((1, 3)), 0.1), r"w has shape \(3, 1\) and dw \(1, 3\)"),
        ("sgd_step", (M(3), M(3), 0), "lr must be above 0, not 0"),
        ("momentum_step", (M(3), M(3), M(1), 0.1), r"not \(3,\), \(3,\), \(1,\)"),
        ("momentum_step", (M(3), M(3), M(3), 0.1, 1.0), "not 0.1 and 1.0"),
        ("momentum_step", (M(3), M(3), M(3), -0.1), "not -0.1 and 0.9"),
        ("decay_learning_rate", (0.1, -1, 0.5), "not 0.1, -1 and 0.5"),
        ("decay_learning_rate", (0.0, 1, 0.5), "not 0.0, 1 and 0.5"),
        ("decay_learning_rate", (0.1, 1, -0.5), "not 0.1, 1 and -0.5"),
    ],
)
def test_bad_input_is_named(name, arguments, words):
    with pytest.raises(ValueError, match=words):
        TOPICS[name].forward(*arguments)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "shapes", "rest"),
    [
        ("normalize_fit", [(3,)], ()),
        ("normalize_apply", [(2, 3), (2,), (3,)], ()),
        ("affine_forward", [(2, 3), (3, 4), (1, 4)], ()),
        ("one_hot", [(1, 2)], (3,)),
        ("softmax", [()], ()),
        ("cross_entropy", [(2, 3), (1, 3)], ()),
        ("softmax_cross_entropy", [(2, 3), (2, 1)], ()),
        ("softmax_regression", [(2, 3), (2,), (3, 4), (1,)], ()),
        ("sgd_step", [(3, 1), (1, 3)], (0.1,)),
        ("momentum_step", [(3,), (3,), (1,)], (0.1,)),
    ],
)
def test_bad_shapes_are_refused_in_torch_too(name, shapes, rest):
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"has shape|do not fit|same shape"):
        TOPICS[name].torch(*map(torch.zeros, shapes), *rest)


# --- what the cases hold -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("one_hot", "decay_learning_rate")])
def test_there_are_matrices_in_other_memory_layouts(name):
    topic = TOPICS[name]
    arrays = [array for case in topic.cases for array in case_inputs(topic, case, "layout").values()]
    layouts = {(a.flags.c_contiguous, a.flags.f_contiguous) for a in arrays if np.ndim(a) == 2 and min(a.shape) > 1}
    assert layouts >= {(True, False), (False, True)}
    assert any(not a.flags.forc for a in arrays if np.ndim(a) == 2)


def test_every_feature_of_the_training_sets_varies_or_is_meant_not_to():
    topic = TOPICS["normalize_fit"]
    for case in topic.cases:
        for seed in range(200):
            spread = np.ptp(case_inputs(topic, case, f"seed {seed}")["X"], axis=0)
            constant = 1 if "always 0" in case.name else len(spread) if case.aspect == "edge" else 0
            assert (spread == 0).sum() == constant


@pytest.mark.parametrize(
    ("name", "mistake", "aspect"),
    [
        ("normalize_fit", "one_pass_variance", "stability"),
        ("normalize_fit", "constant_feature_gets_zero", "edge"),
        ("softmax_cross_entropy", "log_of_softmax", "stability"),
        ("softmax_cross_entropy", "guarded_log", "stability"),
        ("softmax_cross_entropy", "one_max_for_all_rows", "stability"),
        ("softmax_regression", "log_of_the_probabilities", "stability"),
    ],
)
def test_a_slip_in_a_single_demand_costs_its_own_aspect_only(name, mistake, aspect, failed_cases):
    topic = TOPICS[name]
    function = next(known.function for known in topic.mistakes if known.name == mistake)
    aspects = {case.name: case.aspect for case in topic.cases}
    assert {aspects[case] for case in failed_cases(topic, function, secrets=list(map(str, range(40))))} == {aspect}


def _as_tuple(value):
    return value if isinstance(value, tuple) else (value,)
