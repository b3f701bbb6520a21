"""Inverted dropout (notes, section 3.2), judged by its properties and its distribution."""

import numpy as np

from grader import Case, Equivalent, Mistake, Properties, Topic
from grader.distribution import agreement_p_value, binomial_p_value, equal_counts_p_value
from grader.picture import histogram

# At most 12 tests per case (see judge): a correct dropout fails a case with a chance below 1e-6.
LEVEL = 5e-8


def dropout(a, keep_prob, rng, training=True):
    """Drop units of a layer at random and scale up those that are kept (inverted dropout).

    a: float array of any shape, the activations
    keep_prob: number in (0, 1], the probability of keeping a unit (not of dropping it)
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    training: False at test time
    returns: (out, mask)
        out: float array like a (shape and dtype): a / keep_prob where the unit is kept, 0 where it is dropped
        mask: array of a's shape, bool or the dtype of a: 1 where the unit is kept, 0 where it is dropped; not scaled

    Every element of a is kept or dropped on its own, independently of all others: two examples do not share a mask.
    At test time nothing is dropped and nothing is scaled: out equals a, and mask is all ones.
    Raises ValueError for a keep_prob outside (0, 1].
    Source: notes, section 3.2; Srivastava et al., 2014.
    """
    _check(keep_prob)
    if not training:
        return a, np.ones_like(a)
    mask = (rng.random(a.shape) < keep_prob).astype(a.dtype)
    return a * mask / keep_prob, mask


def dropout_torch(a, keep_prob, rng, training=True):
    import torch

    _check(keep_prob)
    if not training:
        return a, torch.ones_like(a)
    mask = (torch.rand(a.shape, generator=rng, device=rng.device).to(a.device) < keep_prob).to(a.dtype)
    return a * mask / keep_prob, mask


def _check(keep_prob):
    if not 0 < keep_prob <= 1:
        raise ValueError(f"keep_prob must be above 0 and at most 1, not {keep_prob}")


def judge(inputs, outputs):
    """Check what holds exactly for every output, then the masks of independent draws by 4 + 2 * a.ndim tests."""
    for output in outputs:
        if problem := _broken_property(output, **inputs):
            return problem
    masks = np.stack([np.asarray(mask, dtype=bool) for _, mask in outputs])
    if (masks[0] != masks[1]).any():
        return "Two calls with the generator in the same state gave different masks: all chance must come from rng."
    if not inputs.get("training", True):
        return None
    at_zero = masks[1:, inputs["a"] == 0]
    if not at_zero.any() and binomial_p_value(0, at_zero.size, inputs["keep_prob"]) < LEVEL:
        return "Units whose activation is 0 are never kept: the mask must not be read off the output."
    return _broken_distribution(masks[1:], inputs["keep_prob"])


def judge_dtypes_too(inputs, outputs):
    if problem := judge(inputs, outputs):
        return problem
    dtype = inputs["a"].dtype
    if any(out.dtype != dtype for out, _ in outputs):
        return f"out has dtype {outputs[0][0].dtype}; it must keep the dtype of a."
    if any(mask.dtype not in (np.dtype(bool), dtype) for _, mask in outputs):
        return f"mask has dtype {outputs[0][1].dtype}; bool or the dtype of a is asked for."
    return None


def _broken_property(output, a, keep_prob, training=True):
    if not isinstance(output, tuple | list) or len(output) != 2:
        return "Return two arrays, out and mask, in this order."
    for name, array in zip(("out", "mask"), output, strict=True):
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            return f"{name} must be an array of real numbers, at test time too."
        if array.shape != a.shape:
            return f"{name} has shape {array.shape}, which is not the shape of a."
    out, mask = output
    if not np.isin(mask, (0, 1)).all():
        return "mask, the second result, must hold nothing but 0 and 1: it is not scaled."
    if not training and not mask.all():
        return "With training=False no unit is dropped: mask must be all ones."
    if np.any(out[mask == 0] != 0):
        return "Where mask is 0, out must be 0."
    expected = a.astype("f8") / (keep_prob if training else 1)
    if not (np.abs(out - expected) <= 8 * np.finfo(a.dtype).eps * np.abs(expected))[mask == 1].all():
        if training:
            return "Where mask is 1, out must be a / keep_prob."
        return "With training=False out must equal a: inverted dropout scales in training only."
    return None


def _broken_distribution(masks, keep_prob):
    """Test the masks of independent draws, stacked along axis 0, for independence and for the fraction kept."""
    kept = int(masks.sum())
    # A wrong fraction changes the agreement too: a dependence must show against the observed fraction as well.
    fractions = (keep_prob, kept / masks.size)
    chances = [max(agreement_p_value(masks, axis, p) for p in fractions) for axis in range(masks.ndim)]
    axis = int(np.argmin(chances))
    if chances[axis] < LEVEL:
        if axis == 0:
            return "The masks of independent calls resemble each other: every call must draw its own from rng."
        return f"The units are not kept independently: the mask is not random along axis {axis - 1} of a."
    if binomial_p_value(kept, masks.size, keep_prob) < LEVEL:
        return f"{kept / masks.size:.1%} of the units are kept; that is too far from keep_prob for chance."
    counts = [(masks[0].size, masks.reshape(len(masks), -1).sum(axis=1))]
    counts += [(masks.shape[axis], masks.sum(axis=axis)) for axis in range(1, masks.ndim)]
    if any(equal_counts_p_value(count, trials, keep_prob) < LEVEL for trials, count in counts):
        return "The units are not kept independently: the number of kept units is always the same."
    return None


def bool_mask(a, keep_prob, rng, training=True):
    if not training:
        return a.copy(), np.ones(a.shape, dtype=bool)
    keep = rng.random(a.shape) >= 1 - keep_prob
    return np.where(keep, a / keep_prob, 0), keep


def unit_by_unit(a, keep_prob, rng, training=True):
    mask, out = np.ones_like(a), a.copy()
    for index in np.ndindex(a.shape if training else 0):
        mask[index] = rng.uniform() < keep_prob
        out[index] = a[index] / keep_prob if mask[index] else 0
    return out, mask


def not_inverted(a, keep_prob, rng, training=True):
    _, mask = dropout(a, keep_prob, rng, training)
    return a * mask, mask


def normal_for_uniform(a, keep_prob, rng, training=True):
    mask = (rng.standard_normal(a.shape) < keep_prob).astype(a.dtype)
    return (a * mask / keep_prob, mask) if training else (a, np.ones_like(a))


def keep_prob_taken_for_drop_prob(a, keep_prob, rng, training=True):
    mask = (rng.random(a.shape) >= keep_prob).astype(a.dtype)
    return (a * mask / max(1 - keep_prob, 1e-12), mask) if training else (a, np.ones_like(a))


def active_at_test_time(a, keep_prob, rng, training=True):
    return dropout(a, keep_prob, rng)


def one_mask_for_all_examples(a, keep_prob, rng, training=True):
    _, row = dropout(a[:1], keep_prob, rng, training)
    mask = np.repeat(row, len(a), axis=0)
    return (a * mask / keep_prob if training else a), mask


def fixed_number_of_units(a, keep_prob, rng, training=True):
    mask = rng.permutation(np.arange(a.size) < round(keep_prob * a.size)).reshape(a.shape).astype(a.dtype)
    return (a * mask / keep_prob, mask) if training else (a, np.ones_like(a))


def mask_read_off_output(a, keep_prob, rng, training=True):
    out, _ = dropout(a, keep_prob, rng, training)
    return out, (out != 0).astype(a.dtype)


def seeds_itself(a, keep_prob, rng, training=True):
    return dropout(a, keep_prob, np.random.default_rng(0), training)


def _activations(rng, shape, keep_prob, dtype="f8", **rest):
    a = rng.uniform(0.1, 2, shape) * rng.choice([-1, 1], shape)
    return {"a": a.astype(dtype), "keep_prob": keep_prob} | rest


def _by_hand(rng, **rest):
    return {"a": rng.permutation(np.arange(1.0, 7.0)).reshape(2, 3), "keep_prob": 0.8} | rest


def _after_relu(rng):
    return {"a": np.maximum(rng.standard_normal((50, 48)), 0), "keep_prob": 0.6, "training": True}


def _any_layout(rng):
    inputs = _activations(rng, (80, 60), 0.7)
    return inputs | {"a": np.asfortranarray(inputs["a"])[::2]}


def _histogram(inputs, expected, outputs):
    """Count by which factor units are scaled: 0 where they are dropped."""
    a, p = inputs["a"], inputs["keep_prob"] if inputs.get("training", True) else 1.0
    factors = np.stack([out for out, _ in outputs[1:]])[:, a != 0] / a[a != 0]
    return histogram(factors, lambda x: (1 - p) * (x >= 0) + p * (x >= 1 / p), -0.2, 0.2 + 1 / p, "out / a", bins=33)


TOPIC = Topic(
    forward=dropout,
    torch=dropout_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3, 4)),
    cases=(
        Case("six units", _by_hand, visible=True),
        Case("test time", lambda rng: _by_hand(rng, training=False), visible=True),
        Case("most units are dropped", lambda rng: _activations(rng, (40, 60), 0.3)),
        Case("after a ReLU", _after_relu),
        Case("images", lambda rng: _activations(rng, (8, 6, 5, 10), 0.7)),
        Case("stored by columns, every other row", _any_layout),
        Case("a large layer at test time", lambda rng: _activations(rng, (30, 20), 0.4, training=False)),
        Case(
            "float32",
            lambda rng: _activations(rng, (40, 50), 0.8, "f4"),
            aspect="edge",
            compare=Properties(judge_dtypes_too, draws=(0, 0, 1, 2, 3, 4)),
        ),
        Case("a vector", lambda rng: _activations(rng, (1500,), 0.6), aspect="edge"),
        Case("keep_prob 1", lambda rng: _activations(rng, (3, 4), 1.0), aspect="edge"),
    ),
    mistakes=(
        Mistake(not_inverted, "The kept units are not scaled up to make up for the dropped ones."),
        Mistake(normal_for_uniform, "The mask comes from normal random numbers, whose chances differ: which ones fit?"),
        Mistake(keep_prob_taken_for_drop_prob, "keep_prob is used as the probability of dropping a unit."),
        Mistake(active_at_test_time, "Units are dropped at test time too: training=False must switch dropout off."),
        Mistake(one_mask_for_all_examples, "All examples share one mask. Each element of a needs its own draw."),
        Mistake(
            fixed_number_of_units,
            "The same number of units is kept every time. Kept each on its own, their number varies.",
        ),
        Mistake(mask_read_off_output, "The mask is read off the output, where a kept 0 looks like a dropped unit."),
        Mistake(seeds_itself, "Every call gives the same mask: a generator seeded inside forgets the last call."),
    ),
    alternates=(bool_mask, unit_by_unit),
    equivalents=(
        Equivalent(
            "rng.random(a.shape) < keep_prob -> rng.random(a.shape) <= keep_prob",
            "a uniform number equals keep_prob with a chance of 2 ** -53",
        ),
    ),
    picture=_histogram,
)
