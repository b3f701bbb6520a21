"""Random shifts of images (notes, section 3.3), judged by their properties and their distribution."""

import itertools

import numpy as np

from grader import Case, Equivalent, Mistake, Properties, Topic
from grader.distribution import LEVEL, binomial_p_value, frequencies_p_value, independence_p_value
from grader.picture import heat, histogram
from grader.shapes import check_shapes


def random_shift(images, max_shift, rng):
    """Move each image of a batch by a random number of pixels up or down, and left or right; fill with zeros.

    images: float array (N, H, W, C), channels last
    max_shift: int >= 0, the farthest that an image is moved along either axis, in pixels; it may exceed H or W
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: float array like images (shape and dtype)

    Each image gets two shifts of its own, dy along the height and dx along the width, which are independent of each
    other and of those of other images. Each is a whole number from -max_shift to max_shift, both included, and all
    of these are equally likely. Pixel (i, j) moves to (i + dy, j + dx). What leaves the image is lost, it does not
    come back on the other side, and what nothing moved into is 0. All channels of an image move together.
    Raises ValueError for another number of axes and for a negative max_shift.
    Source: notes, section 3.3 (data augmentation).
    """
    _check(images, max_shift)
    n, height, width, _ = images.shape
    dy, dx = rng.integers(-max_shift, max_shift, (2, n, 1), endpoint=True)
    rows, columns = np.arange(height) - dy, np.arange(width) - dx
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    image = np.arange(n)[:, None, None]
    moved = images[image, rows.clip(0, height - 1)[:, :, None], columns.clip(0, width - 1)[:, None, :]]
    return np.where(inside[..., None], moved, images.dtype.type(0))


def random_shift_torch(images, max_shift, rng):
    import torch

    _check(images, max_shift)
    n, height, width, _ = images.shape
    drawn = torch.randint(-max_shift, max_shift + 1, (2, n, 1), generator=rng, device=rng.device)
    dy, dx = drawn.to(images.device)
    rows = torch.arange(height, device=images.device) - dy
    columns = torch.arange(width, device=images.device) - dx
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    image = torch.arange(n, device=images.device)[:, None, None]
    moved = images[image, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]]
    return torch.where(inside[..., None], moved, 0)


def _check(images, max_shift):
    check_shapes(images=(images, "N H W C"))
    if max_shift < 0:
        raise ValueError(f"max_shift is {max_shift}; it must not be negative")


def shifted(images, dy, dx):
    """Move all images by the same dy and dx."""
    _, height, width, _ = images.shape
    out = np.zeros_like(images)
    if abs(dy) < height and abs(dx) < width:
        source = images[:, max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        out[:, max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)] = source
    return out


def judge(inputs, outputs):
    """Check that every image is shifted as a whole, then the shifts of independent draws by seven tests."""
    images, m = inputs["images"], inputs["max_shift"]
    candidates = np.array(list(itertools.product(range(-m, m + 1), repeat=2)))
    moved = np.stack([shifted(images, dy, dx) for dy, dx in candidates])
    found = []
    for output in outputs:
        shifts, problem = _shifts(images, candidates, moved, output)
        if problem:
            return problem
        found.append(shifts)
    if (outputs[0] != outputs[1]).any():
        return "Two calls with the generator in the same state gave different shifts: all chance must come from rng."
    if m == 0 or m >= min(images.shape[1:3]):
        return None  # an image that has left altogether does not tell its shift
    return _broken_distribution(np.stack(found[1:]), m)


def judge_dtypes_too(inputs, outputs):
    return judge(inputs, outputs) or next(
        (f"The images come back as {o.dtype}; keep their dtype." for o in outputs if o.dtype != inputs["images"].dtype),
        None,
    )


def _shifts(images, candidates, moved, output):
    """Return the (dy, dx) of every image (N, 2), or the sentence that says why there are none.

    `moved` holds the images moved by each of the candidates.
    """
    if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
        return None, "Return one array of images."
    if output.shape != images.shape:
        return None, f"The images come back with shape {output.shape} and must keep theirs, {images.shape}."
    equal = (output == moved).all(axis=(2, 3, 4))
    if equal.any(axis=0).all():
        return candidates[equal.argmax(axis=0)], None
    rolled = [(output == np.roll(images, shift, (1, 2))).all(axis=(1, 2, 3)) for shift in candidates]
    if np.any(rolled & ~equal):
        return None, "What leaves an image on one side comes back on the other: fill with zeros instead."
    return None, (
        "Each image must move as a whole, by at most max_shift whole pixels up or down and left or right, "
        "and zeros must fill what nothing moved into."
    )


def _broken_distribution(shifts, m):
    """Test the shifts (draws, N, 2) for independence and for all values being equally likely."""
    values = 2 * m + 1
    table = np.zeros((values, values), dtype=int)
    np.add.at(table, tuple(shifts.reshape(-1, 2).T + m), 1)
    counts = table.sum(axis=1), table.sum(axis=0)
    chances = [min(_agreement(shifts[..., k], axis, counts[k]) for k in (0, 1)) for axis in (0, 1)]
    if min(chances) < LEVEL:
        if chances[0] < chances[1]:
            return "Independent calls shift the images alike: every call must draw its own shifts from rng."
        return "The images of a batch are not shifted independently: each one needs shifts of its own."
    for count, name in zip(counts, ("up or down", "left or right"), strict=True):
        if frequencies_p_value(count, np.full(values, 1 / values)) < LEVEL:
            return (
                f"The shifts {name} are not all equally likely, from -max_shift to max_shift with both ends included."
            )
    if independence_p_value(table) < LEVEL:
        return "The shifts of an image along its two axes depend on each other: each axis needs a draw of its own."
    return None


def _agreement(shifts, axis, counts):
    """Bound the p-value of shifts being independent along an axis: neighbours are equal as often as chance has it.

    Unequal frequencies change that too: a dependence must show against the observed ones as well.
    """
    pairs = shifts.shape[axis] // 2
    equal = np.take(shifts, range(0, 2 * pairs, 2), axis) == np.take(shifts, range(1, 2 * pairs, 2), axis)
    expected = 1 / len(counts), float(((counts / counts.sum()) ** 2).sum())
    return max(binomial_p_value(int(equal.sum()), equal.size, p) for p in expected)


def image_by_image(images, max_shift, rng):
    return np.concatenate(
        [shifted(image[None], *rng.integers(-max_shift, max_shift + 1, 2).tolist()) for image in images]
    )


def cut_from_padded(images, max_shift, rng):
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (max_shift,) * 2, (max_shift,) * 2, (0, 0)))
    corners = rng.integers(0, 2 * max_shift + 1, (len(images), 2))
    return np.stack([image[i : i + height, j : j + width] for image, (i, j) in zip(padded, corners, strict=True)])


def _with(images, draws, move=shifted):
    """Move each image by its row of draws."""
    moved = [move(image[None], int(dy), int(dx)) for image, (dy, dx) in zip(images, draws, strict=True)]
    return np.concatenate(moved)


def _draws(images, max_shift, rng):
    return rng.integers(-max_shift, max_shift + 1, (len(images), 2))


def wraps_around(images, max_shift, rng):
    return _with(images, _draws(images, max_shift, rng), lambda image, dy, dx: np.roll(image, (dy, dx), (1, 2)))


def repeats_the_edge(images, max_shift, rng):
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (max_shift,) * 2, (max_shift,) * 2, (0, 0)), mode="edge")
    corners = rng.integers(0, 2 * max_shift + 1, (len(images), 2))
    return np.stack([image[i : i + height, j : j + width] for image, (i, j) in zip(padded, corners, strict=True)])


def one_shift_for_the_batch(images, max_shift, rng):
    return shifted(images, *rng.integers(-max_shift, max_shift + 1, 2).tolist())


def same_shift_on_both_axes(images, max_shift, rng):
    return _with(images, np.repeat(_draws(images, max_shift, rng)[:, :1], 2, axis=1))


def upper_end_left_out(images, max_shift, rng):
    return _with(images, rng.integers(-max_shift, max(max_shift, 1 - max_shift), (len(images), 2)))


def never_up_or_left(images, max_shift, rng):
    return _with(images, np.abs(_draws(images, max_shift, rng)))


def sideways_only(images, max_shift, rng):
    return _with(images, _draws(images, max_shift, rng) * [0, 1])


def generator_of_its_own(images, max_shift, rng):
    return random_shift(images, max_shift, np.random.default_rng())


def _images(rng, shape, max_shift, dtype="f8"):
    return {"images": rng.uniform(0.1, 1, shape).astype(dtype), "max_shift": max_shift}


def _by_hand(rng):
    return {"images": rng.permutation(np.arange(1.0, 25.0)).reshape(2, 3, 4, 1), "max_shift": 1}


def _other_layouts(rng):
    return {"images": np.asfortranarray(rng.uniform(0.1, 1, (60, 8, 10, 2)))[:, ::2, ::2], "max_shift": 2}


def _picture(inputs, expected, outputs):
    """Show an image that is not one of the shifted ones beside the nearest of them, else how often each shift comes."""
    images, m = inputs["images"], inputs["max_shift"]
    candidates = np.array(list(itertools.product(range(-m, m + 1), repeat=2)))
    moved = np.stack([shifted(images, dy, dx) for dy, dx in candidates])
    nearest = [np.abs(moved - output).sum(axis=(2, 3, 4)).argmin(axis=0) for output in outputs]
    for which, output in zip(nearest, outputs, strict=True):
        right = moved[which, np.arange(len(images))]
        if (right != output).any():
            return heat(images, right, output)
    shifts = candidates[np.concatenate(nearest[1:])]
    return histogram(shifts, lambda x: uniform_steps(x, m), -m - 0.5, m + 0.5, "shifts dy and dx", bins=2 * m + 1)


def uniform_steps(x, m):
    """Return the distribution function of the whole numbers from -m to m, all equally likely."""
    return np.clip((np.floor(x) + m + 1) / (2 * m + 1), 0, 1)


TOPIC = Topic(
    forward=random_shift,
    torch=random_shift_torch,
    compare=Properties(judge, draws=(0, 0, 1, 2, 3, 4)),
    cases=(
        Case("two images", _by_hand, visible=True),
        Case("no shift", lambda rng: _by_hand(rng) | {"max_shift": 0}, visible=True),
        Case("a batch", lambda rng: _images(rng, (70, 4, 5, 3), 2)),
        Case("one pixel at most", lambda rng: _images(rng, (60, 3, 2, 1), 1)),
        Case("three pixels at most", lambda rng: _images(rng, (90, 5, 4, 1), 3)),
        Case("other memory layouts", _other_layouts),
        Case(
            "float32",
            lambda rng: _images(rng, (60, 4, 5, 2), 2, "f4"),
            aspect="edge",
            compare=Properties(judge_dtypes_too, draws=(0, 0, 1, 2, 3, 4)),
        ),
        Case("shifts beyond the image", lambda rng: _images(rng, (12, 2, 3, 2), 4), aspect="edge"),
        Case("one pixel", lambda rng: _images(rng, (20, 1, 1, 3), 1), aspect="edge"),
    ),
    mistakes=(
        Mistake(wraps_around, "np.roll brings what leaves on one side back on the other. Fill with zeros instead."),
        Mistake(repeats_the_edge, "The pixels at the edge are drawn out into stripes. What nothing moved into is 0."),
        Mistake(one_shift_for_the_batch, "All images move alike. Each needs a shift of its own along each axis."),
        Mistake(same_shift_on_both_axes, "Images only move along the diagonal: each axis needs a draw of its own."),
        Mistake(
            upper_end_left_out,
            "A shift by +max_shift never happens: rng.integers leaves the upper end out unless it is told otherwise.",
        ),
        Mistake(never_up_or_left, "Images never move up or left: negative shifts are as likely as positive ones."),
        Mistake(sideways_only, "Images never move up or down."),
        Mistake(generator_of_its_own, "The shifts do not come from rng, so nobody can repeat the run."),
    ),
    alternates=(image_by_image, cut_from_padded),
    equivalents=(
        Equivalent("np.arange(height) - dy -> np.arange(height) + dy", "dy and -dy have the same distribution"),
        Equivalent("np.arange(width) - dx -> np.arange(width) + dx", "dx and -dx have the same distribution"),
    ),
    picture=_picture,
)
