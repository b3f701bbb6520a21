"""Inverted dropout (notes, section 3.2), judged by its properties and its distribution."""

import numpy as np

from grader import Case, Mistake, Properties, Topic
from grader.distribution import agreement_p_value, binomial_p_value, equal_counts_p_value

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
    Source: notes, section 3.2; Srivastava et al., 2014.
    """
    if not training:
        return a, np.ones_like(a)
    mask = (rng.random(a.shape) < keep_prob).astype(a.dtype)
    return a * mask / keep_prob, mask


def dropout_torch(a, keep_prob, rng, training=True):
    import torch

    if not training:
        return a, torch.ones_like(a)
    mask = (torch.rand(a.shape, generator=rng).to(a.device) < keep_prob).to(a.dtype)
    return a * mask / keep_prob, mask


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
    for out, mask in outputs:
        if out.dtype != dtype:
            return f"out has dtype {out.dtype}; it must keep the dtype of a, {dtype}."
        if mask.dtype not in (np.dtype(bool), dtype):
            return f"mask has dtype {mask.dtype}; bool or the dtype of a, {dtype}, is asked for."
    return None


def _broken_property(output, a, keep_prob, training=True):
    if not isinstance(output, tuple | list) or len(output) != 2:
        return "Return two arrays, out and mask, in this order."
    for name, array in zip(("out", "mask"), output, strict=True):
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            return f"{name} must be an array of real numbers, at test time too."
        if array.shape != a.shape:
            return f"{name} has shape {array.shape}; a has shape {a.shape}."
    out, mask = output
    if not np.isin(mask, (0, 1)).all():
        return "mask, the second result, must hold nothing but 0 and 1: it is not scaled."
    if not training and not mask.all():
        return "With training=False no unit is dropped: mask must be all ones."
    if np.any(out[mask == 0] != 0):
        return "Where mask is 0, out must be 0."
    expected = a.astype("f8") / (keep_prob if training else 1)
    agrees = np.abs(out - expected) <= 8 * np.finfo(a.dtype).eps * np.abs(expected)
    if agrees[mask == 1].all():
        return None
    if training:
        return "Where mask is 1, out must be a / keep_prob."
    return "With training=False out must equal a: inverted dropout scales in training only."


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
        return f"{kept / masks.size:.1%} of the units are kept; the chance of keeping one, keep_prob, is {keep_prob}."
    counts = [(masks[0].size, masks.reshape(len(masks), -1).sum(axis=1))]
    counts += [(masks.shape[axis], masks.sum(axis=axis)) for axis in range(1, masks.ndim)]
    if any(equal_counts_p_value(count, trials, keep_prob) < LEVEL for trials, count in counts):
        return "The units are not kept independently: the number of kept units is always the same."
    return None


def bool_mask(a, keep_prob, rng, training=True):
    keep = rng.random(a.shape) >= 1 - keep_prob if training else np.ones(a.shape, dtype=bool)
    return (np.where(keep, a / keep_prob, 0) if training else a.copy()), keep


def binomial_draws(a, keep_prob, rng, training=True):
    if not training:
        keep_prob = 1.0
    mask = rng.binomial(1, keep_prob, size=a.shape).astype(a.dtype)
    return a * (mask / keep_prob), mask


def unit_by_unit(a, keep_prob, rng, training=True):
    mask = np.array([not training or rng.uniform() < keep_prob for _ in range(a.size)]).reshape(a.shape)
    out = np.zeros_like(a)
    out[mask] = a[mask] * (1 / keep_prob if training else 1)
    return out, mask


def not_inverted(a, keep_prob, rng, training=True):
    _, mask = dropout(a, keep_prob, rng, training)
    return a * mask, mask


def multiplied_by_keep_prob(a, keep_prob, rng, training=True):
    _, mask = dropout(a, keep_prob, rng, training)
    return (a * mask * keep_prob if training else a), mask


def normal_for_uniform(a, keep_prob, rng, training=True):
    if not training:
        return a, np.ones_like(a)
    mask = (rng.standard_normal(a.shape) < keep_prob).astype(a.dtype)
    return a * mask / keep_prob, mask


def mask_inverted(a, keep_prob, rng, training=True):
    if not training:
        return a, np.ones_like(a)
    mask = (rng.random(a.shape) > keep_prob).astype(a.dtype)
    return a * mask / keep_prob, mask


def keep_prob_taken_for_drop_prob(a, keep_prob, rng, training=True):
    if not training:
        return a, np.ones_like(a)
    mask = (rng.random(a.shape) >= keep_prob).astype(a.dtype)
    return a * mask / max(1 - keep_prob, 1e-12), mask


def active_at_test_time(a, keep_prob, rng, training=True):
    return dropout(a, keep_prob, rng)


def scaled_at_test_time(a, keep_prob, rng, training=True):
    return dropout(a, keep_prob, rng) if training else (a * keep_prob, np.ones_like(a))


def no_mask_at_test_time(a, keep_prob, rng, training=True):
    return dropout(a, keep_prob, rng) if training else (a, None)


def one_mask_for_all_examples(a, keep_prob, rng, training=True):
    _, mask = dropout(a[:1], keep_prob, rng, training)
    mask = np.repeat(mask, len(a), axis=0)
    return (a * mask / keep_prob if training else a), mask


def one_draw_per_example(a, keep_prob, rng, training=True):
    _, mask = dropout(a[..., :1], keep_prob, rng, training)
    mask = np.repeat(mask, a.shape[-1], axis=-1)
    return (a * mask / keep_prob if training else a), mask


def fixed_number_of_units(a, keep_prob, rng, training=True):
    if not training:
        return a, np.ones_like(a)
    mask = rng.permutation(np.arange(a.size) < round(keep_prob * a.size)).reshape(a.shape).astype(a.dtype)
    return a * mask / keep_prob, mask


def scaled_mask(a, keep_prob, rng, training=True):
    out, mask = dropout(a, keep_prob, rng, training)
    return out, mask / keep_prob


def mask_read_off_output(a, keep_prob, rng, training=True):
    out, _ = dropout(a, keep_prob, rng, training)
    return out, (out != 0).astype(a.dtype)


def seeds_itself(a, keep_prob, rng, training=True):
    return dropout(a, keep_prob, np.random.default_rng(0), training)


def generator_of_its_own(a, keep_prob, rng, training=True):
    return dropout(a, keep_prob, np.random.default_rng(), training)


def mask_first(a, keep_prob, rng, training=True):
    return dropout(a, keep_prob, rng, training)[::-1]


def float64_mask(a, keep_prob, rng, training=True):
    return dropout(a.astype("f8"), keep_prob, rng, training)


def _activations(rng, shape, keep_prob, dtype="f8", **rest):
    a = rng.uniform(0.1, 2, shape) * rng.choice([-1, 1], shape)
    return {"a": a.astype(dtype), "keep_prob": keep_prob} | rest


def _by_hand(rng):
    return {"a": rng.permutation(np.arange(1.0, 7.0)).reshape(2, 3), "keep_prob": 0.8}


def _after_relu(rng):
    return {"a": np.maximum(rng.standard_normal((50, 48)), 0), "keep_prob": 0.6, "training": True}


TOPIC = Topic(
    forward=dropout,
    torch=dropout_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3, 4)),
    cases=(
        Case("six units", _by_hand, visible=True),
        Case("test time", lambda rng: _by_hand(rng) | {"training": False}, visible=True),
        Case("a layer", lambda rng: _activations(rng, (60, 40), 0.8)),
        Case("most units are dropped", lambda rng: _activations(rng, (40, 60), 0.3)),
        Case("after a ReLU", _after_relu),
        Case("images", lambda rng: _activations(rng, (8, 6, 5, 10), 0.7)),
        Case("a large layer at test time", lambda rng: _activations(rng, (30, 20), 0.4, training=False)),
        Case(
            "float32",
            lambda rng: _activations(rng, (40, 50), 0.7, "f4"),
            aspect="edge",
            compare=Properties(judge_dtypes_too, draws=(0, 0, 1, 2, 3, 4)),
        ),
        Case("a vector", lambda rng: _activations(rng, (1500,), 0.6), aspect="edge"),
        Case("keep_prob 1", lambda rng: _activations(rng, (3, 4), 1.0), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            not_inverted,
            "The kept units are not scaled up, so the expected activation shrinks. "
            "In inverted dropout training makes up for the dropped units.",
        ),
        Mistake(
            multiplied_by_keep_prob,
            "The kept units are scaled the wrong way: they must grow, to make up for those that are dropped.",
        ),
        Mistake(
            normal_for_uniform,
            "The mask comes from normal random numbers. "
            "Only for uniform numbers on [0, 1) is the chance of lying below keep_prob equal to keep_prob.",
        ),
        Mistake(mask_inverted, "The mask is the wrong way round: a unit is kept with probability keep_prob."),
        Mistake(
            keep_prob_taken_for_drop_prob,
            "keep_prob is used as the probability of dropping a unit, in the mask and in the scale.",
        ),
        Mistake(active_at_test_time, "Units are dropped at test time too: training=False must switch dropout off."),
        Mistake(
            scaled_at_test_time,
            "The activations are scaled at test time. Inverted dropout has done that in training already.",
        ),
        Mistake(no_mask_at_test_time, "At test time a mask comes back too: all ones, in the shape of a."),
        Mistake(
            one_mask_for_all_examples,
            "All examples share one mask. Each element of a needs its own draw, so the mask has a's whole shape.",
        ),
        Mistake(
            one_draw_per_example,
            "The units of an example share one draw: they are kept or dropped all together. Each needs its own.",
        ),
        Mistake(
            fixed_number_of_units,
            "Exactly the same number of units is kept every time. "
            "Each unit is kept with probability keep_prob on its own, so the number varies.",
        ),
        Mistake(scaled_mask, "The mask is scaled by 1 / keep_prob. It must hold 0 and 1 only; the scale goes to out."),
        Mistake(
            mask_read_off_output,
            "The mask is read off the output, so an activation of 0 counts as dropped although it was kept.",
        ),
        Mistake(
            seeds_itself,
            "Every call gives the same mask: a generator seeded inside the function forgets what came before. Use rng.",
        ),
        Mistake(generator_of_its_own, "The mask does not come from rng, so nobody can repeat the run. Use rng."),
        Mistake(mask_first, "The results come in the wrong order: out first, then the mask."),
        Mistake(float64_mask, "float32 activations come back as float64: mind the dtype of the mask."),
    ),
    alternates=(bool_mask, binomial_draws, unit_by_unit),
)
