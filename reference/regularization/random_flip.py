"""Random left-right flips of images (notes, section 3.3), judged by their properties and their distribution."""

import numpy as np

from grader import Case, Equivalent, Mistake, Properties, Topic
from grader.distribution import LEVEL, agreement_p_value, binomial_p_value, equal_counts_p_value
from grader.picture import heat, histogram
from grader.shapes import check_shapes


def random_flip(images, rng, p=0.5):
    """Mirror each image of a batch left to right with probability p.

    images: float array (N, H, W, C), channels last
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    p: number in [0, 1], the probability that an image is flipped
    returns: float array like images (shape and dtype); each image is as it was, or has its columns in reverse order

    A coin is thrown for every image on its own: the images of a batch do not share it. Rows and channels keep their
    order, the images keep their places in the batch, and with them their labels. The images given stay as they are.
    Raises ValueError for another number of axes and for a p outside [0, 1].
    Source: notes, section 3.3 (data augmentation).
    """
    _check(images, p)
    flip = rng.random(len(images)) < p
    return np.where(flip[:, None, None, None], images[:, :, ::-1], images)


def random_flip_torch(images, rng, p=0.5):
    import torch

    _check(images, p)
    flip = (torch.rand(len(images), generator=rng, device=rng.device) < p).to(images.device)
    return torch.where(flip[:, None, None, None], images.flip(2), images)


def _check(images, p):
    check_shapes(images=(images, "N H W C"))
    if not 0 <= p <= 1:
        raise ValueError(f"p is {p}; a probability lies between 0 and 1")


def judge(inputs, outputs):
    """Check that every image is whole, flipped or not, then the flips of independent draws by four tests."""
    images, p = inputs["images"], inputs.get("p", 0.5)
    for output in outputs:
        if problem := _broken_property(images, output):
            return problem
    flips = np.stack([_equal(output, images[:, :, ::-1]) for output in outputs])
    if (flips[0] != flips[1]).any():
        return "Two calls with the generator in the same state flipped different images: all chance must come from rng."
    flips = flips[1:, ~_equal(images, images[:, :, ::-1])]  # symmetric images tell nothing
    # A wrong p changes the agreement too: a dependence must show against the observed fraction as well.
    chances = [max(agreement_p_value(flips, axis, q) for q in (p, flips.mean())) for axis in (0, 1) if flips.size]
    if min(chances, default=1) < LEVEL:
        if chances[0] < chances[1]:
            return "Independent calls flip the same images: every call must draw its own coins from rng."
        return "The images of a batch are not flipped independently: each one needs a coin of its own."
    if binomial_p_value(int(flips.sum()), flips.size, p) < LEVEL:
        return f"{flips.mean():.1%} of the images are flipped; the chance of flipping one is p."
    if equal_counts_p_value(flips.sum(axis=1), flips.shape[1], p) < LEVEL:
        return "The number of flipped images is always the same: the coins of a batch must not depend on each other."
    return None


def judge_dtypes_too(inputs, outputs):
    return judge(inputs, outputs) or next(
        (f"The images come back as {o.dtype}; keep their dtype." for o in outputs if o.dtype != inputs["images"].dtype),
        None,
    )


def _broken_property(images, output):
    if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
        return "Return one array of images."
    if output.shape != images.shape:
        return f"The images come back with shape {output.shape} and must keep theirs, {images.shape}."
    if (_equal(output, images) | _equal(output, images[:, :, ::-1])).all():
        return None
    others = {
        "An image comes back upside down: left and right lie along the width, which is axis 2 of the batch.": [1],
        "An image comes back turned by half a circle: only the width is reversed.": [1, 2],
        "An image comes back with its channels reversed: left and right lie along the width, axis 2.": [3],
        "An image comes back in another place of the batch, away from its label.": [0],
    }
    for sentence, axes in others.items():
        if (_equal(output, np.flip(images, axes)) & ~_equal(output, images)).any():
            return sentence
    return "Each image must come back whole, either as it was or mirrored left to right."


def _equal(left, right):
    return (left == right).all(axis=(1, 2, 3))


def image_by_image(images, rng, p=0.5):
    return np.stack([image[:, ::-1] if rng.uniform() < p else image for image in images])


def flips_the_chosen(images, rng, p=0.5):
    out, chosen = images.copy(), rng.binomial(1, p, len(images)).astype(bool)
    out[chosen] = np.flip(out[chosen], axis=-2)
    return out


def _with_coins(images, rng, p, changed):
    coins = rng.random(len(images)) < p
    return np.where(coins[:, None, None, None], changed, images)


def upside_down(images, rng, p=0.5):
    return _with_coins(images, rng, p, images[:, ::-1])


def half_a_turn(images, rng, p=0.5):
    return _with_coins(images, rng, p, images[:, ::-1, ::-1])


def channels_reversed(images, rng, p=0.5):
    return _with_coins(images, rng, p, images[..., ::-1])


def batch_reversed(images, rng, p=0.5):
    return _with_coins(images, rng, p, images[::-1])


def one_coin_for_the_batch(images, rng, p=0.5):
    return images[:, :, ::-1].copy() if rng.random() < p else images


def p_of_keeping(images, rng, p=0.5):
    return random_flip(images, rng, 1 - p)


def normal_coins(images, rng, p=0.5):
    coins = rng.standard_normal(len(images)) < p
    return np.where(coins[:, None, None, None], images[:, :, ::-1], images)


def fixed_share(images, rng, p=0.5):
    coins = rng.permutation(len(images)) < round(p * len(images))
    return np.where(coins[:, None, None, None], images[:, :, ::-1], images)


def generator_of_its_own(images, rng, p=0.5):
    return random_flip(images, np.random.default_rng(), p)


def _images(rng, shape, dtype="f8", **rest):
    return {"images": rng.random(shape).astype(dtype)} | rest


def _by_hand(rng):
    return {"images": rng.permutation(np.arange(24.0)).reshape(4, 2, 3, 1)}


def _other_layouts(rng):
    return {"images": np.asfortranarray(rng.random((80, 4, 6, 2)))[:, ::2, ::2], "p": 0.6}


def _picture(inputs, expected, outputs):
    """Show an image that is neither as it was nor flipped beside the nearer of the two, else how many are flipped."""
    images, p = inputs["images"], inputs.get("p", 0.5)
    flipped = images[:, :, ::-1]
    for output in outputs:
        if not (_equal(output, images) | _equal(output, flipped)).all():
            far, far_flipped = (np.abs(output - near).sum(axis=(1, 2, 3), keepdims=True) for near in (images, flipped))
            return heat(images, np.where(far <= far_flipped, images, flipped), output)
    flips = [_equal(output, flipped) for output in outputs[1:]]
    return histogram(flips, lambda x: (1 - p) * (x >= 0) + p * (x >= 1), -0.25, 1.25, "flipped or not", bins=3)


TOPIC = Topic(
    forward=random_flip,
    torch=random_flip_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3, 4)),
    cases=(
        Case("four images", _by_hand, visible=True),
        Case("always", lambda rng: _by_hand(rng) | {"p": 1.0}, visible=True),
        Case(
            "a batch",
            lambda rng: _images(rng, (80, 3, 4, 3)),
            compare=Properties(judge, draws=(0, *range(10))),  # so many that equal counts are no chance
        ),
        Case("few flips", lambda rng: _images(rng, (90, 4, 3, 2), p=0.2)),
        Case("other memory layouts", _other_layouts),
        Case(
            "float32",
            lambda rng: _images(rng, (60, 3, 5, 3), "f4", p=0.7),
            aspect="edge",
            compare=Properties(judge_dtypes_too, draws=(0, 0, 1, 2, 3, 4)),
        ),
        Case("never", lambda rng: _images(rng, (5, 3, 4, 1), p=0.0), aspect="edge"),
        Case("one image", lambda rng: _images(rng, (1, 3, 3, 2)), aspect="edge"),
    ),
    mistakes=(
        Mistake(upside_down, "The images stand on their heads: axis 1 is the height. Left and right are along axis 2."),
        Mistake(half_a_turn, "Rows and columns are both reversed, which turns the image. Reverse the columns only."),
        Mistake(channels_reversed, "The last axis holds the channels: red turns blue, and nothing is mirrored."),
        Mistake(batch_reversed, "The images change places in the batch, and their labels do not come along."),
        Mistake(one_coin_for_the_batch, "One coin decides for the whole batch. Each image needs its own."),
        Mistake(p_of_keeping, "p is the probability of flipping an image, not of leaving it alone."),
        Mistake(normal_coins, "The coins are normal random numbers. Only uniform ones lie below p with probability p."),
        Mistake(
            fixed_share, "The same number of images is flipped every time. Independent coins give varying numbers."
        ),
        Mistake(generator_of_its_own, "The coins do not come from rng, so nobody can repeat the run."),
    ),
    alternates=(image_by_image, flips_the_chosen),
    equivalents=(
        Equivalent("rng.random(len(images)) < p -> rng.random(len(images)) <= p", "no draw in 2^53 or so equals p"),
    ),
    picture=_picture,
)
