"""Where to look next: the avoidable bias, the variance, and the larger of the two (notes, section 7)."""

from grader import Case, Mistake, Topic


def bias_variance(train_error, dev_error, target_error):
    """Split the error of a model into avoidable bias and variance, and say which of them to work on.

    train_error: number, the error on the training set, as a fraction or in percent
    dev_error: number, the error on the dev set, in the same unit
    target_error: number, the error to aim for, in the same unit: that of people, say, or the lowest possible one
    returns: (avoidable_bias, variance, focus)
        avoidable_bias: number, train_error - target_error
        variance: number, dev_error - train_error
        focus: string, "bias" or "variance", the larger of the two; "bias" when they are equal

    Both gaps keep their sign and their unit: a negative avoidable bias says that the model beats the target on the
    training set, and the larger gap is the greater number, not the greater size. Three numbers come in and no array.
    A negative error is a ValueError.
    Source: notes, section 7, which lists what to try against each.
    """
    if min(train_error, dev_error, target_error) < 0:
        raise ValueError(f"errors must not be negative: {train_error}, {dev_error}, {target_error}")
    avoidable_bias, variance = train_error - target_error, dev_error - train_error
    return avoidable_bias, variance, "bias" if avoidable_bias >= variance else "variance"


def bias_variance_torch(train_error, dev_error, target_error):
    return bias_variance(train_error, dev_error, target_error)  # numbers come in, and a string goes out


def compares_with_the_middle(train_error, dev_error, target_error):
    focus = "variance" if 2 * train_error < target_error + dev_error else "bias"
    return -(target_error - train_error), -(train_error - dev_error), focus


def larger_of_a_dictionary(train_error, dev_error, target_error):
    gaps = {"bias": train_error - target_error, "variance": dev_error - train_error}
    return gaps["bias"], gaps["variance"], max(gaps, key=gaps.get)


def dev_error_from_target(train_error, dev_error, target_error):
    bias, variance = train_error - target_error, dev_error - target_error
    return bias, variance, "bias" if bias >= variance else "variance"


def target_ignored(train_error, dev_error, target_error):
    return bias_variance(train_error, dev_error, 0)


def sizes_of_the_gaps(train_error, dev_error, target_error):
    bias, variance = abs(train_error - target_error), abs(dev_error - train_error)
    return bias, variance, "bias" if bias >= variance else "variance"


def equal_gaps_give_variance(train_error, dev_error, target_error):
    bias, variance, _ = bias_variance(train_error, dev_error, target_error)
    return bias, variance, "bias" if bias > variance else "variance"


def focus_on_the_smaller(train_error, dev_error, target_error):
    bias, variance, _ = bias_variance(train_error, dev_error, target_error)
    return bias, variance, "bias" if bias < variance else "variance"


def _errors(target, bias, variance):
    """Return whole eighths of a percent, so that every difference is exact and equal gaps are equal."""
    names = ("train_error", "dev_error", "target_error")
    return dict(zip(names, ((target + bias) / 8, (target + bias + variance) / 8, target / 8), strict=True))


def _drawn(rng, smaller, larger, focus):
    """Draw errors whose gaps, in eighths, are clearly different; the larger one is the focus."""
    small, large = int(rng.integers(*smaller)), int(rng.integers(*larger))
    gaps = (large, small) if focus == "bias" else (small, large)
    return _errors(int(rng.integers(16, 40)), *gaps)


def _equal(rng):
    gap = int(rng.integers(4, 40))
    return _errors(int(rng.integers(8, 40)), gap, gap)


TOPIC = Topic(
    forward=bias_variance,
    torch=bias_variance_torch,
    cases=(
        Case("far from the target", lambda rng: _drawn(rng, (2, 8), (40, 80), "bias"), visible=True),
        Case("far from the training error", lambda rng: _drawn(rng, (2, 8), (40, 80), "variance"), visible=True),
        Case(
            "fractions",
            lambda rng: {"train_error": 0.08, "dev_error": 0.1, "target_error": round(rng.uniform(0, 0.05), 3)},
        ),
        Case("a bias a little larger", lambda rng: _drawn(rng, (20, 30), (31, 40), "bias")),
        Case("a variance a little larger", lambda rng: _drawn(rng, (20, 30), (31, 40), "variance")),
        Case("equal gaps", _equal, aspect="edge"),
        Case("better than the target", lambda rng: _drawn(rng, (-15, -8), (1, 7), "variance"), aspect="edge"),
        Case("better on the dev set", lambda rng: _drawn(rng, (-15, -8), (1, 7), "bias"), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            dev_error_from_target,
            "The variance is measured from the target. It is what the model loses on the way from the training set "
            "to examples it has not seen.",
        ),
        Mistake(
            target_ignored,
            "The whole training error is counted as bias. Only what lies above the target can be avoided.",
        ),
        Mistake(sizes_of_the_gaps, "The gaps have lost their signs: a model can be better than its target."),
        Mistake(equal_gaps_give_variance, 'Equal gaps give "bias" by the convention of this course.'),
        Mistake(focus_on_the_smaller, "The focus is on the smaller gap: the larger one has more to gain."),
    ),
    alternates=(compares_with_the_middle, larger_of_a_dictionary),
)
