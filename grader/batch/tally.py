"""Digests of many submissions -> what the class has in common: functions, mistakes, and cases that look wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from grader.batch.model import Failing, FunctionDigest
from grader.batch.view import Example, FunctionRow, Mistake, Reading, Suspect, Who
from grader.model import Verdict
from grader.report.words import Status

# A check is looked at when at least so many submissions try its function, and such a part of them fails it.
ATTEMPTS = 5
PERCENT_FAILING = 80

_UNTRIED = {status.word for status in (Status.MISSING, Status.UNSTARTED, Status.FAULT, Status.EMPTY)}
_WRONG = {Verdict.FAIL, Verdict.ERROR, Verdict.TIMEOUT, Verdict.MEMORY, Verdict.CRASH}


def told(failing: Failing, anonymous: bool) -> str:
    """Return what is said of a failing check; only the outline is free of what a submission can say."""
    if not anonymous:
        return failing.summary or failing.failure
    return failing.failure if failing.verdict is Verdict.MISSING else failing.outline or failing.failure


@dataclass(slots=True)
class FunctionTally:
    """What is counted of one function while submissions go by."""

    anonymous: bool
    statuses: Counter[str] = field(default_factory=Counter)
    cpu_seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    # How often exactly these checks fail, with whether something passes.
    patterns: Counter[tuple[frozenset[str], bool]] = field(default_factory=Counter)
    unjudged: Counter[str] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    diagnoses: dict[str, Counter[str]] = field(default_factory=dict)
    # For each check the submission that fails the fewest others, with their number.
    examples: dict[str, tuple[int, Example]] = field(default_factory=dict)

    def add(self, who: Who, digest: FunctionDigest) -> None:
        """Count one submission's function."""
        self.statuses[digest.status] += 1
        if digest.status in _UNTRIED:
            return
        if digest.cpu_seconds is not None:
            self.cpu_seconds.append(digest.cpu_seconds)
        if digest.ratio is not None:
            self.ratios.append(digest.ratio)
        wrong = [check for check in digest.failing if check.verdict in _WRONG]
        self.patterns[frozenset(check.id for check in wrong), len(digest.failing) < digest.checks] += 1
        self.unjudged.update(check.id for check in digest.failing if check.verdict not in _WRONG)
        for check in wrong:
            self.failing[check.id] += 1
            if check.diagnosis and check.verdict is Verdict.FAIL:
                self.diagnoses.setdefault(check.id, Counter())[check.diagnosis] += 1
            if check.id not in self.examples or len(wrong) < self.examples[check.id][0]:
                example = Example(who, digest.name, check.id, told(check, self.anonymous))
                self.examples[check.id] = (len(wrong), example)

    @property
    def attempts(self) -> int:
        return sum(count for status, count in self.statuses.items() if status not in _UNTRIED)

    def row(self, name: str) -> FunctionRow:
        """Return the line of the function."""

        def number(*statuses: Status) -> int:
            return sum(self.statuses[status.word] for status in statuses)

        return FunctionRow(
            name,
            number(Status.FULL),
            number(Status.PART, Status.SLOW),
            number(Status.NONE),
            number(Status.MISSING, Status.UNSTARTED),
            number(Status.FAULT),
            median(self.cpu_seconds) if self.cpu_seconds else None,
            median(self.ratios) if self.ratios else None,
        )

    def suspect(self, name: str) -> Suspect | None:
        """Return the checks that nearly everybody fails, None when there are none."""
        checks = tuple(self._suspicious())
        if not checks:
            return None
        ids = {check for check, _, _ in checks}
        failing = sum(count for (wrong, _), count in self.patterns.items() if wrong & ids)
        alone = sum(count for (wrong, rest), count in self.patterns.items() if rest and wrong and wrong <= ids)
        worst = max(checks, key=lambda check: check[1])[0]
        ((diagnosis, agreeing),) = self.diagnoses.get(worst, Counter()).most_common(1) or [("", 0)]
        reading: Reading = "hard"
        if 2 * alone >= failing:
            reading = "mistake" if 2 * agreeing >= failing else "case"
        return Suspect(name, checks, failing, alone, diagnosis, agreeing, reading, self.examples[worst][1])

    def _suspicious(self) -> Iterator[tuple[str, int, int]]:
        for check, failing in self.failing.items():
            tried = self.attempts - self.unjudged[check]
            if tried >= ATTEMPTS and 100 * failing >= PERCENT_FAILING * tried:
                yield check, failing, tried


@dataclass(slots=True)
class MistakeTally:
    """What is counted of mistakes: those that have a name over all functions, the others for each function."""

    anonymous: bool
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    functions: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    examples: dict[tuple[str, str], tuple[int, str, Example]] = field(default_factory=dict)

    def add(self, who: Who, digests: Sequence[FunctionDigest]) -> None:
        """Count each mistake of a submission once, and once for each of its functions."""
        seen: set[tuple[str, str]] = set()
        for digest in digests:
            if digest.status in _UNTRIED:
                continue
            here: set[tuple[str, str]] = set()
            for check in digest.failing:
                if check.verdict is None or check.verdict is Verdict.FAULT or not (check.outline or check.hint):
                    continue
                what = check.hint if check.diagnosis else _unnamed(check)
                key = (check.diagnosis, what) if check.diagnosis else ("", f"{digest.name}\0{what}")
                here.add(key)
                if key not in self.examples or len(digest.failing) < self.examples[key][0]:
                    example = Example(who, digest.name, check.id, told(check, self.anonymous))
                    self.examples[key] = (len(digest.failing), what, example)
            for key in here:
                self.functions.setdefault(key, Counter())[digest.name] += 1
            seen |= here
        self.counts.update(seen)

    def mistakes(self) -> tuple[Mistake, ...]:
        """Return them all, the most common first; at the same number those that have a name."""
        found = [
            Mistake(key[0], what, self.counts[key], tuple(self.functions[key].most_common()), example)
            for key, (_, what, example) in self.examples.items()
        ]
        return tuple(sorted(found, key=lambda mistake: (-mistake.count, not mistake.diagnosis, mistake.what)))


def _unnamed(check: Failing) -> str:
    """Return what a mistake without a name is; why something was not found differs with every file's name."""
    return check.failure if check.verdict is Verdict.MISSING else check.outline
