"""Timing every kernel of a submission that is right: the race, the confirmation by a fresh box, the growth."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.model import Band, Growth, Pace, Submission, Timing
from grader.timing import boxes
from grader.timing.contender import CLOCKS, BoxLost, Contender, NotTimed
from grader.timing.estimate import MARGIN, Estimate, estimate, is_clear, is_slow, verdict
from grader.timing.growth import fit
from grader.timing.race import Race, Round
from grader.topic import Topic
from grader.tree import leaves
from sandbox.base import Device, Framework, Limits, Sandbox, SandboxUnavailable, Session, Source

DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How many rounds: `few` to call a function fast or far too slow, `fewest` to call it anything else, `most` in any
    case, `growth` at each size, and `self_test` of the reference against itself.
    """

    few: int = 6
    fewest: int = 11
    most: int = 20
    growth: int = 3
    self_test: int = 11


QUICK, PATIENT = Effort(), Effort(few=30, fewest=30, most=60, growth=10, self_test=20)


class Stopwatch:
    """Times the functions of one submission, in boxes of their own; `source` holds the submission and `variation`."""

    def __init__(
        self,
        sandbox: Sandbox,
        course: Path,
        topics: Mapping[str, Topic],
        submission: Submission,
        source: Source,
        secret: str,
        effort: Effort = QUICK,
        device: Device = "cpu",
    ) -> None:
        self._sandbox, self._topics, self._submission = sandbox, topics, submission
        self._framework: Framework = source.framework
        self._source, self._secret, self._effort, self._clock = source, secret, effort, CLOCKS[device]
        self._references = Source(boxes.references(course, topics), source.framework)
        self._limits = Limits.for_framework(source.framework, device)

    def times(
        self, bands: Mapping[str, Band], progress: Callable[[str], None] = lambda function: None
    ) -> Iterator[Timing]:
        """Time functions that are right; without a box or a steady machine they are unmeasured, which costs nothing."""
        done: set[str] = set()
        try:
            with closing(self._open(self._references)) as reference:
                steady = self._self_test(reference, next(iter(bands)))
                for function, band in bands.items():
                    progress(function)
                    timing = self._time(function, band, reference, steady)
                    done.add(function)
                    yield timing
        except SandboxUnavailable as error:
            for function, band in bands.items():
                if function not in done:
                    yield _unmeasured(function, band, str(error))

    def _open(self, source: Source) -> Session:
        return self._sandbox.open(source, self._limits)

    def _self_test(self, reference: Session, function: str) -> Estimate | None:
        """Race the reference against itself, in two boxes."""
        with closing(self._open(self._references)) as twin:
            sides = self._reference(twin, function), self._reference(reference, function)
            base = self._inputs(function, self._speed(function).sizes[1])
            race = Race(*sides, base, _precision(base))
            for _ in range(self._effort.self_test):
                race.round()
            ratios = [round_.ratio for round_ in race.finish()]
        measured = estimate(ratios)
        # Two equal sides are compared by the middle: the lower quartile leans towards whom it is taken of.
        return measured and replace(measured, ratio=statistics.median(ratios))

    def _time(self, function: str, band: Band, reference: Session, steady: Estimate | None) -> Timing:
        """Time one function, in a box of its own: what it does to its box touches no other function."""
        try:
            try:
                return self._judged(function, band, reference, steady)
            except BoxLost:
                # The box may have died otherwise; that two do is the function's doing.
                return self._judged(function, band, reference, steady)
        except NotTimed as error:
            return Timing(function, Pace.SLOW, 0.0, band, reason=f"{function} earns nothing for speed: {error}.")

    def _judged(self, function: str, band: Band, reference: Session, steady: Estimate | None) -> Timing:
        """Race, ask a fresh box where points are at stake, and judge. Raises NotTimed."""
        with closing(self._open(self._source)) as student:
            rounds = self._race(function, band, student, reference)
            measured = estimate(round_.ratio for round_ in rounds)
            again, confirming = None, list[Round]()
            if measured is not None and is_slow(measured, band):
                with closing(self._open(self._source)) as fresh:
                    confirming = self._race(function, band, fresh, reference)
                    again = estimate(round_.ratio for round_ in confirming)
            growth = self._growth_if_any(function, student, reference, rounds)
        found = verdict(measured, again, steady, band, self._clock.unit)
        shown = found.estimate
        if again is not None and shown is again:
            rounds = confirming
        return Timing(
            function,
            found.pace,
            found.share,
            band,
            shown.ratio if shown else None,
            _uncertainty(shown, rounds) if shown else None,
            tuple(round_.ratio for round_ in rounds),
            growth,
            found.flagged,
            found.reason,
        )

    def _race(self, function: str, band: Band, student: Session, reference: Session) -> list[Round]:
        """Run rounds at the middle size until the ratio is clear."""
        size = self._speed(function).sizes[1]
        race = self._start(function, size, student, reference)
        for _ in range(self._effort.most):
            race.round()
            if self._is_enough([round_.ratio for round_ in race.rounds()], band):
                break
        return race.finish()

    def _is_enough(self, ratios: Sequence[float], band: Band) -> bool:
        """Return whether more rounds would tell nothing new: few are enough for what is fast, or far too slow."""
        known, count = estimate(ratios), len(ratios)
        if known is None:
            return False
        if known.low > band.none * MARGIN:
            return True
        if count >= self._effort.few and (known.high * MARGIN <= band.full or is_slow(known, band)):
            return True
        return count >= self._effort.fewest and is_clear(known, band)

    def _growth_if_any(
        self, function: str, student: Session, reference: Session, middle: Sequence[Round]
    ) -> Growth | None:
        """Return the growth; a size that takes too long or cannot be answered is not what the points are for."""
        try:
            return self._growth(function, student, reference, middle)
        except NotTimed:
            return None

    def _growth(self, function: str, student: Session, reference: Session, middle: Sequence[Round]) -> Growth | None:
        speed, count = self._speed(function), self._effort.growth
        columns: list[Sequence[Round]] = []
        for size in speed.sizes:
            if size == speed.sizes[1]:
                columns.append(middle[-count:])
                continue
            race = self._start(function, size, student, reference, brief=True)
            for _ in range(count):
                race.round()
            columns.append(race.finish())
        rows = list(zip(*columns, strict=False))
        mine = [[cell.student for cell in row] for row in rows]
        return fit(speed.unit, speed.sizes, mine, [[cell.reference for cell in row] for row in rows])

    def _start(self, function: str, size: int, student: Session, reference: Session, brief: bool = False) -> Race:
        base = self._inputs(function, size)
        sides = self._student(student, function), self._reference(reference, function)
        return Race(*sides, base, _precision(base), brief)

    def _student(self, session: Session, function: str) -> Contender:
        definition = self._submission.definitions[function]
        how = boxes.vary(self._topics[function])
        return Contender(session, definition.module, definition.name, how, DEADLINE_S, clock=self._clock)

    def _reference(self, session: Session, function: str) -> Contender:
        topic = self._topics[function]
        own = topic.torch if self._framework == "torch" else topic.forward
        module = boxes.reference_module(topic)
        how = boxes.vary(topic)
        return Contender(session, module, own.__name__, how, DEADLINE_S, clock=self._clock, trusted=True)

    def _speed(self, function: str) -> Any:
        return self._topics[function].speed

    def _inputs(self, function: str, size: int) -> dict[str, Any]:
        topic = self._topics[function]
        seed = hashlib.sha256(f"{self._secret}/{function}/speed/{size}".encode()).digest()
        given = self._speed(function).inputs(np.random.default_rng(list(seed)), size)
        return {name: given[name] for name in topic.parameters if name in given}


def _precision(base: Mapping[str, Any]) -> str:
    """Return the least precise of the arguments' floating dtypes."""
    dtypes = [leaf.dtype for _, leaf in leaves(dict(base)) if isinstance(leaf, np.ndarray)]
    return min((dtype.name for dtype in dtypes if dtype.kind == "f"), default="float64")


def _uncertainty(shown: Estimate, rounds: Sequence[Round]) -> float:
    """Return the interval's half width as a fraction; few rounds bound it below by the smallest ratio that was seen."""
    smallest = min(round_.ratio for round_ in rounds if round_.ratio > 0)
    return max(shown.high / shown.ratio - 1, 1 - max(shown.low, min(smallest, shown.ratio)) / shown.ratio)


def _unmeasured(function: str, band: Band, reason: str) -> Timing:
    return Timing(function, Pace.UNMEASURED, 1.0, band, reason=f"{function} was not timed: {reason}")
