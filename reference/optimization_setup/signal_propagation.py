"""How far a signal carries through a deep network: vanishing and exploding activations (notes, section 4.2)."""

import itertools

import numpy as np

from grader import Case, Mistake, Topic
from grader.picture import curves
from grader.shapes import check_shapes


def signal_propagation(X, weights):
    """Send a batch through ReLU layers without biases and return the spread of each layer's output.

    X: float array (N, D), one example per row
    weights: list of L >= 1 float arrays, same dtype as X; the first is (D, n_1), the next (n_1, n_2), and so on
    returns: list of L numbers, or an array (L,): the standard deviation of each layer's output, first layer first

    Layer l computes a_l = max(0, a_(l-1) W_l) with a_0 = X. Its standard deviation is a single number, taken over all
    elements of a_l, for all examples and units alike, zeros included: the root of the mean squared distance from their
    mean (divided by their number, not by one less). The input has no entry of its own. With too small weights the
    numbers shrink to nothing from layer to layer, with too large ones they explode. Raises ValueError where the shapes
    do not fit.
    Source: notes, section 4.2.
    """
    spreads = []
    for W in weights:
        check_shapes(activations=(X, "N D"), W=(W, "D K"))
        X = np.maximum(X @ W, 0)
        spreads.append(X.std())
    return spreads


def signal_propagation_torch(X, weights):
    spreads = []
    for W in weights:
        check_shapes(activations=(X, "N D"), W=(W, "D K"))
        X = (X @ W).relu()
        spreads.append(X.std(correction=0))
    return spreads


def _layers(X, weights, activation=lambda z: np.maximum(z, 0)):
    """Return the outputs of all layers."""
    outputs = []
    for W in weights:
        X = activation(X @ W)
        outputs.append(X)
    return outputs


def mean_squared_distances(X, weights):
    return [((a - a.mean()) ** 2).mean() ** 0.5 for a in _layers(X, weights, lambda z: z * (z > 0))]


def example_by_example(X, weights):
    rows, spreads = list(X.astype("f8")), []
    for W in weights:
        rows = [np.array([max(sum(x * w), 0) for w in W.T]) for x in rows]
        values = [value for row in rows for value in row]
        mean = sum(values) / len(values)
        spreads.append((sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5)
    return spreads


def without_relu(X, weights):
    return [a.std() for a in _layers(X, weights, lambda z: z)]


def before_the_relu(X, weights):
    return [(a @ W).std() for a, W in zip([X, *_layers(X, weights)], weights, strict=False)]


def input_counted_too(X, weights):
    return [a.std() for a in (X, *_layers(X, weights))]


def variances(X, weights):
    return [a.var() for a in _layers(X, weights)]


def divided_by_one_less(X, weights):
    return [a.std(ddof=min(1, a.size - 1)) for a in _layers(X, weights)]


def root_mean_square(X, weights):
    return [np.sqrt((a**2).mean()) for a in _layers(X, weights)]


def averaged_over_units(X, weights):
    return [a.std(axis=0).mean() for a in _layers(X, weights)]


def last_layer_only(X, weights):
    return _layers(X, weights)[-1].std()


def _network(rng, n, sizes, gain, dtype="f8"):
    """Draw a batch of n examples and layers of the given sizes, whose weights have variance gain / n_in."""
    shapes = itertools.pairwise(sizes)
    weights = [(rng.standard_normal(shape) * np.sqrt(gain / shape[0])).astype(dtype) for shape in shapes]
    return {"X": rng.standard_normal((n, sizes[0])).astype(dtype), "weights": weights}


def _by_hand(rng):
    X = rng.permutation([1.0, -2.0, 3.0, 4.0]).reshape(2, 2)
    return {"X": X, "weights": [np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([[1.0, 2.0], [2.0, -1.0]])]}


def _one_layer(rng):
    return {"X": rng.integers(-3, 4, (3, 2)).astype("f8"), "weights": [rng.integers(-2, 3, (2, 3)).astype("f8")]}


def _dead_layer(rng):
    inputs = _network(rng, 4, (3, 5, 4, 2), 2.0)
    inputs["weights"][1] = -np.abs(inputs["weights"][1])
    return inputs


def _other_layouts(rng):
    inputs = _network(rng, 10, (12, 8, 6), 2.0)
    first, second = inputs["weights"]
    return {"X": inputs["X"][::2, ::2], "weights": [np.asfortranarray(first[::2]), second[:, ::-1]]}


def _curves(inputs, expected, actual):
    said = f"Expected for the last layer: {expected[-1]:.3g}; yours: {float(actual[-1]):.3g}."
    lines = {"expected": expected, "yours": actual}
    return curves(f"The spread of each layer's output. {said}", {k: list(enumerate(v, 1)) for k, v in lines.items()})


TOPIC = Topic(
    forward=signal_propagation,
    torch=signal_propagation_torch,
    cases=(
        Case("two layers", _by_hand, visible=True),
        Case("one layer", _one_layer, visible=True),
        Case("layers of different sizes", lambda rng: _network(rng, 8, (5, 7, 3, 6), 2.0)),
        Case("vanishing", lambda rng: _network(rng, 6, (10,) * 7, 0.5)),
        Case("exploding", lambda rng: _network(rng, 6, (10,) * 7, 6.0)),
        Case("float32", lambda rng: _network(rng, 12, (9, 8, 8, 5), 2.0, "f4")),
        Case("other memory layouts", _other_layouts),
        Case("a layer that passes nothing on", _dead_layer, aspect="edge"),
        Case("one example and one unit", lambda rng: _network(rng, 1, (4, 6, 1), 2.0), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            without_relu,
            "The layers are linear. The ReLU cuts off half of the signal, so without it the numbers are too large.",
        ),
        Mistake(before_the_relu, "The spread is measured before the ReLU. What the next layer gets comes after it."),
        Mistake(input_counted_too, "There is an entry too many: the input is not a layer's output."),
        Mistake(variances, "These are variances: the standard deviation is asked for."),
        Mistake(
            divided_by_one_less,
            "The squared distances are divided by one less than the number of elements. "
            "Here they are divided by that number; PyTorch's std does otherwise unless you tell it.",
        ),
        Mistake(
            root_mean_square,
            "This is the distance from 0. After a ReLU the mean is positive, and the spread is measured around it.",
        ),
        Mistake(
            averaged_over_units,
            "Each unit is measured on its own. All elements of a layer's output count together, around one mean.",
        ),
        Mistake(last_layer_only, "Only the last layer is measured. Every layer has a number of its own."),
    ),
    alternates=(mean_squared_distances, example_by_example),
    picture=_curves,
)
