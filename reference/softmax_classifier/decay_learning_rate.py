"""Lower the learning rate from epoch to epoch (notes, section 1, tricks for SGD, item 4)."""

import math

from grader import Case, Mistake, Topic


def decay_learning_rate(lr0, epoch, decay_rate):
    """Compute the learning rate of an epoch from that of the first one.

    lr0: positive number, the learning rate of epoch 0
    epoch: integer >= 0, the number of this epoch; the first epoch is number 0
    decay_rate: number >= 0; at 1 the second epoch (number 1) has half the learning rate of the first
    returns: number (no array), lr0 / (1 + decay_rate * epoch)

    This is decay by the inverse of time: the reciprocal of the learning rate grows by the same amount in every epoch.
    Exponential decay, by the same factor in every epoch, is another schedule.
    Raises ValueError when lr0 is not above 0, or epoch or decay_rate is below 0.
    Source: notes, section 1, tricks for SGD, item 4.
    """
    if not (lr0 > 0 and epoch >= 0 and decay_rate >= 0):
        raise ValueError(f"lr0 must be above 0, epoch and decay_rate at least 0, not {lr0}, {epoch} and {decay_rate}")
    return lr0 / (1 + decay_rate * epoch)


def decay_learning_rate_torch(lr0, epoch, decay_rate):
    return lr0 / (1 + decay_rate * epoch)


def reciprocal_of_a_sum(lr0, epoch, decay_rate):
    return 1 / (1 / lr0 + epoch * (decay_rate / lr0))


def through_logarithms(lr0, epoch, decay_rate):
    return math.exp(math.log(lr0) - math.log1p(decay_rate * epoch))


def counted_from_one(lr0, epoch, decay_rate):
    return lr0 / (1 + decay_rate * (epoch + 1))


def parentheses_lost(lr0, epoch, decay_rate):
    return lr0 / 1 + decay_rate * epoch


def by_the_same_factor(lr0, epoch, decay_rate):
    return lr0 / (1 + decay_rate) ** epoch


def exponential(lr0, epoch, decay_rate):
    return lr0 * math.exp(-decay_rate * epoch)


def straight_line(lr0, epoch, decay_rate):
    return max(lr0 * (1 - decay_rate * epoch), 0)


def _draw(rng, first, last, lowest, highest):
    lr0, decay_rate = 10 ** rng.uniform(-4, 0), 10 ** rng.uniform(lowest, highest)
    return {"lr0": float(lr0), "epoch": int(rng.integers(first, last)), "decay_rate": float(decay_rate)}


def _by_hand(rng, epoch):
    return {"lr0": float(rng.choice([0.2, 0.4, 0.8])), "epoch": epoch, "decay_rate": float(rng.choice([0.5, 1.0, 1.5]))}


TOPIC = Topic(
    forward=decay_learning_rate,
    torch=decay_learning_rate_torch,
    cases=(
        Case("epoch 2 by hand", lambda rng: _by_hand(rng, 2), visible=True),
        Case("the first epoch", lambda rng: _by_hand(rng, 0), visible=True, aspect="edge"),
        Case("early epochs", lambda rng: _draw(rng, 1, 4, -1, 0)),
        Case("slow decay", lambda rng: _draw(rng, 5, 100, -4, -2)),
        Case("fast decay", lambda rng: _draw(rng, 3, 20, 0, 1)),
        Case("thousands of epochs", lambda rng: _draw(rng, 1000, 100000, -2, 0)),
        Case("no decay", lambda rng: _draw(rng, 1, 50, -1, 0) | {"decay_rate": 0.0}, aspect="edge"),
    ),
    mistakes=(
        Mistake(
            counted_from_one,
            "The schedule runs one epoch ahead. Epochs count from 0, so the first one still has the rate lr0.",
        ),
        Mistake(
            parentheses_lost,
            "The learning rate grows: a division comes before an addition unless parentheses say otherwise.",
        ),
        Mistake(
            by_the_same_factor,
            "Every epoch divides the rate by the same factor. "
            "Here its reciprocal grows by equal amounts; epochs 0 and 1 do not show the difference.",
        ),
        Mistake(
            exponential,
            "This is exponential decay. The schedule of this course falls much more slowly, as one over the time.",
        ),
        Mistake(
            straight_line,
            "The rate falls along a straight line and reaches 0. Here it approaches 0 and never gets there.",
        ),
    ),
    alternates=(reciprocal_of_a_sum, through_logarithms),
)
