"""What a reader should see first: failing checks, grouped by reason and ordered by urgency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grader.model import Aspect, CheckResult, FunctionResult, Location, Picture, Report, Timing, Verdict
from grader.report import words

_ASPECTS = list(Aspect)
_VERDICTS = [
    Verdict.MISSING,
    Verdict.CRASH,
    Verdict.MEMORY,
    Verdict.TIMEOUT,
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.FAULT,
    Verdict.PASS,
]
_CATEGORIES = list(words.CATEGORIES)


@dataclass(frozen=True, slots=True)
class Finding:
    """The checks of one function that fail for the same reason; the first is the one to look at."""

    checks: tuple[CheckResult, ...]

    @property
    def first(self) -> CheckResult:
        return self.checks[0]

    @property
    def summary(self) -> str:
        return self.first.summary or words.SENTENCES[self.first.verdict]

    @property
    def hint(self) -> str:
        return self.first.hint

    @property
    def location(self) -> Location | None:
        return self.first.location

    @property
    def source(self) -> str:
        """The line of the submission that raised the exception."""
        return self.first.source

    @property
    def picture(self) -> Picture | None:
        """What can be seen of the failure: of a visible check only."""
        return next((check.picture for check in self.visible if check.picture), None)

    @property
    def visible(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if check.visible)

    @property
    def telling(self) -> tuple[CheckResult, ...]:
        """The checks that there is something to read of: a hidden one may have a smallest example of public inputs."""
        return tuple(check for check in self.checks if check.visible or check.smallest)

    @property
    def hidden(self) -> int:
        return len(self.checks) - len(self.visible)

    @property
    def extent(self) -> str:
        """Which checks: "small, gradient of small and 2 hidden cases"; nothing when it is all of them anyway."""
        return "" if self.first.verdict is Verdict.MISSING else self.named(3)

    def named(self, most: int) -> str:
        """Return the names of the first visible checks and how many others there are."""
        names = [words.label(check) for check in self.visible]
        shown = names[:most]
        if len(names) > most:
            shown.append(words.count(len(names) - most, "more check"))
        if self.hidden:
            of_gradient = "the gradient of " if self.first.kind == "gradient" and not names else ""
            shown.append(f"{of_gradient}{words.count(self.hidden, 'hidden case')}")
        return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]

    @property
    def unseen(self) -> str:
        """What is said of the hidden cases among the checks."""
        also = "fails" if self.hidden == 1 else "fail"
        same = " in the same way" if self.visible else ""
        return (
            f"{words.count(self.hidden, 'hidden case')} {also}{same}: {words.failure(self.first)}. {words.HIDDEN_NOTE}"
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next: a function by its place in the report, what is worst about it and the points at stake."""

    position: int
    function: FunctionResult
    summary: str
    hint: str
    lost: int


def findings(function: FunctionResult) -> tuple[Finding, ...]:
    """Return why a function lost points, the most urgent reason first; faults are not the student's and stay out."""
    return _grouped(check for check in function.checks if check.verdict not in (Verdict.PASS, Verdict.FAULT))


def faults(function: FunctionResult) -> tuple[Finding, ...]:
    """Return what we could not check, grouped by reason."""
    return _grouped(check for check in function.checks if check.verdict is Verdict.FAULT)


def passed(function: FunctionResult) -> Finding | None:
    """Return the checks that pass as one group, or None when there is none."""
    checks = tuple(check for check in function.checks if check.verdict is Verdict.PASS)
    return Finding(checks) if checks else None


def timings(report: Report) -> tuple[Timing, ...]:
    """Return the timings of a report in its order."""
    return tuple(function.timing for function in report.functions if function.timing)


def next_steps(report: Report, most: int = 3) -> tuple[Step, ...]:
    """Return what to do first: the functions with the most points to gain, each with what is most urgent about it.

    What is there and can be put right comes before what is still to be written.
    """
    steps = [
        Step(position, function, *said, function.max_hundredths - function.hundredths)
        for position, function in enumerate(report.functions, 1)
        if function.hundredths is not None and (said := _most_urgent(function))
    ]
    return tuple(sorted(steps, key=lambda step: (_is_unwritten(step.function), -step.lost))[:most])


def _is_unwritten(function: FunctionResult) -> bool:
    return any(finding.first.verdict is Verdict.MISSING for finding in findings(function)[:1])


def _most_urgent(function: FunctionResult) -> tuple[str, str] | None:
    """Return summary and hint of the worst finding; only what is right is worth being made faster."""
    if reasons := findings(function):
        return reasons[0].summary, reasons[0].hint
    if function.timing and words.is_slow(function):
        return function.timing.reason, words.growth(function.timing)
    return None


def _grouped(checks: Iterable[CheckResult]) -> tuple[Finding, ...]:
    groups: dict[tuple[object, ...], list[CheckResult]] = {}
    for check in sorted(checks, key=urgency):
        # A wrong value and a wrong gradient are two reasons; an exception at the same place is one.
        kind = check.kind if check.verdict is Verdict.FAIL else ""
        key = (check.verdict, kind, check.summary, check.hint, check.location)
        groups.setdefault(key, []).append(check)
    return tuple(Finding(tuple(group)) for group in groups.values())


def urgency(check: CheckResult) -> tuple[int, int, bool, int, int]:
    """Return what sorts failed checks: a basic aspect first, then what can be looked at, then what hides mistakes.

    A function that is not there comes before all, and a backward that is not there after what is wrong in the forward.
    """
    missing = check.verdict is Verdict.MISSING
    category = check.mismatch.category if check.mismatch else ""
    return (
        (2 if check.kind == "gradient" else 0) if missing else 1,
        _ASPECTS.index(check.aspect),
        not check.visible,
        _VERDICTS.index(check.verdict),
        _CATEGORIES.index(category) if category in _CATEGORIES else len(_CATEGORIES),
    )
