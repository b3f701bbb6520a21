"""Rounds of two contenders on the same secret inputs: what each call costs, and whether the answers agree."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.timing.contender import Contender, NotTimed, Projections

# A block of calls should cost this much: far more than reading the clock, and over before the machine changes its mind.
BLOCK_S = 0.008
MOST_CALLS = 64
FEWEST_CALLS = 2  # what is slow on every second call must not hide behind a quartile of single calls
WARM_UPS = 2
IDLE_LAPS = 2
# Rounding differs between two ways to compute the same by far less, and half precision by far more.
AGREEMENT = {"float16": 1e-2, "float32": 2e-5, "float64": 2e-8}

_secret = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds per call of both sides, without what an idle block costs."""

    student: float
    reference: float

    @property
    def ratio(self) -> float:
        return self.student / self.reference if self.student > 0 and self.reference > 0 else math.nan


class Race:
    """Two contenders at one size: warmed up, with blocks of a length that suits each.

    A `brief` race, for what need not be known well, has shorter blocks and no way back.
    """

    def __init__(
        self,
        student: Contender,
        reference: Contender,
        base: Mapping[str, Any],
        precision: str,
        brief: bool = False,
    ) -> None:
        """Send the base arguments, warm up and find the lengths of the blocks. Raises NotTimed."""
        self._student, self._reference = student, reference
        self._fewest, self._ways = (1, 1) if brief else (FEWEST_CALLS, 2)
        self._allowed = AGREEMENT.get(precision, AGREEMENT["float64"])
        for side in (student, reference):
            side.base(base)
        for _ in range(WARM_UPS):
            self._laps((student, 1), (reference, 1))
        singles = []
        for side in (student, reference):
            side.settle()
            singles.append(min(side.costs[-WARM_UPS:]))
        self._idle = [self._idle_cost(FEWEST_CALLS), self._idle_cost(4 * FEWEST_CALLS)]
        self._lengths = [self._fitting(single) for single in singles]
        self._places = len(student.costs), len(reference.costs)
        self._calls: list[tuple[int, int]] = []

    def round(self) -> None:
        """Run one round in random order. Raises NotTimed for a wrong answer."""
        mine, theirs = (_varied(calls, self._fewest) for calls in self._lengths)
        # Blocks of one length touch memory alike. More calls than the reference's would have nothing to compare with.
        mine = theirs if 2 * self._lengths[0] >= self._lengths[1] else min(mine, theirs)
        first, second = _secret.sample([(self._student, mine), (self._reference, theirs)], 2)
        self._calls.append((mine, theirs))
        # There and back: what changes slowly on the machine falls on both alike.
        for order in ((first, second), (second, first))[: self._ways]:
            self._laps(*order)

    def rounds(self) -> list[Round]:
        """Return the rounds whose costs are known: the last one's are not until something else begins."""
        mine, theirs = (
            [sum(laps) for laps in zip(*(costs[i :: self._ways] for i in range(self._ways)), strict=False)]
            for costs in (self._student.costs[self._places[0] :], self._reference.costs[self._places[1] :])
        )
        return [
            Round(self._net(own, calls[0]), self._net(other, calls[1]))
            for own, other, calls in zip(mine, theirs, self._calls, strict=False)
        ]

    def finish(self) -> list[Round]:
        """Return all rounds, once the books on the last one are closed."""
        for side in (self._student, self._reference):
            side.settle()
        return self.rounds()

    def _laps(self, *laps: tuple[Contender, int]) -> None:
        """Let both run blocks of calls on the same secret inputs, in the order given."""
        seed, projection = _secret.getrandbits(48), _secret.getrandbits(32)
        answers = {id(side): side.lap(seed, calls, projection) for side, calls in laps}
        if not agree(answers[id(self._student)], answers[id(self._reference)], self._allowed):
            raise NotTimed("its answers to timed calls are wrong, on new inputs of the same kind")

    def _net(self, cost: float, calls: int) -> float:
        return (cost / self._ways - self._idle_of(calls)) / calls

    def _idle_cost(self, calls: int) -> float:
        for _ in range(IDLE_LAPS):
            self._reference.lap(_secret.getrandbits(48), calls, _secret.getrandbits(32), "idle")
        self._reference.settle()
        return statistics.median(self._reference.costs[-IDLE_LAPS:])

    def _idle_of(self, calls: int) -> float:
        """Return what a block costs besides its calls: a part for the block, and one for each call."""
        fewer, more = self._idle
        per_call = max(0.0, more - fewer) / (3 * FEWEST_CALLS)
        return max(0.0, fewer + per_call * (calls - FEWEST_CALLS))

    def _fitting(self, single: float) -> int:
        """Return how many calls make a block, by the cost of a block of one."""
        wanted = BLOCK_S * self._ways / 2 / max(single - self._idle_of(1), 1e-6)
        return max(self._fewest, min(MOST_CALLS, round(wanted)))


def _varied(calls: int, fewest: int) -> int:
    return max(fewest, calls + _secret.randint(-(calls // 4), calls // 4))


def agree(student: Projections, reference: Projections, allowed: float) -> bool:
    """Return whether the student's answers are the reference's: sizes equal, projections within `allowed` of the norm.

    The reference may have given more.
    """
    pairs = zip(student, reference, strict=False)
    return len(student) <= len(reference) and all(_close(mine, theirs, allowed) for mine, theirs in pairs)


def _close(mine: Sequence[float], theirs: Sequence[float], allowed: float) -> bool:
    if len(mine) != len(theirs):
        return False
    for (size, _, product), (expected_size, norm, expected) in zip(_threes(mine), _threes(theirs), strict=True):
        # Never `not (difference > ...)`: NaN passes that.
        if size != expected_size or not abs(product - expected) <= allowed * norm:
            return False
    return True


def _threes(numbers: Sequence[float]) -> list[tuple[float, float, float]]:
    return list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
