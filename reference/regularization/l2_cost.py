"""The cost with an L2 penalty (notes, section 3.1)."""

import numpy as np

from grader import Case, Mistake, Topic


def l2_cost(data_loss, weights, lam, m):
    """Add the L2 penalty of all layers to the loss on the data.

    data_loss: number, the mean loss over the examples
    weights: list of float arrays, the weights of each layer, of any shapes (matrices, or filters); biases are left out
    lam: number >= 0, the strength of the regularization (lambda is a word of Python)
    m: integer >= 1, the number of examples
    returns: number: data_loss + lam / (2 * m) * (the sum over the layers of the squares of all weights)

    The factor is lam over 2m. Other texts leave out the 2 or the m; with the 2 the gradient of the penalty is
    lam / m * W. A negative lam and an m below 1 are a ValueError.
    Source: notes, section 3.1, equation (2).
    """
    _check(lam, m)
    return data_loss + lam / (2 * m) * sum((W * W).sum() for W in weights)


def l2_cost_torch(data_loss, weights, lam, m):
    _check(lam, m)
    return data_loss + lam / (2 * m) * sum((W * W).sum() for W in weights)


def _check(lam, m):
    if lam < 0:
        raise ValueError(f"lam is {lam}; it must not be negative")
    if m < 1:
        raise ValueError(f"m is {m}; there is at least one example")


def all_weights_in_one_vector(data_loss, weights, lam, m):
    w = np.concatenate([W.ravel() for W in weights])
    return data_loss + 0.5 * lam * np.dot(w, w) / m


def layer_by_layer(data_loss, weights, lam, m):
    cost = float(data_loss)
    for W in weights:
        cost += lam * float(np.linalg.norm(W)) ** 2 / m / 2
    return cost


def half_forgotten(data_loss, weights, lam, m):
    return data_loss + lam / m * sum((W**2).sum() for W in weights)


def m_forgotten(data_loss, weights, lam, m):
    return data_loss + lam / 2 * sum((W**2).sum() for W in weights)


def parentheses_lost(data_loss, weights, lam, m):
    return data_loss + lam / 2 * m * sum((W**2).sum() for W in weights)


def norm_not_squared(data_loss, weights, lam, m):
    return data_loss + lam / (2 * m) * sum(np.linalg.norm(W) for W in weights)


def one_layer_only(data_loss, weights, lam, m):
    return data_loss + lam / (2 * m) * (weights[-1] ** 2).sum()


def penalty_alone(data_loss, weights, lam, m):
    return lam / (2 * m) * sum((W**2).sum() for W in weights)


def _layers(rng, *shapes, lam=0.7, m=12, dtype="f8"):
    weights = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    return {"data_loss": float(rng.uniform(0.2, 2)), "weights": weights, "lam": lam, "m": m}


def _by_hand(rng):
    weights = [rng.integers(1, 5, shape) * rng.choice([-1.0, 1.0], shape) for shape in ((2, 3), (3, 1))]
    return {"data_loss": 0.5, "weights": weights, "lam": 0.2, "m": 10}


def _one_layer(rng):
    return {"data_loss": 1.25, "weights": [rng.choice([-2.0, -0.5, 1.5, 3.0], (2, 2))], "lam": 2.0, "m": 4}


def _other_layouts(rng):
    inputs = _layers(rng, (4, 6), (6, 8))
    return inputs | {"weights": [np.asfortranarray(inputs["weights"][0]), inputs["weights"][1][::2, ::2]]}


TOPIC = Topic(
    forward=l2_cost,
    torch=l2_cost_torch,
    cases=(
        Case("two small layers", _by_hand, visible=True),
        Case("one layer", _one_layer, visible=True),
        Case("three layers", lambda rng: _layers(rng, (20, 10), (10, 5), (5, 3), lam=3.0, m=50)),
        Case("float32", lambda rng: _layers(rng, (16, 12), (12, 4), dtype="f4")),
        Case("filters and a matrix", lambda rng: _layers(rng, (3, 3, 2, 4), (8, 5))),
        Case("other memory layouts", _other_layouts),
        Case("without regularization", lambda rng: _layers(rng, (3, 4), (4, 2), lam=0.0), aspect="edge"),
        Case("one example, one weight", lambda rng: _layers(rng, (1, 1), m=1), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            half_forgotten,
            "The penalty is twice as large as it should be: the factor is there to cancel the 2 that the derivative "
            "of a square brings.",
        ),
        Mistake(m_forgotten, "The penalty does not shrink with the number of examples, as the notes' formula does."),
        Mistake(
            parentheses_lost,
            "The penalty grows with the number of examples: "
            "Python reads a division followed by a product from left to right.",
        ),
        Mistake(norm_not_squared, "The penalty adds up the norms of the layers: their squares are asked for."),
        Mistake(one_layer_only, "One layer alone is penalised: the sum runs over all of them."),
        Mistake(penalty_alone, "This is the penalty alone: the cost is the loss on the data and the penalty."),
    ),
    alternates=(all_weights_in_one_vector, layer_by_layer),
)
