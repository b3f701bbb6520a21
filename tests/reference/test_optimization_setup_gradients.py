"""Signal propagation and numerical gradients: values by hand, stated conventions, bad input."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from grader.compare import compare
from grader.course import load_course
from grader.oracle import case_inputs, expect_values

TOPICS = load_course(Path(__file__).parents[2], ["signal_propagation", "numerical_gradient", "gradient_check"]).topics
signal_propagation = TOPICS["signal_propagation"].forward
numerical_gradient = TOPICS["numerical_gradient"].forward
gradient_check = TOPICS["gradient_check"].forward


def cubes(theta):
    return (theta**3).sum()


# --- signal_propagation ------------------------------------------------------------------------------------------


def test_the_spread_of_two_layers_by_hand():
    """The first layer gives 0, 1, 2, 0 (mean 3/4, mean square 5/4), the second 2, 3, 2, 4 of its columns, and so on."""
    X, first = np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([[1.0, -1.0], [-1.0, 1.0]])
    second = np.array([[1.0, 2.0], [2.0, -1.0]])  # a_1 = [[0, 1], [2, 0]], a_2 = [[2, 0], [2, 4]]
    one, two = signal_propagation(X, [first, second])
    assert one == pytest.approx(np.sqrt(5 / 4 - 9 / 16))
    assert two == pytest.approx(np.sqrt(24 / 4 - 4))


def test_a_relu_of_a_gaussian_has_the_known_spread():
    """For a standard normal z the mean of max(0, z) is 1 / sqrt(2 pi) and its mean square 1 / 2."""
    X = np.random.default_rng(0).standard_normal((400_000, 1))
    assert signal_propagation(X, [np.ones((1, 1))])[0] == pytest.approx(np.sqrt(1 / 2 - 1 / (2 * np.pi)), rel=5e-3)


@pytest.mark.parametrize(("gain", "low", "high"), [(1.0, 0.0, 0.1), (2.0, 0.4, 2.5), (4.0, 10.0, 1e3)])
def test_signals_vanish_stay_or_explode_with_the_variance_of_the_weights(gain, low, high):
    rng, n = np.random.default_rng(1), 300
    weights = [rng.standard_normal((n, n)) * np.sqrt(gain / n) for _ in range(8)]
    spreads = signal_propagation(rng.standard_normal((50, n)), weights)
    assert low < spreads[-1] / spreads[0] < high


def test_a_dead_layer_passes_nothing_on():
    assert signal_propagation(np.ones((2, 2)), [-np.ones((2, 2)), np.ones((2, 3))]) == [0, 0]


def test_a_list_and_an_array_are_both_right():
    topic = TOPICS["signal_propagation"]
    for case in topic.cases:
        inputs = case_inputs(topic, case, "list or array")
        for kind in (list, tuple, np.array):
            assert compare(expect_values(topic, case, inputs), kind(signal_propagation(**inputs))) is None


@pytest.mark.parametrize(
    ("X", "weights"),
    [
        (np.ones(3), [np.ones((3, 2))]),
        (np.ones((2, 3)), [np.ones((2, 3))]),
        (np.ones((2, 3)), [np.ones((3, 4)), np.ones((3, 4))]),
        (np.ones((2, 3)), [np.ones(3)]),
    ],
)
def test_layers_that_do_not_fit_are_refused(X, weights):
    with pytest.raises(ValueError, match=r"shape|must be"):
        signal_propagation(X, weights)


# --- numerical_gradient ------------------------------------------------------------------------------------------


def test_the_central_difference_of_a_cube_is_off_by_eps_squared():
    """((t + e)^3 - (t - e)^3) / 2e = 3 t^2 + e^2."""
    theta = np.array([[1.0, -2.0], [0.0, 3.0]])
    assert numerical_gradient(cubes, theta, 0.5) == pytest.approx(3 * theta**2 + 0.25)


def test_only_one_element_moves_at_a_time():
    asked = []

    def f(theta):
        asked.append(theta.copy())
        return theta.sum()

    theta = np.arange(6.0).reshape(2, 3)
    numerical_gradient(f, theta, 0.25)
    moves = np.array(asked) - theta
    assert all(move.shape == theta.shape and (move != 0).sum() == 1 for move in moves)
    assert sorted(moves[moves != 0]) == [-0.25] * 6 + [0.25] * 6


@pytest.mark.parametrize("function", [TOPICS["numerical_gradient"].forward, *TOPICS["numerical_gradient"].alternates])
def test_the_point_is_left_as_it_was(function):
    theta = np.random.default_rng(2).standard_normal((3, 4))
    before = theta.copy()
    function(cubes, theta, 1e-3)
    assert (theta == before).all()


def test_the_default_step_gives_nine_digits():
    theta = np.random.default_rng(3).uniform(1, 2, 5)
    assert numerical_gradient(cubes, theta) == pytest.approx(3 * theta**2, rel=1e-9)


def test_a_number_without_axes_has_a_gradient_too():
    gradient = numerical_gradient(lambda t: t**2, np.array(3.0))
    assert gradient.shape == ()
    assert gradient == pytest.approx(6)


@pytest.mark.parametrize("eps", [0, -1e-5, np.nan])
def test_a_step_that_is_not_positive_is_refused(eps):
    with pytest.raises(ValueError, match="eps"):
        numerical_gradient(cubes, np.ones(2), eps)


def test_integers_are_refused_since_they_cannot_move_by_eps():
    with pytest.raises(ValueError, match="int64"):
        numerical_gradient(cubes, np.array([1, 2]))


# --- gradient_check ----------------------------------------------------------------------------------------------


def squares(theta):
    return (theta**2).sum()


@pytest.mark.parametrize(("factor", "error"), [(2, 0), (1, 1 / 3), (3, 1 / 5), (6, 1 / 2), (0, 1), (-2, 1)])
def test_the_error_of_a_multiple_of_the_gradient(factor, error):
    theta = np.array([3.0, 4.0])  # its gradient is 2 theta, of length 10, which central differences give exactly
    assert gradient_check(squares, theta, factor * theta, 0.5) == pytest.approx(error, abs=1e-15)


def test_gradients_at_a_right_angle_by_hand():
    """(6, 0) and (0, 8): the difference has length 10, the sum of the lengths is 14."""
    assert gradient_check(squares, np.array([3.0, 0.0]), np.array([0.0, 8.0]), 0.5) == pytest.approx(10 / 14)


def test_a_right_gradient_passes_and_a_wrong_one_does_not():
    theta = np.random.default_rng(4).standard_normal((4, 3))
    assert gradient_check(cubes, theta, 3 * theta**2) < 1e-7
    assert gradient_check(cubes, theta, 3.01 * theta**2) > 1e-3


def test_nothing_over_nothing_is_nothing():
    assert gradient_check(lambda theta: 0 * theta.sum(), np.ones((2, 2)), np.zeros((2, 2))) == 0


def test_torch_gives_no_nan_for_two_zeros():
    torch = pytest.importorskip("torch")
    theta = torch.ones(2, 2, dtype=torch.float64)
    assert TOPICS["gradient_check"].torch(lambda t: 0 * t.sum(), theta, torch.zeros_like(theta)) == 0


def test_gradients_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\).*\(2, 1\)"):
        gradient_check(squares, np.ones((2, 1)), np.ones(2))


def test_a_guard_against_zero_in_the_denominator_is_harmless():
    """A right answer with 1e-8 added to the denominator passes: gradients in the cases are long enough."""
    topic = TOPICS["gradient_check"]
    for case, seed in itertools.product(topic.cases, range(20)):
        inputs = case_inputs(topic, case, f"guard {seed}")
        approx = numerical_gradient(inputs["f"], inputs["theta"], inputs.get("eps", 1e-5))
        total = np.linalg.norm(approx) + np.linalg.norm(inputs["grad"])
        answer = np.linalg.norm(approx - inputs["grad"]) / (total + 1e-8)
        assert compare(expect_values(topic, case, inputs), answer) is None, case.name
