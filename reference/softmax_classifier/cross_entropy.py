"""Mean cross-entropy between predicted probabilities and one-hot labels (notes, section 1, item 5)."""

import numpy as np

from grader import Case, Mistake, Topic
from grader.shapes import check_shapes

from .one_hot import one_hot


def cross_entropy(probs, Y):
    """Measure the mean cross-entropy of predicted probabilities against one-hot labels.

    probs: float array (N, K), N >= 1; row n holds the probabilities of the K classes for example n (not logits)
    Y: float array (N, K), one-hot, same dtype as probs: 1 at the right class of each row, 0 elsewhere
    returns: scalar, -(1/N) * sum_n sum_k Y[n, k] * ln(probs[n, k])

    The sum runs over the classes and the mean over the examples; ln is the natural logarithm. The right class always
    has a probability above 0; the others may have probability 0, and they add nothing to the loss. A guard added to
    the probabilities is allowed as long as it does not show in the loss (at most 1e-12).
    Raises ValueError when probs and Y are not matrices of one shape.
    Source: notes, section 1, item 5 and equation (1).
    """
    check_shapes(probs=(probs, "N K"), Y=(Y, "N K"))
    return -np.log((Y * probs).sum(axis=1)).mean()  # a one-hot row picks the probability of its class


def cross_entropy_backward(dout, probs, Y):
    """Differentiate dout * cross_entropy(probs, Y) with respect to probs.

    dout: number, the gradient arriving from above
    probs, Y: float arrays (N, K), as given to cross_entropy
    returns: dprobs, float array like probs (shape and dtype); 0 wherever Y is 0

    The probabilities count as free variables: that a row sums to 1 plays no part here.
    """
    return -dout / len(probs) * Y / (Y * probs).sum(axis=1, keepdims=True)


def cross_entropy_torch(probs, Y):
    check_shapes(probs=(probs, "N K"), Y=(Y, "N K"))
    return -(Y * probs).sum(dim=1).log().mean()


def picks_right_class(probs, Y):
    return -np.log(probs[np.arange(len(probs)), Y.argmax(axis=1)]).mean()


def tiny_guard(probs, Y):
    return -np.sum(Y * np.log(probs + 1e-12)) / probs.shape[0]


def example_by_example(probs, Y):
    loss = 0.0
    for p, y in zip(probs, Y, strict=True):
        loss -= np.log(p[y == 1][0])
    return loss / len(probs)


def missing_minus(probs, Y):
    return -cross_entropy(probs, Y)


def sum_over_examples(probs, Y):
    return cross_entropy(probs, Y) * len(probs)


def mean_over_all_entries(probs, Y):
    return cross_entropy(probs, Y) / probs.shape[1]


def zero_times_infinity(probs, Y):
    return -(Y * np.log(probs)).sum(axis=1).mean()


def visible_guard(probs, Y):
    return -(Y * np.log(probs + 1e-8)).sum(axis=1).mean()


def softmax_again(probs, Y):
    e = np.exp(probs)
    return cross_entropy(e / e.sum(axis=1, keepdims=True), Y)


def gradient_not_averaged(dout, probs, Y):
    return cross_entropy_backward(dout, probs, Y) * len(probs)


def gradient_of_logits(dout, probs, Y):
    return dout * (probs - Y) / len(probs)


def _ordinary(rng, n, k, dtype="f8"):
    probs = rng.uniform(0.1, 1, (n, k))
    probs /= probs.sum(axis=1, keepdims=True)
    return {"probs": probs.astype(dtype), "Y": one_hot(rng.integers(k, size=n), k).astype(dtype)}


def _by_hand(rng):
    probs = rng.permuted([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]], axis=1)
    return {"probs": probs, "Y": one_hot(rng.permutation(3)[:2], 3)}


def _zeros_elsewhere(rng):
    labels, rows = rng.integers(4, size=3), np.arange(3)
    probs = np.zeros((3, 4))
    probs[rows, labels] = rng.integers(2, 9, 3) / 10
    probs[rows, (labels + rng.integers(1, 4, 3)) % 4] = 1 - probs[rows, labels]
    return {"probs": probs, "Y": one_hot(labels, 4)}


def _certain(rng):
    Y = one_hot(rng.integers(3, size=4), 3)
    return {"probs": Y.copy(), "Y": Y}


def _right_class_unlikely(rng):
    labels = rng.integers(3, size=6)
    probs = np.full((6, 3), 0.5)
    probs[np.arange(6), labels] = 10 ** rng.uniform(-5.9, -5.2, 6)
    probs /= probs.sum(axis=1, keepdims=True)
    return {"probs": probs.astype("f4"), "Y": one_hot(labels, 3).astype("f4")}


def _with(change, inputs):
    return {name: change(array) for name, array in inputs.items()}


TOPIC = Topic(
    forward=cross_entropy,
    backward=cross_entropy_backward,
    torch=cross_entropy_torch,
    wrt=("probs",),
    cases=(
        Case("two examples", _by_hand, visible=True),
        Case("a zero for a wrong class", _zeros_elsewhere, visible=True, aspect="edge"),
        Case("more examples than classes", lambda rng: _ordinary(rng, 8, 5)),
        Case("more classes than examples", lambda rng: _ordinary(rng, 3, 10)),
        Case("Fortran order", lambda rng: _with(np.asfortranarray, _ordinary(rng, 6, 4))),
        Case("every second row", lambda rng: _with(lambda a: a[::2], _ordinary(rng, 10, 3))),
        Case("float32", lambda rng: _ordinary(rng, 16, 6, "f4")),
        Case("the right class is unlikely", _right_class_unlikely, aspect="stability"),
        Case("probability exactly 1", _certain, aspect="edge"),
        Case("one example", lambda rng: _ordinary(rng, 1, 4), aspect="edge"),
    ),
    mistakes=(
        Mistake(missing_minus, "The loss is negative. The logarithm of a probability is never above 0: mind the sign."),
        Mistake(
            sum_over_examples,
            "The losses of the examples are added up. "
            "Take their mean, so that the size of the batch does not change the scale of the loss.",
        ),
        Mistake(
            mean_over_all_entries,
            "The mean runs over all N * K entries. Sum over the classes, and take the mean over the N examples only.",
        ),
        Mistake(
            zero_times_infinity,
            "Where a probability is 0, ln gives -inf, and 0 * -inf is NaN. "
            "Such entries belong to wrong classes and must add nothing: keep them away from the logarithm.",
        ),
        Mistake(
            visible_guard,
            "The guard against ln(0) is so large that it changes ordinary losses. "
            "It is not needed for the right class, whose probability is never 0.",
        ),
        Mistake(
            softmax_again,
            "A softmax is applied to what already are probabilities, so the loss never comes near 0.",
        ),
        Mistake(
            gradient_not_averaged,
            "The gradient is N times too large: the loss is a mean over the examples, and so is its gradient.",
            gradient=True,
        ),
        Mistake(
            gradient_of_logits,
            "This is the gradient with respect to the logits, softmax included. Here probs itself is the variable.",
            gradient=True,
        ),
    ),
    alternates=(picks_right_class, tiny_guard, example_by_example),
)
