"""Random contrast and brightness of images (notes, section 3.3), judged by their properties and their distribution."""

import numpy as np

from grader import Case, Equivalent, Mistake, Properties, Topic
from grader.distribution import LEVEL, agreement_p_value, binomial_p_value, ks_p_value, uniform_cdf
from grader.picture import histogram
from grader.shapes import check_shapes


def random_distort(images, rng, brightness, contrast):
    """Change the contrast and the brightness of each image of a batch by random amounts.

    images: float array (N, H, W, C), channels last, values in [0, 1]
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    brightness: number >= 0, the largest shift of the values to either side
    contrast: number in [0, 1], the largest change of the contrast factor to either side of 1
    returns: float array like images (shape and dtype): clip((x - mean) * c + mean + s, 0, 1) for each image x

    Each image gets a factor c, uniform between 1 - contrast and 1 + contrast, and a shift s, uniform between
    -brightness and brightness. They are independent of each other and of those of other images, and all pixels and
    channels of an image share them. mean is that of the image, a single number over all its pixels and channels: the
    contrast stretches the distances from it and leaves it in place, and the brightness moves it.
    Raises ValueError for another number of axes, a negative brightness and a contrast outside [0, 1].
    Source: notes, section 3.3 (data augmentation).
    """
    _check(images, brightness, contrast)
    n = len(images)
    c = rng.uniform(1 - contrast, 1 + contrast, (n, 1, 1, 1)).astype(images.dtype)
    s = rng.uniform(-brightness, brightness, (n, 1, 1, 1)).astype(images.dtype)
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return np.clip((images - mean) * c + mean + s, 0, 1)


def random_distort_torch(images, rng, brightness, contrast):
    import torch

    _check(images, brightness, contrast)
    drawn = torch.rand(2, len(images), 1, 1, 1, generator=rng, dtype=images.dtype, device=rng.device)
    c, s = (2 * drawn - 1).to(images.device)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return ((images - mean) * (1 + contrast * c) + mean + brightness * s).clamp(0, 1)


def _check(images, brightness, contrast):
    check_shapes(images=(images, "N H W C"))
    if not brightness >= 0:
        raise ValueError(f"brightness is {brightness}; it must not be negative")
    if not 0 <= contrast <= 1:
        raise ValueError(f"contrast is {contrast}; it must lie between 0 and 1")


def judge(inputs, outputs):
    """Recover c and s of every image, check them exactly, and test those of independent draws by seven tests."""
    images, widths = inputs["images"], (inputs["contrast"], inputs["brightness"])
    found = []
    for output in outputs:
        changes, problem = _changes(images, *widths, output)
        if problem:
            return problem
        found.append(changes)
    if (outputs[0] != outputs[1]).any():
        return "Two calls with the generator in the same state gave different images: all chance must come from rng."
    return _broken_distribution(np.stack(found[1:]), widths)


def judge_dtypes_too(inputs, outputs):
    return judge(inputs, outputs) or next(
        (f"The images come back as {o.dtype}; keep their dtype." for o in outputs if o.dtype != inputs["images"].dtype),
        None,
    )


def _changes(images, contrast, brightness, output):
    """Return (c - 1) / contrast and s / brightness of every image (N, 2), or the sentence that says why not."""
    if not isinstance(output, np.ndarray) or output.dtype.kind != "f":
        return None, "Return one array of images, of floating-point numbers."
    if output.shape != images.shape:
        return None, f"The images come back with shape {output.shape} and must keep theirs, {images.shape}."
    if not ((output >= 0) & (output <= 1)).all():
        return None, "Values leave the range from 0 to 1: clip the result."
    slack = 1e-9 if images.dtype == output.dtype == np.float64 else 1e-4
    mean = images.mean(axis=(1, 2, 3), keepdims=True, dtype="f8")
    x, y = images - mean, output - mean
    c, s = _lines(x, y, (output > 0) & (output < 1))
    if not (np.abs(np.clip(x * c + mean + s, 0, 1) - output) <= slack).all():
        return None, (
            "Within an image the values are not all changed alike: one factor, one mean and one shift serve "
            "all its pixels and channels, and what leaves the range is clipped."
        )
    if (np.abs(c - 1) > contrast + slack).any():
        return None, "The contrast factor of an image lies outside 1 - contrast and 1 + contrast."
    if (np.abs(s) > brightness + slack).any():
        if brightness == 0:
            return None, "The contrast moves the mean of an image: stretch the distances from the image's own mean."
        return None, "The mean of an image moves farther than brightness allows, before clipping."
    return np.stack([(c - 1) / (contrast or 1), s / (brightness or 1)], axis=-1).reshape(-1, 2), None


def _lines(x, y, where):
    """Fit a straight line to the chosen points of each image; slopes and offsets are NaN where they do not tell."""

    def mean(values):
        return (values * where).sum(axis=(1, 2, 3), keepdims=True) / where.sum(axis=(1, 2, 3), keepdims=True)

    with np.errstate(all="ignore"):
        centred = x - mean(x)
        slope = mean(centred * y) / mean(centred**2)
        return slope, mean(y) - slope * mean(x)


def _broken_distribution(changes, widths):
    """Test the changes (draws, N, 2), each of which should be uniform on [-1, 1] unless its width is 0."""
    for k, name in enumerate(("contrast factor", "brightness shift")):
        values = changes[..., k]
        if widths[k] == 0:
            continue
        if (np.abs(values) < 1e-3).all():
            return f"The {name} changes nothing."
        if values.shape[1] > 1 and (np.ptp(values, axis=1) < 1e-3).all():
            return f"All images of a call share one {name}: each one needs its own."
        if (np.ptp(values, axis=0) < 1e-3).all():
            return f"Generators in different states gave the same {name}: it must be drawn at random, from rng."
        if ks_p_value(values, lambda x: uniform_cdf(x, -1, 1)) < LEVEL:
            return f"The {name} is not uniform between its two ends, or it depends on the other images."
        if min(agreement_p_value(values > 0, axis, 0.5) for axis in (0, 1)) < LEVEL:
            return f"The {name} of an image depends on that of another image or of an earlier call."
    agree = (changes[..., 0] > 0) == (changes[..., 1] > 0)
    if min(widths) > 0 and binomial_p_value(int(agree.sum()), agree.size, 0.5) < LEVEL:
        return "Contrast and brightness depend on each other: each needs a draw of its own."
    return None


def image_by_image(images, rng, brightness, contrast):
    out = np.empty_like(images)
    for i, image in enumerate(images):
        c, s = 1 + contrast * (2 * rng.random() - 1), brightness * (2 * rng.random() - 1)
        out[i] = np.minimum(np.maximum(c * image + ((1 - c) * float(image.mean()) + s), 0), 1)
    return out


def all_draws_first(images, rng, brightness, contrast):
    flat = images.reshape(len(images), -1)
    width, middle = np.array([[brightness, contrast], [0, 1]])
    s, c = rng.uniform(middle - width, middle + width, (len(images), 2)).T.astype(images.dtype)
    mean = flat.sum(axis=1) / flat.shape[1]
    return np.clip(flat * c[:, None] + (mean * (1 - c) + s)[:, None], 0, 1).reshape(images.shape)


def _with(images, c, s, mean=None):
    mean = images.mean(axis=(1, 2, 3), keepdims=True) if mean is None else mean
    return np.clip((images - mean) * c + mean + s, 0, 1)


def _draws(images, rng, brightness, contrast):
    shape = (len(images), 1, 1, 1)
    return rng.uniform(1 - contrast, 1 + contrast, shape), rng.uniform(-brightness, brightness, shape)


def without_clip(images, rng, brightness, contrast):
    c, s = _draws(images, rng, brightness, contrast)
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return (images - mean) * c + mean + s


def contrast_around_zero(images, rng, brightness, contrast):
    return _with(images, *_draws(images, rng, brightness, contrast), mean=0)


def mean_of_the_batch(images, rng, brightness, contrast):
    return _with(images, *_draws(images, rng, brightness, contrast), mean=images.mean())


def mean_per_channel(images, rng, brightness, contrast):
    return _with(images, *_draws(images, rng, brightness, contrast), mean=images.mean(axis=(1, 2), keepdims=True))


def brightness_stretched_too(images, rng, brightness, contrast):
    c, s = _draws(images, rng, brightness, contrast)
    return _with(images, c, s * c)


def one_draw_for_the_batch(images, rng, brightness, contrast):
    return _with(images, *_draws(images[:1], rng, brightness, contrast))


def one_draw_for_both(images, rng, brightness, contrast):
    draw = rng.uniform(-1, 1, (len(images), 1, 1, 1))
    return _with(images, 1 + contrast * draw, brightness * draw)


def pixel_by_pixel(images, rng, brightness, contrast):
    return _with(images, _draws(images, rng, 0, contrast)[0], rng.uniform(-brightness, brightness, images.shape))


def never_less(images, rng, brightness, contrast):
    c, s = _draws(images, rng, brightness, contrast)
    return _with(images, 1 + abs(c - 1), abs(s))


def generator_of_its_own(images, rng, brightness, contrast):
    return random_distort(images, np.random.default_rng(), brightness, contrast)


def _images(rng, shape, brightness, contrast, low=0.0, high=1.0, dtype="f8"):
    return {"images": rng.uniform(low, high, shape).astype(dtype), "brightness": brightness, "contrast": contrast}


def _by_hand(rng, brightness, contrast):
    """Give two images around 0.5 and 0.4, which are not clipped."""
    images = rng.permuted([[0.3, 0.4, 0.6, 0.7], [0.2, 0.3, 0.5, 0.6]], axis=1).reshape(2, 2, 2, 1)
    return {"images": images, "brightness": brightness, "contrast": contrast}


def _other_layouts(rng):
    inputs = _images(rng, (60, 8, 6, 3), 0.2, 0.6)
    return inputs | {"images": np.asfortranarray(inputs["images"])[:, ::2, ::2]}


def _histogram(inputs, expected, outputs):
    """Show how far the contrast and the brightness of images are changed, in units of the widest change."""
    images, contrast, brightness = inputs["images"], inputs["contrast"], inputs["brightness"]
    changes = np.concatenate([_changes(images, contrast, brightness, output)[0] for output in outputs[1:]])
    drawn = changes[:, [contrast > 0, brightness > 0]]
    return histogram(drawn, lambda x: uniform_cdf(x, -1, 1), -1, 1, "changes / widest change")


TOPIC = Topic(
    forward=random_distort,
    torch=random_distort_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3, 4)),
    cases=(
        Case("brightness alone", lambda rng: _by_hand(rng, 0.1, 0.0), visible=True),
        Case("contrast alone", lambda rng: _by_hand(rng, 0.0, 0.5), visible=True),
        Case("both, without clipping", lambda rng: _images(rng, (70, 4, 3, 3), 0.1, 0.4, 0.3, 0.7)),
        Case("both, with clipping", lambda rng: _images(rng, (70, 4, 5, 2), 0.3, 0.5)),
        Case("contrast of a batch", lambda rng: _images(rng, (60, 3, 5, 3), 0.0, 0.9)),
        Case("other memory layouts", _other_layouts),
        Case(
            "float32",
            lambda rng: _images(rng, (60, 5, 4, 3), 0.2, 0.5, dtype="f4"),
            aspect="edge",
            compare=Properties(judge_dtypes_too, draws=(0, 0, 1, 2, 3, 4)),
        ),
        Case("nothing to change", lambda rng: _images(rng, (4, 3, 2, 3), 0.0, 0.0), aspect="edge"),
        Case("one image", lambda rng: _images(rng, (1, 4, 4, 1), 0.1, 0.2, 0.2, 0.8), aspect="edge"),
    ),
    mistakes=(
        Mistake(without_clip, "Values above 1 and below 0 come back. Clip the result to the range of an image."),
        Mistake(
            contrast_around_zero,
            "The factor multiplies the values themselves, so more contrast also makes an image brighter. "
            "It should stretch their distances from the mean.",
        ),
        Mistake(mean_of_the_batch, "The mean is taken over the whole batch. Each image has its own."),
        Mistake(mean_per_channel, "Each channel has a mean of its own. One mean serves the whole image."),
        Mistake(brightness_stretched_too, "The shift is multiplied by the contrast factor too: it comes afterwards."),
        Mistake(one_draw_for_the_batch, "All images are changed alike. Each needs a factor and a shift of its own."),
        Mistake(one_draw_for_both, "Factor and shift rise and fall together: they need a draw each."),
        Mistake(pixel_by_pixel, "Each value has a shift of its own, which is noise. An image is shifted as a whole."),
        Mistake(never_less, "Contrast and brightness only grow. Both may fall as well."),
        Mistake(generator_of_its_own, "The changes do not come from rng, so nobody can repeat the run."),
    ),
    alternates=(image_by_image, all_draws_first),
    equivalents=(
        Equivalent(
            "(images - mean) * c + mean + s -> (images - mean) * c + mean - s", "s and -s have the same distribution"
        ),
    ),
    picture=_histogram,
)
