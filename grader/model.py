"""The frozen types that pass between the stages; no behaviour. Report and what it holds are what results.json says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from sandbox.base import Module

Kind: TypeAlias = Literal["values", "gradient", "dtype", "purity", "speed"]
Outcome: TypeAlias = Literal["graded", "partial", "fault"]
Visibility: TypeAlias = Literal["visible", "hidden", "after_due_date"]
Detail: TypeAlias = Literal["full", "actual-only", "none"]
Audience: TypeAlias = Literal["student", "staff"]


class Aspect(StrEnum):
    """What is graded apart; each aspect has its own share of a function's points."""

    VALUES = "values"
    GRADIENT = "gradient"
    STABILITY = "stability"
    EDGE = "edge"
    DTYPE = "dtype"
    PURITY = "purity"
    SPEED = "speed"


class Verdict(StrEnum):
    """How one check ended. `fault` is ours: it is never scored."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"
    MISSING = "missing"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the submission; `cell` is the code cell's number in a notebook, counted from 1, and `line` is then
    the line in that cell."""

    file: str
    line: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that collecting noticed; one line for the student."""

    message: str
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """Where a wanted function is defined: the module to load and its own name there, and the place to show, up to its
    last line."""

    name: str
    module: str
    location: Location
    last_line: int = 0


@dataclass(frozen=True, slots=True)
class Submission:
    """What was handed in: modules for the box, wanted functions by name, and everything worth saying about it.

    `absent` maps each wanted function that was not found to the reason, in the student's terms.
    """

    name: str
    sha256: str
    files: tuple[str, ...]
    modules: tuple[Module, ...]
    definitions: Mapping[str, Definition]
    absent: Mapping[str, str]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """How fast is fast enough, in multiples of the reference's time.

    Up to `full` the whole share, from `none` on nothing; between them the share falls in proportion to the logarithm.
    """

    full: float
    none: float


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What students may read of a function's cases.

    `default` is for the cases that the topic does not show; `function` and `cases`, by name, overrule what the topic
    says. Cases that are visible `after_due_date` are so from `due` on. Of a case that is visible, `detail` leaves out
    nothing (full), what is expected (actual-only), or everything but verdict and category (none).
    """

    default: Visibility = "hidden"
    function: Visibility | None = None
    cases: Mapping[str, Visibility] = field(default_factory=lambda: MappingProxyType({}))
    detail: Detail = "full"
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class GradedFunction:
    """A function of an assignment: points in hundredths, the share of each aspect in any unit, seconds for a call.

    Without a `band` the function is not timed.
    """

    name: str
    hundredths: int
    shares: Mapping[Aspect, int]
    deadline_s: float
    band: Band | None = None
    disclosure: Disclosure = field(default_factory=Disclosure)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is graded: the functions of one or more `assignments/<name>/assignment.toml`, in their order."""

    names: tuple[str, ...]
    title: str
    functions: tuple[GradedFunction, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One demand on one function. `called` is the function of the submission that is called for it.

    `case` is empty for dtype and purity, which look at every call of the function, and for speed.
    """

    id: str
    function: str
    called: str
    case: str
    kind: Kind
    aspect: Aspect
    visibility: Visibility


@dataclass(frozen=True, slots=True)
class Plan:
    """All checks, in the order of the report; `secret` seeds the inputs and never leaves the grader."""

    framework: Literal["numpy", "torch"]
    checks: tuple[Check, ...]
    secret: str
    faults: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first element that differs, printed: `index` is empty for scalars."""

    index: tuple[int, ...]
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why an answer is not the expected one.

    `category` is a stable word: structure, type, framework, dtype, shape, finiteness, values, property, purity.
    `summary` is one sentence for the student.
    Errors are absolute and relative to the largest expected magnitude, None where they have no meaning. `result` is
    the position of the wrong one among several results, from 0, None when there is one.
    """

    category: str
    summary: str
    difference: Difference | None = None
    expected_shape: tuple[int, ...] | None = None
    actual_shape: tuple[int, ...] | None = None
    expected_dtype: str | None = None
    actual_dtype: str | None = None
    max_abs_error: float | None = None
    max_rel_error: float | None = None
    allowed_error: float | None = None
    result: int | None = None


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A case, printed and cut to a readable size: each input by name, the expected and the student's answer.

    `expected` is empty where it is kept back.
    """

    inputs: Mapping[str, str]
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Series:
    """Named numbers of a picture, row by row; None stands for what cannot be drawn, as NaN and infinity."""

    name: str
    rows: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture of a failed check shows, as data; the renderers draw it. `caption` says it in one sentence."""

    kind: Literal["boxes", "heat", "scatter", "histogram", "curves"]
    caption: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class TraceLine:
    """A line of a traceback: its place in the submission, the function it is in, and the line itself."""

    location: Location
    function: str
    source: str


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """What only staff read of a check: the frames of the student's code, outermost first, and the seconds it took.

    Seconds are the grader's, from sending the call to having the answer.
    """

    traceback: tuple[TraceLine, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The verdict of one check and what may be read about it: by staff everything, by students what is `visible`.

    `outline` is the summary in words that show nothing of the case; of a hidden case students read no other.
    `diagnosis` is a stable word for the mistake that `hint` explains: the name of a known mistake or of a pattern, or
    of an exception. Neither holds numbers of the case, but for the hint of an exception.
    `smallest` is a smaller example that fails in the same way. `share` is the part of the check's weight that is
    earned, where it is not all for a pass and nothing else. `source` is the line of the submission at `location` where
    an exception was raised. `visibility` is what the assignment asks for, `visible` what came of it.
    """

    id: str
    case: str
    kind: Kind
    aspect: Aspect
    verdict: Verdict
    visible: bool
    summary: str = ""
    diagnosis: str = ""
    hint: str = ""
    mismatch: Mismatch | None = None
    exhibit: Exhibit | None = None
    smallest: Exhibit | None = None
    picture: Picture | None = None
    error: str = ""
    printed: str = ""
    location: Location | None = None
    share: float | None = None
    source: str = ""
    visibility: Visibility = "visible"
    outline: str = ""
    record: CheckRecord | None = None


class Pace(StrEnum):
    """What timing found. Only `SLOW` costs points: what could not be measured well never does."""

    FULL = "full"
    SLOW = "slow"
    UNSTABLE = "unstable"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True)
class Growth:
    """How the cost grows: seconds per call at each size, and the exponents of the power laws through them.

    `error` is the exponent's uncertainty, `expected` the reference's exponent, `unit` what the sizes count.
    """

    unit: str
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    reference_seconds: tuple[float, ...]
    exponent: float
    error: float
    expected: float


@dataclass(frozen=True, slots=True)
class Timing:
    """How fast a function is beside the reference: `ratio` of CPU times, with its uncertainty as a fraction.

    `rounds` are the paired ratios that were measured, in order. `flagged` asks a human to look: too fast to be true.
    `share` is the part of the speed points that is earned, and `reason` says why when `pace` is not full.
    """

    function: str
    pace: Pace
    share: float
    band: Band
    ratio: float | None = None
    uncertainty: float | None = None
    rounds: tuple[float, ...] = ()
    growth: Growth | None = None
    flagged: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AspectScore:
    """The points of one aspect, in hundredths; None while any of its checks is a fault."""

    aspect: Aspect
    hundredths: int | None
    max_hundredths: int
    passed: int
    total: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The first lines of a definition in the submission, from `location` on; `left` counts those that are left out."""

    location: Location
    text: str
    left: int = 0


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """Everything about one function; hundredths is None when a fault of ours keeps it from being scored.

    `detail` and `due` say what students may read of its cases. `cpu_seconds`, for staff, is what its calls cost.
    `excerpts` are the student's own lines where points were lost: the function's, then its backward's.
    """

    name: str
    hundredths: int | None
    max_hundredths: int
    aspects: tuple[AspectScore, ...]
    checks: tuple[CheckResult, ...]
    location: Location | None = None
    note: str = ""
    timing: Timing | None = None
    detail: Detail = "full"
    due: datetime | None = None
    cpu_seconds: float | None = None
    excerpts: tuple[Excerpt, ...] = ()


@dataclass(frozen=True, slots=True)
class SandboxInfo:
    """The backend that ran the submission and the sentence that says what it guarantees."""

    backend: str
    guarantees: str


@dataclass(frozen=True, slots=True)
class BoxRecord:
    """One box that ran the submission: its calls, its CPU seconds where they could be read, and how it ended."""

    calls: int
    cpu_seconds: float | None
    ended: str


@dataclass(frozen=True, slots=True)
class SandboxRecord:
    """What only staff read of the sandbox: what it is made of, and the boxes in their order but for those of timing."""

    details: Mapping[str, str]
    boxes: tuple[BoxRecord, ...]


@dataclass(frozen=True, slots=True)
class SubmissionInfo:
    """The submission as the report names it."""

    name: str
    sha256: str
    files: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The root of results.json, for students, and of staff.json. Points are integer hundredths of a point.

    `outcome` is graded, partial (faults kept some functions unscored; the total counts only the scored ones) or
    fault (nothing could be scored; then `hundredths` is None).
    """

    schema: str
    grader_version: str
    assignments: tuple[str, ...]
    title: str
    framework: Literal["numpy", "torch"]
    submission: SubmissionInfo
    sandbox: SandboxInfo
    outcome: Outcome
    faults: tuple[str, ...]
    hundredths: int | None
    max_hundredths: int
    functions: tuple[FunctionResult, ...]
    started: str
    duration_s: float
    audience: Audience = "student"
    sandbox_record: SandboxRecord | None = None
    device: Literal["cpu", "cuda"] = "cpu"
