"""The words and numbers that every rendering shares: points, places, verdicts, aspects."""

from __future__ import annotations

from enum import Enum

from grader.model import Aspect, AspectScore, CheckResult, FunctionResult, Location, Pace, Report, Timing, Verdict
from grader.timing.estimate import plus_minus, times
from grader.timing.growth import told

FRAMEWORKS = {"numpy": "NumPy", "torch": "PyTorch"}

ASPECTS = {
    Aspect.VALUES: "values",
    Aspect.GRADIENT: "gradient",
    Aspect.STABILITY: "stability",
    Aspect.EDGE: "edge cases",
    Aspect.DTYPE: "dtype",
    Aspect.PURITY: "purity",
    Aspect.SPEED: "speed",
}

VERDICTS = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "wrong answer",
    Verdict.ERROR: "stopped with an error",
    Verdict.TIMEOUT: "ran out of time",
    Verdict.MEMORY: "ran out of memory",
    Verdict.CRASH: "crashed Python",
    Verdict.MISSING: "not found",
    Verdict.FAULT: "not checked, our fault",
}

# What is said when the judge gave no summary of its own.
SENTENCES = {
    Verdict.PASS: "This check passed.",
    Verdict.FAIL: "The answer is not the expected one.",
    Verdict.ERROR: "Your function stopped with an error.",
    Verdict.TIMEOUT: "Your function did not finish in the time allowed.",
    Verdict.MEMORY: "Your function used more memory than allowed.",
    Verdict.CRASH: "Your function crashed the Python process that ran it.",
    Verdict.MISSING: "This function was not found in your submission.",
    Verdict.FAULT: "The grader could not run this check.",
}

CATEGORIES = {
    "structure": "wrong structure",
    "type": "wrong type",
    "framework": "wrong framework",
    "dtype": "wrong dtype",
    "shape": "wrong shape",
    "finiteness": "inf or nan",
    "values": "wrong values",
    "property": "broken property",
}

_STUB = "not started"
FAULT_NOTE = "This is our fault, not yours: you lose no points for it."
STAFF_NOTE = "For staff only: this shows hidden cases and expected answers. Do not hand it to students."
HIDDEN_NOTE = "Hidden cases are not shown: neither their input nor the expected answer."


def sentence(text: str) -> str:
    """Return a summary as a sentence of its own: a capital unless it starts with a name, and a full stop."""
    first = text.split(" ", 1)[0]
    if first.isalpha() and first.islower():
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


class Status(Enum):
    """How a whole function did: the word, and the mark before it in Unicode and in ASCII."""

    FULL = ("full marks", "✓", "+")
    PART = ("partly right", "~", "~")
    SLOW = ("right but slow", "~", "~")
    NONE = ("not right yet", "✗", "x")
    MISSING = ("not found", "✗", "x")
    UNSTARTED = ("not started", "✗", "x")
    FAULT = ("not graded", "?", "?")
    EMPTY = ("no checks", "-", "-")

    def __init__(self, word: str, mark: str, ascii_mark: str) -> None:
        self.word = word
        self.mark = mark
        self.ascii_mark = ascii_mark

    @property
    def slug(self) -> str:
        return self.name.lower()


def status(function: FunctionResult) -> Status:
    """Return how a function did as a whole."""
    if function.hundredths is None:
        return Status.FAULT
    # What is not right is not timed, which is no reason of its own.
    verdicts = {c.verdict for c in function.checks if c.kind != "speed" or c.verdict is Verdict.PASS}
    if not verdicts and function.hundredths >= function.max_hundredths:
        return Status.EMPTY
    if function.hundredths >= function.max_hundredths and verdicts == {Verdict.PASS}:
        return Status.FULL
    if verdicts == {Verdict.PASS} and is_slow(function):
        return Status.SLOW
    if verdicts == {Verdict.MISSING}:
        # Only what calls the function says that it is a stub.
        started = not any(check.summary.startswith(_STUB) for check in function.checks)
        return Status.MISSING if started else Status.UNSTARTED
    return Status.PART if function.hundredths > 0 else Status.NONE


def full(report: Report) -> list[str]:
    """Return the names of the functions with full marks."""
    return [function.name for function in report.functions if status(function) is Status.FULL]


def is_slow(function: FunctionResult) -> bool:
    """Return whether the speed of a function costs it points."""
    return function.timing is not None and function.timing.pace is Pace.SLOW


def speed_status(timing: Timing) -> Status:
    """Return the status that marks and colours a timing: doubt is neither good nor bad."""
    if timing.pace is Pace.SLOW:
        return Status.SLOW
    return Status.FULL if timing.pace is Pace.FULL else Status.EMPTY


def speed(timing: Timing) -> str:
    """Return the whole verdict on one line: its headline, and why when there are no numbers to go by."""
    return f"{headline(timing)}: {timing.reason}" if speed_status(timing) is Status.EMPTY else headline(timing)


def headline(timing: Timing) -> str:
    """Return "14.2x slower than the reference, limit 3x, ±4 %", "unstable" or "not measured"."""
    if timing.pace is Pace.UNSTABLE:
        return "unstable"
    if timing.pace is Pace.UNMEASURED or timing.ratio is None:
        return "not measured"
    spread = "" if timing.uncertainty is None else f", {plus_minus(timing.uncertainty)}"
    if timing.pace is Pace.SLOW:
        return f"{times(timing.ratio)} slower than the reference, limit {timing.band.full:g}x{spread}"
    flag = "; so fast that a person will look at it" if timing.flagged else ""
    return f"{times(timing.ratio)} of the reference's time{spread}{flag}"


def growth(timing: Timing) -> str:
    """Return how the cost grows when that is clearly worse than expected, else ""."""
    said = told(timing.function, timing.growth) if timing.growth else ""
    return sentence(said) if said else ""


def points(hundredths: int | None) -> str:
    """Return hundredths as points: 850 is "8.50"; None, which is no score, is a dash."""
    return "–" if hundredths is None else f"{hundredths // 100}.{hundredths % 100:02}"


def out_of(hundredths: int | None, max_hundredths: int) -> str:
    """Return "8.50 / 10": what was earned to the cent, the maximum as short as it is exact."""
    return f"{points(hundredths)} / {whole(max_hundredths)}"


def whole(hundredths: int) -> str:
    """Return points without decimals where that is exact."""
    return points(hundredths).removesuffix(".00")


def percent(part: int | None, of: int) -> int:
    """Return how much of a bar is filled, from 0 to 100."""
    return 100 * min(max(part or 0, 0), of) // of if of > 0 else 0


def scored(report: Report) -> int:
    """Return the maximum over what was graded: functions that a fault of ours kept from being scored are left out."""
    return sum(function.max_hundredths for function in report.functions if function.hundredths is not None)


def total(report: Report) -> str:
    """Return the score over what was graded."""
    return "Not graded" if report.outcome == "fault" else out_of(report.hundredths, scored(report))


def standing(report: Report) -> str:
    """Return one sentence on the whole: how much is right, and what is not graded because of us."""
    if report.outcome == "fault":
        return f"We could not grade this submission. {FAULT_NOTE}"
    states = [state for function in report.functions if (state := status(function)) is not Status.EMPTY]
    full, unscored = states.count(Status.FULL), states.count(Status.FAULT)
    if not states:
        return "There is nothing to grade."
    if full == len(states):
        return "Every function has full marks."
    sentence = f"{full} of {count(len(states), 'function')} {'has' if full == 1 else 'have'} full marks."
    if not unscored:
        return sentence
    open_points = whole(sum(f.max_hundredths for f in report.functions if f.hundredths is None))
    verb = "is" if unscored == 1 else "are"
    return f"{sentence} {count(unscored, 'function')} ({open_points} points) {verb} not graded yet. {FAULT_NOTE}"


def boxes(report: Report) -> list[str]:
    """Return what staff read of the sandbox: its parts, its boxes, and the dearest functions by CPU time."""
    record = report.sandbox_record
    if record is None:
        return []
    parts = [f"{name}: {value}" for name, value in record.details.items() if value]
    told = [", ".join(parts)] if parts else []
    for number, box in enumerate(record.boxes, 1):
        cpu = "" if box.cpu_seconds is None else f", {box.cpu_seconds:.2f} s of CPU time"
        told.append(f"box {number}: {count(box.calls, 'call')}{cpu}, {box.ended}")
    costs = [(f.cpu_seconds, f.name) for f in report.functions if f.cpu_seconds is not None]
    if costs:
        dearest = sorted(costs, reverse=True)[:5]
        told.append("CPU time: " + ", ".join(f"{name} {seconds:.2f} s" for seconds, name in dearest))
    return told


def count(number: int, noun: str) -> str:
    """Return "1 case" or "3 cases"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def place(location: Location) -> str:
    """Return `hw1.py:12` or `hw1.ipynb cell 3, line 2`; in a live session `cell [3], line 2`."""
    if location.cell is None:
        return f"{location.file}:{location.line}"
    if not location.file:
        return f"cell [{location.cell}], line {location.line}"
    return f"{location.file} cell {location.cell}, line {location.line}"


def label(check: CheckResult) -> str:
    """Return the name of a check; a hidden case has none."""
    case = check.case if check.visible else "a hidden case"
    match check.kind:
        case "gradient":
            return f"gradient of {case}"
        case "dtype":
            return "dtype of every answer"
        case "purity":
            return "inputs left unchanged"
        case "speed":
            return "speed"
        case _:
            return case


def aspect(score: AspectScore) -> str:
    """Return "values 3/4": how many checks of an aspect pass."""
    return f"{ASPECTS[score.aspect]} {'not graded' if score.hundredths is None else f'{score.passed}/{score.total}'}"


def passed(score: AspectScore) -> str:
    """Return "3 of 4 checks"."""
    return f"{score.passed} of {count(score.total, 'check')}" if score.hundredths is not None else "not graded"


def grade(score: AspectScore) -> str:
    """Return the status word that colours an aspect's bar."""
    if score.hundredths is None:
        return "fault"
    return "full" if score.passed == score.total else "part" if score.hundredths else "none"


def seconds(duration: float) -> str:
    """Return "4.2 s" or "2 min 5 s"."""
    if duration < 60:
        return f"{duration:.1f} s"
    return f"{int(duration // 60)} min {int(duration % 60)} s"


def failure(check: CheckResult) -> str:
    """Return how a check failed in two or three words: "wrong shape", "ran out of time"."""
    if check.verdict is not Verdict.FAIL or check.mismatch is None:
        return VERDICTS[check.verdict]
    return CATEGORIES.get(check.mismatch.category, check.mismatch.category)
