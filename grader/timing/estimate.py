"""Paired ratios of CPU times -> an estimate, its interval and the verdict; pure.

A round measures the student's function and the reference one after the other, and their ratio is what counts. Noise
only ever adds time, so the lower quartile of the ratios is the estimate: it stays put while up to a quarter of the
rounds is disturbed in the reference and three quarters in the student's function. In even noise it lies below the
median, in the student's favour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from grader.model import Band, Pace

# The limit is passed only above this multiple of it: two identical functions never differ by so much.
MARGIN = 1.05
# Ratios outside of this in a reference against itself show a machine that cannot time anything.
SELF_TEST = (0.9, 1.1)
# Faster than this is more likely a cached or borrowed answer than a good one.
TOO_FAST = 0.1
# Each end of the interval misses with at most this probability.
MISS = 0.05
FEWEST_ROUNDS = 3
# No disturbed round that was measured took longer than this multiple of a quiet one.
WORST_ROUND = 3.0
# More rounds are worth their time until the ratio, as a fraction, and the share are known this well.
RATIO_KNOWN = 0.5
SHARE_KNOWN = 0.1

_QUARTILE = 0.25
_FREE = "this costs no points."


@dataclass(frozen=True, slots=True)
class Estimate:
    """The student's CPU time in multiples of the reference's, and the interval that holds it."""

    ratio: float
    low: float
    high: float

    @property
    def uncertainty(self) -> float:
        """The distance from the ratio to the farther end of the interval, as a fraction of the ratio."""
        return max(self.high / self.ratio - 1, 1 - self.low / self.ratio)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the timing of one function comes to; `estimate` is the one that it rests on."""

    pace: Pace
    share: float
    estimate: Estimate | None
    reason: str = ""
    flagged: bool = False


def estimate(ratios: Iterable[float]) -> Estimate | None:
    """Return the lower quartile of paired ratios with an interval of 90 %, or None below three usable rounds.

    The ends are order statistics: of n rounds, the number below the true quartile is binomial (n, 1/4) whatever the
    noise looks like, so each end misses with at most 5 % if the rounds are independent. That takes 11 rounds for the
    lower end. With fewer it is a third of the smallest ratio, since no round was seen disturbed by more than that.
    Ratios that are not finite and above 0 were not measured and are left out.
    """
    values = sorted(ratio for ratio in ratios if 0 < ratio < math.inf)
    rounds = len(values)
    if rounds < FEWEST_ROUNDS:
        return None
    position = _QUARTILE * (rounds - 1)
    below = int(position)
    part = position - below
    ratio = values[below] ** (1 - part) * values[below + 1] ** part
    first = next(k for k in range(rounds + 1) if _at_most(k, rounds) > MISS)
    last = next(k for k in range(1, rounds + 1) if 1 - _at_most(k - 1, rounds) <= MISS)
    low = values[first - 1] if first else values[0] / WORST_ROUND
    return Estimate(ratio, min(low, ratio), max(values[last - 1], ratio))


def share(ratio: float, band: Band) -> float:
    """Return the part of the speed points that a ratio earns: 1 up to `full`, 0 from `none`, log-linear between."""
    if ratio <= band.full:
        return 1.0
    if ratio >= band.none:
        return 0.0
    return math.log(band.none / ratio) / math.log(band.none / band.full)


def is_slow(estimate: Estimate, band: Band) -> bool:
    """Return whether the whole interval lies above the limit and its margin: a fresh box is asked then."""
    return estimate.low > band.full * MARGIN


def is_clear(estimate: Estimate, band: Band) -> bool:
    """Return whether more rounds can be spared: no boundary within a margin of the interval, ratio and share known.

    That takes 11 rounds at least, since the interval of fewer reaches down to a third.
    """
    boundaries = (band.full * MARGIN, band.none * MARGIN)
    far = all(estimate.high * MARGIN <= b or estimate.low >= b * MARGIN for b in boundaries)
    spread = share(estimate.low, band) - share(estimate.high, band)
    return far and estimate.uncertainty <= RATIO_KNOWN and spread <= SHARE_KNOWN


def verdict(
    measured: Estimate | None,
    fresh: Estimate | None,
    self_test: Estimate | None,
    band: Band,
    unit: str = "CPU time",
) -> Judgement:
    """Judge a function by its estimate, that of a fresh box (asked when `is_slow`) and the reference against itself.

    Only a ratio that both boxes put above the limit costs points, and the smaller of the two decides how many.
    `unit` is the word for what was measured.
    """
    if self_test is None or not SELF_TEST[0] <= self_test.ratio <= SELF_TEST[1]:
        told = "" if self_test is None else f": the reference took {times(self_test.ratio)} its own time"
        return Judgement(Pace.UNMEASURED, 1.0, None, f"The machine was too unsteady to time anything{told}; {_FREE}")
    if measured is None:
        return Judgement(Pace.UNMEASURED, 1.0, None, f"Too few rounds could be timed; {_FREE}")
    limit = f"{band.full:g}x"
    if not is_slow(measured, band):
        if measured.high <= band.full * MARGIN:
            return Judgement(Pace.FULL, 1.0, measured, flagged=measured.ratio < TOO_FAST)
        between = f"between {times(measured.low)} and {times(measured.high)} the reference's {unit}"
        reason = f"Your function takes {between}, which does not tell whether it keeps to the limit of {limit}; {_FREE}"
        return Judgement(Pace.UNSTABLE, 1.0, measured, reason)
    if fresh is None:
        reason = f"Your function took {times(measured.ratio)} the reference's {unit}, but only once; {_FREE}"
        return Judgement(Pace.UNSTABLE, 1.0, measured, reason)
    smaller = min(measured, fresh, key=lambda one: one.ratio)
    if not is_slow(fresh, band):
        both = f"{times(measured.ratio)} ({percent(measured)}) and {times(fresh.ratio)} ({percent(fresh)})"
        reason = f"Two timings do not agree, {both} the reference's {unit} with a limit of {limit}; {_FREE}"
        return Judgement(Pace.UNSTABLE, 1.0, smaller, reason)
    takes = f"{times(smaller.ratio)} the reference's {unit}, {percent(smaller)}"
    part = share(smaller.ratio, band)
    rest = "" if part else f", and from {band.none:g}x on nothing is left of it"
    return Judgement(
        Pace.SLOW, part, smaller, f"Your function takes {takes}; the whole share needs at most {limit}{rest}."
    )


def times(ratio: float) -> str:
    """Return "0.94x", "14.2x" or "1,520x"."""
    digits = 2 if ratio < 1 else 1 if ratio < 100 else 0
    return f"{ratio:,.{digits}f}x"


def percent(estimate: Estimate) -> str:
    """Return the uncertainty as "±4 %"."""
    return plus_minus(estimate.uncertainty)


def plus_minus(fraction: float) -> str:
    """Return a fraction as "±4 %", never less than one percent."""
    return f"±{max(100 * fraction, 1.0):.0f} %"


def _at_most(count: int, rounds: int) -> float:
    """Return the probability that at most `count` of the rounds lie below the true lower quartile."""
    return sum(math.comb(rounds, k) * _QUARTILE**k * (1 - _QUARTILE) ** (rounds - k) for k in range(count + 1))
