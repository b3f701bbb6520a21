"""The gradient of inverted dropout (notes, section 3.2)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic


def dropout_backward(dout, mask, keep_prob):
    """Send the gradient back through a dropout layer, as it was in training.

    dout: float array of any shape, the gradient arriving from above
    mask: array of dout's shape, bool or the dtype of dout, holding 0 and 1: the mask that dropout returned
    keep_prob: number in (0, 1], the probability of keeping a unit that dropout was called with
    returns: da, float array like dout (shape and dtype): dout / keep_prob where the unit was kept, 0 elsewhere

    The forward pass multiplied each activation with mask / keep_prob, and the mask itself is not scaled. Nothing is
    drawn here: the gradient belongs to the units that were kept. The arrays given are left as they are. Arrays of
    different shapes and a keep_prob outside (0, 1] are a ValueError.
    Source: notes, section 3.2 (dropout acts in forward and backward propagation); Srivastava et al., 2014.
    """
    _check(dout, mask, keep_prob)
    return dout * mask / keep_prob


def dropout_backward_torch(dout, mask, keep_prob):
    _check(dout, mask, keep_prob)
    return dout * mask / keep_prob


def _check(dout, mask, keep_prob):
    if dout.shape != mask.shape:
        raise ValueError(f"dout {tuple(dout.shape)} and mask {tuple(mask.shape)} must have one shape")
    if not 0 < keep_prob <= 1:
        raise ValueError(f"keep_prob is {keep_prob}; it must be above 0 and at most 1")


def selects(dout, mask, keep_prob):
    return np.where(mask == 1, dout * (1 / keep_prob), 0).astype(dout.dtype)


def element_by_element(dout, mask, keep_prob):
    da = np.zeros_like(dout)
    for i in np.ndindex(dout.shape):
        if mask[i]:
            da[i] = float(dout[i]) / keep_prob
    return da


def mask_forgotten(dout, mask, keep_prob):
    return dout / keep_prob


def not_rescaled(dout, mask, keep_prob):
    return dout * mask


def multiplied_by_keep_prob(dout, mask, keep_prob):
    return dout * mask * keep_prob


def mask_inverted(dout, mask, keep_prob):
    return dout * (1 - mask).astype(dout.dtype) / keep_prob


def divided_by_drop_prob(dout, mask, keep_prob):
    return dout * mask / max(1 - keep_prob, 1e-12)


def divided_by_fraction_kept(dout, mask, keep_prob):
    return dout * mask / mask.mean(dtype=dout.dtype)


def _inputs(rng, shape, keep_prob, dtype="f8", mask_dtype=None):
    mask = rng.random(shape) < keep_prob
    mask.flat[:2] = True, False  # at least one unit is kept and one is dropped
    dout = rng.standard_normal(shape).astype(dtype)
    return {"dout": dout, "mask": mask.astype(mask_dtype or dtype), "keep_prob": keep_prob}


def _by_hand(rng, mask_dtype, keep_prob):
    mask = rng.permutation([1, 1, 1, 0, 1, 0]).reshape(2, 3).astype(mask_dtype)
    return {"dout": rng.integers(1, 9, (2, 3)) * rng.choice([-1.0, 1.0], (2, 3)), "mask": mask, "keep_prob": keep_prob}


def _other_layouts(rng):
    inputs = _inputs(rng, (6, 8), 0.6, mask_dtype=bool)
    return inputs | {"dout": np.asfortranarray(inputs["dout"][::2, ::2]), "mask": inputs["mask"][::2, ::2]}


TOPIC = Topic(
    forward=dropout_backward,
    torch=dropout_backward_torch,
    cases=(
        Case("six units", lambda rng: _by_hand(rng, "f8", 0.8), visible=True),
        Case("six units, mask of booleans", lambda rng: _by_hand(rng, bool, 0.5), visible=True, compare=Exact()),
        Case("a layer", lambda rng: _inputs(rng, (20, 12), 0.8)),
        Case("float32", lambda rng: _inputs(rng, (16, 10), 0.7, "f4")),
        Case("float32 images, mask of booleans", lambda rng: _inputs(rng, (3, 5, 4, 2), 0.3, "f4", bool)),
        Case("other memory layouts", _other_layouts),
        Case("a vector", lambda rng: _inputs(rng, (9,), 0.6), aspect="edge"),
        Case("nothing dropped", lambda rng: _inputs(rng, (3, 4), 1.0) | {"mask": np.ones((3, 4))}, aspect="edge"),
        Case("all dropped", lambda rng: _inputs(rng, (3, 4), 0.2) | {"mask": np.zeros((3, 4))}, aspect="edge"),
    ),
    mistakes=(
        Mistake(mask_forgotten, "Units that were dropped get a gradient, though they had no effect on the output."),
        Mistake(
            not_rescaled,
            "The gradient is masked but not scaled. What the forward pass multiplies, the backward pass multiplies.",
        ),
        Mistake(
            multiplied_by_keep_prob,
            "The gradient is scaled the wrong way: it takes the same factor as the activation did on its way forward.",
        ),
        Mistake(mask_inverted, "The gradient flows through the dropped units. mask is 1 where a unit was kept."),
        Mistake(
            divided_by_drop_prob, "keep_prob is used as the probability of dropping a unit; it is that of keeping."
        ),
        Mistake(
            divided_by_fraction_kept,
            "The scale is the fraction of units that happened to be kept. The forward pass used the probability.",
        ),
    ),
    alternates=(selects, element_by_element),
)
