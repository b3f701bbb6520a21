"""Rounds as the measured machines make them: a quiet spread of ln ratio, and now and then a disturbed round."""

from __future__ import annotations

import math
import random

from grader.model import Band
from grader.timing.estimate import Estimate, estimate, is_clear, is_slow, verdict
from grader.timing.estimate import Judgement as Judgement

# The lower quartile of ten such rounds spreads by .017 (docs/numerics.md).
QUIET = 0.04
BAND = Band(3.0, 100.0)
SELF_TEST = Estimate(0.99, 0.97, 1.01)
MOST_ROUNDS = 20


def ratio(rng: random.Random, true: float, disturbed: float = 0.0) -> float:
    """Return one paired ratio; each of the two measurements is `disturbed` with that probability, 1.5x to 3x."""
    value = math.log(true) + rng.gauss(0, QUIET)
    for sign in (1, -1):
        if rng.random() < disturbed:
            value += sign * math.log(rng.uniform(1.5, 3))
    return math.exp(value)


def box(rng: random.Random, true: float, disturbed: float = 0.0, drift: float = 0.017) -> Estimate:
    """Return what one box measures: rounds until it is clear, and a bias that all of them share."""
    true *= math.exp(rng.gauss(0, drift))
    rounds: list[float] = []
    while len(rounds) < MOST_ROUNDS:
        rounds.append(ratio(rng, true, disturbed))
        found = estimate(rounds)
        if found and is_clear(found, BAND):
            break
    assert found is not None
    return found


def timed(rng: random.Random, true: float, disturbed: float = 0.0) -> Judgement:
    """Return the verdict of the whole procedure, with a fresh box when the first finds the function slow."""
    first = box(rng, true, disturbed)
    fresh = box(rng, true, disturbed) if is_slow(first, BAND) else None
    return verdict(first, fresh, SELF_TEST, BAND)
