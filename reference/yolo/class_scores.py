"""How sure is the detector, and of what: the class scores of boxes (notes, section 10)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic


def class_scores(confidence, class_probs):
    """Score each box by its best class: the probability of an object times that of the class.

    confidence: float array of any shape (...), p_c: the probability that there is an object in the box
    class_probs: float array (..., C), c_i: the probability of each class, given that there is an object; same dtype
    returns: (scores, classes)
        scores: float array (...), same dtype: the largest p_c * c_i of the box
        classes: integer array (...), the class i that it belongs to, counted from 0; of equal scores the lowest

    All the leading axes (grid rows, grid columns, anchors; or just boxes; or none) are kept.
    Source: notes, section 10, item 8.
    """
    check_fit(confidence, class_probs)
    for name, p in (("confidence", confidence), ("class_probs", class_probs)):
        if np.min(p, initial=0) < 0 or np.max(p, initial=1) > 1:
            raise ValueError(f"{name} has values from {np.min(p)} to {np.max(p)}; probabilities are expected")
    scores = confidence[..., None] * class_probs
    return scores.max(axis=-1), scores.argmax(axis=-1)


def class_scores_torch(confidence, class_probs):
    check_fit(confidence, class_probs)
    scores = confidence[..., None] * class_probs
    return scores.amax(dim=-1), scores.argmax(dim=-1)


def check_fit(confidence, class_probs):
    """Raise ValueError unless there is one confidence for each row of at least one class probability."""
    shapes = tuple(confidence.shape), tuple(class_probs.shape)
    if shapes[0] != shapes[1][:-1] or 0 in shapes[1][-1:] or not shapes[1]:
        raise ValueError(f"confidence {shapes[0]} and class_probs {shapes[1]} do not fit: (...) and (..., C) do")


def best_class_first(confidence, class_probs):
    classes = np.argmax(class_probs, axis=-1)
    return confidence * np.take_along_axis(class_probs, classes[..., None], axis=-1)[..., 0], classes


def box_by_box(confidence, class_probs):
    scores, classes = np.zeros_like(confidence), np.zeros(confidence.shape, dtype=np.int64)
    for index in np.ndindex(confidence.shape):
        products = [confidence[index] * p for p in class_probs[index]]
        scores[index], classes[index] = max(products), products.index(max(products))
    return scores, classes


def without_confidence(confidence, class_probs):
    return class_probs.max(axis=-1), class_probs.argmax(axis=-1)


def confidence_alone(confidence, class_probs):
    return confidence.copy(), class_probs.argmax(axis=-1)


def classes_first(confidence, class_probs):
    return class_scores(confidence, class_probs)[::-1]


def classes_from_one(confidence, class_probs):
    scores, classes = class_scores(confidence, class_probs)
    return scores, classes + 1


def last_of_equal_classes(confidence, class_probs):
    scores, classes = class_scores(confidence, class_probs[..., ::-1])
    return scores, class_probs.shape[-1] - 1 - classes


def all_products(confidence, class_probs):
    return confidence[..., None] * class_probs, class_probs.argmax(axis=-1)


def _probabilities(rng, shape, num_classes, dtype="f8"):
    """Draw probabilities whose best class leads by at least 0.02, and confidences above 0.1: products 2e-3 apart."""
    class_probs = rng.uniform(0, 0.45, (*shape, num_classes))
    best = rng.integers(0, num_classes, shape)
    np.put_along_axis(class_probs, best[..., None], rng.uniform(0.47, 0.95, (*shape, 1)), axis=-1)
    return {"confidence": np.asarray(rng.uniform(0.1, 0.95, shape), dtype), "class_probs": class_probs.astype(dtype)}


def _by_hand(rng):
    class_probs = rng.permuted([[0.1, 0.2, 0.7], [0.5, 0.4, 0.1]], axis=1)
    return {"confidence": rng.permutation([0.5, 0.9]), "class_probs": class_probs}


def _equal_classes(rng):
    class_probs = rng.permuted(np.tile([0.125, 0.25, 0.25, 0.0, 0.25], (6, 1)), axis=1)
    return {"confidence": rng.integers(1, 9, 6) / 8, "class_probs": class_probs}


def _laid_out(inputs, layout):
    return {name: layout(array) for name, array in inputs.items()}


def _certain(rng):
    return {"confidence": np.ones(4), "class_probs": np.eye(4)[rng.permutation(4)]}


TOPIC = Topic(
    forward=class_scores,
    torch=class_scores_torch,
    cases=(
        Case("two boxes, three classes", _by_hand, visible=True),
        Case("equal classes", _equal_classes, visible=True, compare=Exact()),
        Case("a list of boxes", lambda rng: _probabilities(rng, (12,), 7)),
        Case("a grid with anchors", lambda rng: _probabilities(rng, (4, 4, 3), 5)),
        Case("float32", lambda rng: _probabilities(rng, (3, 3, 2), 8, "f4")),
        Case("column-major arrays", lambda rng: _laid_out(_probabilities(rng, (4, 3), 5), np.asfortranarray)),
        Case(
            "every second box of larger arrays",
            lambda rng: _laid_out(_probabilities(rng, (6, 8), 3), lambda array: array[::2, 1::2]),
        ),
        Case("one box without axes", lambda rng: _probabilities(rng, (), 6), aspect="edge"),
        Case("one class", lambda rng: _probabilities(rng, (5,), 1), aspect="edge"),
        Case("probabilities of exactly 0 and 1", _certain, aspect="edge", compare=Exact()),
    ),
    mistakes=(
        Mistake(
            without_confidence,
            "These are the probabilities of the classes, given an object. How likely is it that there is one at all?",
        ),
        Mistake(confidence_alone, "The scores are the confidences: the probability of the class is missing."),
        Mistake(classes_first, "The results come in the wrong order: scores first, then classes."),
        Mistake(classes_from_one, "The classes are numbered from 1: class i is the i-th column, counted from 0."),
        Mistake(last_of_equal_classes, "Of classes with equal scores the last one is taken. The lowest is asked for."),
        Mistake(all_products, "The scores of all classes are returned; only the best one of each box is asked for."),
    ),
    alternates=(best_class_first, box_by_box),
)
