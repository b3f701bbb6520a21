"""The cost with an L1 penalty, which makes weights vanish (notes, section 3.1)."""

import numpy as np

from grader import Case, Mistake, Topic


def l1_cost(data_loss, weights, lam, m):
    """Add the L1 penalty of all layers to the loss on the data.

    data_loss: number, the mean loss over the examples
    weights: list of float arrays, the weights of each layer, of any shapes (matrices, or filters); biases are left out
    lam: number >= 0, the strength of the regularization
    m: integer >= 1, the number of examples
    returns: number: data_loss + lam / m * (the sum over the layers of the absolute values of all weights)

    The factor is lam over m, without the 2 of l2_cost. A negative lam and an m below 1 are a ValueError.
    Source: notes, section 3.1.
    """
    _check(lam, m)
    return data_loss + lam / m * sum(np.abs(W).sum() for W in weights)


def l1_cost_backward(dout, data_loss, weights, lam, m):
    """Differentiate dout * l1_cost(data_loss, weights, lam, m) with respect to the weights.

    dout: number, the gradient arriving from above; the other parameters are those of l1_cost
    returns: list of float arrays, one gradient for each array of weights, with its shape and dtype

    The size of a weight does not matter, only its sign; at 0, where there is no derivative, the gradient is 0.
    """
    return [dout * lam / m * np.sign(W) for W in weights]


def l1_cost_torch(data_loss, weights, lam, m):
    _check(lam, m)
    return data_loss + lam / m * sum(W.abs().sum() for W in weights)


def _check(lam, m):
    if lam < 0:
        raise ValueError(f"lam is {lam}; it must not be negative")
    if m < 1:
        raise ValueError(f"m is {m}; there is at least one example")


def all_weights_in_one_vector(data_loss, weights, lam, m):
    return data_loss + lam * np.linalg.norm(np.concatenate([W.ravel() for W in weights]), 1) / m


def weight_by_weight(data_loss, weights, lam, m):
    return data_loss + sum(lam / m * max(value, -value) for W in weights for value in W.ravel().tolist())


def abs_forgotten(data_loss, weights, lam, m):
    return data_loss + lam / m * sum(W.sum() for W in weights)


def squares_instead(data_loss, weights, lam, m):
    return data_loss + lam / m * sum((W**2).sum() for W in weights)


def largest_column_sum(data_loss, weights, lam, m):
    return data_loss + lam / m * sum(np.linalg.norm(W, 1) for W in weights)


def half_as_in_l2(data_loss, weights, lam, m):
    return data_loss + lam / (2 * m) * sum(np.abs(W).sum() for W in weights)


def one_layer_only(data_loss, weights, lam, m):
    return data_loss + lam / m * np.abs(weights[-1]).sum()


def keeps_the_size(dout, data_loss, weights, lam, m):
    return [dout * lam / m * W for W in weights]


def sign_forgotten(dout, data_loss, weights, lam, m):
    return [dout * lam / m * np.ones_like(W) for W in weights]


def pushes_zeros(dout, data_loss, weights, lam, m):
    return [dout * lam / m * np.where(W > 0, 1, -1).astype(W.dtype) for W in weights]


def dout_forgotten(dout, data_loss, weights, lam, m):
    return [lam / m * np.sign(W) for W in weights]


def _layers(rng, *shapes, lam=0.7, m=12, dtype="f8"):
    weights = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    return {"data_loss": float(rng.uniform(0.2, 2)), "weights": weights, "lam": lam, "m": m}


def _by_hand(rng):
    weights = [rng.integers(1, 5, shape) * rng.choice([-1.0, 1.0], shape) for shape in ((2, 3), (3, 1))]
    return {"data_loss": 0.5, "weights": weights, "lam": 0.2, "m": 10}


def _one_layer(rng):
    return {"data_loss": 1.25, "weights": [rng.choice([-2.0, -0.5, 1.5, 3.0], (2, 2))], "lam": 2.0, "m": 4}


def _some_zeros(rng):
    inputs = _layers(rng, (4, 3), (3, 2))
    for W in inputs["weights"]:
        W[rng.permutation(len(W))[:2]] = 0
    return inputs


def _other_layouts(rng):
    inputs = _layers(rng, (4, 6), (6, 8))
    return inputs | {"weights": [np.asfortranarray(inputs["weights"][0]), inputs["weights"][1][::2, ::2]]}


TOPIC = Topic(
    forward=l1_cost,
    backward=l1_cost_backward,
    torch=l1_cost_torch,
    wrt=("weights",),
    cases=(
        Case("two small layers", _by_hand, visible=True),
        Case("one layer", _one_layer, visible=True),
        Case("three layers", lambda rng: _layers(rng, (20, 10), (10, 5), (5, 3), lam=3.0, m=50)),
        Case("float32", lambda rng: _layers(rng, (16, 12), (12, 4), dtype="f4")),
        Case("filters and a matrix", lambda rng: _layers(rng, (3, 3, 2, 4), (8, 5))),
        Case("other memory layouts", _other_layouts),
        Case("some weights are 0", _some_zeros, aspect="edge"),
        Case("without regularization", lambda rng: _layers(rng, (3, 4), (4, 2), lam=0.0), aspect="edge"),
        Case("one example, one weight", lambda rng: _layers(rng, (1, 1), m=1), aspect="edge"),
    ),
    mistakes=(
        Mistake(abs_forgotten, "Positive and negative weights cancel: a penalty counts their sizes."),
        Mistake(squares_instead, "The squares are added up, which is L2. L1 adds up the sizes of the weights."),
        Mistake(
            largest_column_sum,
            "For a matrix this library norm is the largest sum of a column. For a vector it is what you want.",
        ),
        Mistake(half_as_in_l2, "The penalty is half of what it should be: in L1 there is no square to make up for."),
        Mistake(one_layer_only, "One layer alone is penalised: the sum runs over all of them."),
        Mistake(
            keeps_the_size,
            "The gradient grows with the weight, as in L2. The slope of the absolute value is the same everywhere "
            "on one side of 0, and this is why L1 drives small weights to exactly 0.",
            gradient=True,
        ),
        Mistake(
            sign_forgotten,
            "All weights are pushed the same way: the slope of the absolute value differs on the two sides of 0.",
            gradient=True,
        ),
        Mistake(
            pushes_zeros,
            "Weights that are 0 get a push. The absolute value has its minimum there, so leave them alone.",
            gradient=True,
        ),
        Mistake(
            dout_forgotten,
            "The gradient does not pass on dout: by the chain rule it multiplies every gradient.",
            gradient=True,
        ),
    ),
    alternates=(all_weights_in_one_vector, weight_by_weight),
)
