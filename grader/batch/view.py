"""What the class page shows, as data; no behaviour beyond sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from grader.batch.model import State

Reading: TypeAlias = Literal["case", "mistake", "hard"]


@dataclass(frozen=True, slots=True)
class Who:
    """A student as the page calls them, and where their report is; `href` is empty where none may or can be named."""

    label: str
    person: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Student:
    """One line of the class: the submission that counts, or that there is none.

    `percent` is of what could be scored, None where nothing was; `percents` are those of the functions in their order.
    """

    who: Who
    state: State
    hundredths: int | None = None
    scored: int = 0
    percent: int | None = None
    percents: tuple[int | None, ...] = ()
    full: int = 0
    late: bool = False
    note: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """The distribution of marks in percent: how many in each tenth, the last with 100, and the quartiles."""

    tenths: tuple[int, ...]
    lower: float
    median: float
    upper: float
    mean: float
    full: int


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """How the class did on one function, in submissions; `unscored` are our faults.

    Medians are over those who handed it in: `cpu_seconds` of all its calls, `ratio` to the reference's time.
    """

    name: str
    full: int
    part: int
    none: int
    absent: int
    unscored: int
    cpu_seconds: float | None
    ratio: float | None

    @property
    def handed_in(self) -> int:
        return self.full + self.part + self.none

    @property
    def graded(self) -> int:
        return self.handed_in + self.absent


@dataclass(frozen=True, slots=True)
class Example:
    """A submission in which something can be seen: the check, and what is said of it there."""

    who: Who
    function: str
    check: str
    said: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """What several submissions do: its diagnosis, empty where none explains it, and the functions with their counts."""

    diagnosis: str
    what: str
    count: int
    functions: tuple[tuple[str, int], ...]
    example: Example


@dataclass(frozen=True, slots=True)
class Suspect:
    """Checks of one function that nearly everybody fails who tries it.

    `checks` are ids with how many fail and how many try. Of the `failing` submissions `alone` get everything else of
    the function right, and `agreeing` have the same `diagnosis`. `reading` says what that looks like: a wrong case, a
    mistake that the course knows, or a hard function.
    """

    function: str
    checks: tuple[tuple[str, int, int], ...]
    failing: int
    alone: int
    diagnosis: str
    agreeing: int
    reading: Reading
    example: Example


@dataclass(frozen=True, slots=True)
class Unscored:
    """A fault of ours: the reason, the functions it costs, none of them when it is all, and whom."""

    reason: str
    functions: tuple[str, ...]
    who: tuple[Who, ...]


@dataclass(frozen=True, slots=True)
class Slow:
    """A submission that took long to grade, and the function whose calls cost the most."""

    who: Who
    seconds: float
    function: str = ""
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ClassView:
    """The whole page. `others` counts submissions that are not their student's grade; they are in nothing else.

    `marks` is None when nothing was scored.
    """

    title: str
    anonymous: bool
    students: tuple[Student, ...]
    others: int
    marks: Marks | None
    functions: tuple[FunctionRow, ...]
    mistakes: tuple[Mistake, ...]
    suspects: tuple[Suspect, ...]
    unscored: tuple[Unscored, ...]
    slowest: tuple[Slow, ...]
