"""Reports to render: one with every verdict, and one in which every field of the submission is hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from grader.model import (
    Aspect,
    AspectScore,
    Band,
    CheckResult,
    Difference,
    Excerpt,
    Exhibit,
    FunctionResult,
    Growth,
    Location,
    Mismatch,
    Pace,
    Picture,
    Problem,
    Report,
    SandboxInfo,
    Series,
    SubmissionInfo,
    Timing,
    Verdict,
)
from grader.visibility import public

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECRET = "hidden-input-0.7351"

VALUES = Mismatch(
    category="values",
    summary="The largest element is right and the others are not: the answer is not what was expected.",
    difference=Difference((0, 1), "0.24472847", "0.66524096"),
    expected_shape=(3, 5),
    actual_shape=(3, 5),
    expected_dtype="float64",
    actual_dtype="float64",
    max_abs_error=0.42051249,
    max_rel_error=0.6321,
    allowed_error=3.5527e-15,
)
SHAPE = Mismatch(
    category="shape",
    summary="The answer has the wrong shape.",
    expected_shape=(2, 3, 5, 5),
    actual_shape=(2, 3, 25),
    expected_dtype="float32",
    actual_dtype="float64",
)
MATRIX = "[[ 0.12573022 -0.13210486  0.64042265  0.10490012 -0.53566937]\n [ 0.36159505  1.30400005  0.94708096]]"
WIDE = "[" + " ".join(f"{i / 7:.8f}" for i in range(40)) + "]"
EXHIBIT = Exhibit({"z": MATRIX, "axis": "-1"}, WIDE, WIDE.replace("0.14285714", "0.66524096"))


SOURCE = "def softmax(z):\n    e = np.exp(z)\n    if z.size == 0:\n        return e\n    return e / e.sum()\n"
POINTS = Picture(
    "scatter",
    "2 of 3 values of dz are off the line of equal values.",
    (Series("off the line", ((0.5, 1.0), (-1.0, 2.0))), Series("right", ((0.25, 0.25),))),
)
MAPS = Picture(
    "heat",
    "1 of 4 values differs, most at [0, 1]: expected 2, yours -3, 5 off.",
    (
        Series("input", ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), (7.0, 8.0, 0.0))),
        Series("expected", ((1.0, 2.0), (0.0, 4.0))),
        Series("yours", ((1.0, -3.0), (0.0, 4.0))),
        Series("difference", ((0.0, -5.0), (0.0, 0.0))),
    ),
)
BOXES = Picture(
    "boxes",
    "Box 1 wrongly kept; box 2 wrongly removed. 2 of 4 are treated rightly.",
    (
        Series("wrongly kept", ((0.1, 0.0, 1.1, 1.0, 1.0),)),
        Series("wrongly removed", ((2.0, 2.0, 3.0, 3.0, 2.0),)),
        Series("kept", ((0.0, 0.0, 1.0, 1.0, 0.0),)),
        Series("removed", ((0.0, 0.2, 1.0, 1.1, 3.0),)),
    ),
)
HISTOGRAM = Picture(
    "histogram",
    "30 values of out / a: mean 0.93 and standard deviation 0.25; expected about 1 and 0.5.",
    tuple(
        Series(name, tuple((i / 4, (i + 1) / 4, share) for i, share in enumerate(shares)))
        for name, shares in (("out / a, yours", (0.1, 0.0, 0.0, 0.9)), ("expected", (0.2, 0.0, 0.0, 0.8)))
    ),
)
CURVES = Picture(
    "curves",
    "After 4 epochs the training loss of your weights is 0.69; a right run comes to 0.35.",
    (
        Series("a right run", ((0.0, 0.69), (1.0, 0.5), (2.0, 0.4), (4.0, 0.35))),
        Series("yours, at the end", ((4.0, 0.69), (4.0, None))),
    ),
)
PICTURES = {picture.kind: picture for picture in (BOXES, MAPS, POINTS, HISTOGRAM, CURVES)}


def check(name: str, verdict: Verdict = Verdict.PASS, **changes: object) -> CheckResult:
    plain = CheckResult(id=f"f/{name}", case=name, kind="values", aspect=Aspect.VALUES, verdict=verdict, visible=True)
    return replace(plain, **changes)  # type: ignore[arg-type]


def function(
    name: str, hundredths: int | None, max_hundredths: int, checks: tuple[CheckResult, ...], **changes: object
) -> FunctionResult:
    aspects = []
    for aspect in dict.fromkeys(c.aspect for c in checks):
        mine = [c for c in checks if c.aspect is aspect]
        passed = sum(c.verdict is Verdict.PASS for c in mine)
        unscored = any(c.verdict is Verdict.FAULT for c in mine)
        most = max_hundredths // len({c.aspect for c in checks})
        aspects.append(AspectScore(aspect, None if unscored else most * passed // len(mine), most, passed, len(mine)))
    plain = FunctionResult(name, hundredths, max_hundredths, tuple(aspects), checks)
    return replace(plain, **changes)  # type: ignore[arg-type]


def report(functions: tuple[FunctionResult, ...], **changes: object) -> Report:
    scored = [f.hundredths for f in functions if f.hundredths is not None]
    plain = Report(
        schema="grader/results/v1",
        grader_version="0.1.0",
        assignments=("softmax_classifier",),
        title="Softmax classifier",
        framework="numpy",
        submission=SubmissionInfo("alice-hw1", "9f2c" * 16, ("hw1.py", "hw1.ipynb"), ()),
        sandbox=SandboxInfo("docker", "Ran without network, with 2 GB of memory, in a container of its own."),
        outcome="graded",
        faults=(),
        hundredths=sum(scored),
        max_hundredths=sum(f.max_hundredths for f in functions),
        functions=functions,
        started="2025-01-15T10:30:00Z",
        duration_s=4.2,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


HINT = "Divide each row by its own sum: the sum is taken over the last axis, with keepdims=True."
SOFTMAX_FAIL = {
    "verdict": Verdict.FAIL,
    "summary": VALUES.summary,
    "outline": VALUES.summary,
    "hint": HINT,
    "mismatch": VALUES,
    "location": Location("hw1.py", 12),
}


def every_verdict() -> Report:
    """Return what students read of a partial report in which each verdict, place and kind of check occurs."""
    return public(every_verdict_whole(), NOW)


def every_verdict_whole() -> Report:
    """Return the same report with everything, as staff reads it."""
    softmax = function(
        "softmax",
        450,
        1000,
        (
            check(
                "small", exhibit=EXHIBIT, printed="debug: entering softmax\nshape (3, 5)", picture=MAPS, **SOFTMAX_FAIL
            ),
            check("two rows", exhibit=EXHIBIT, **SOFTMAX_FAIL),
            check(
                SECRET,
                visibility="hidden",
                exhibit=Exhibit({"z": SECRET}, SECRET, SECRET),
                picture=replace(POINTS, caption=SECRET),
                **SOFTMAX_FAIL,
            ),
            check("uniform"),
            check(
                SECRET,
                Verdict.ERROR,
                visibility="hidden",
                aspect=Aspect.EDGE,
                summary=f"raises ZeroDivisionError: {SECRET}",
                outline="raises ZeroDivisionError",
                error=f"ZeroDivisionError: {SECRET}",
                printed=SECRET,
                location=Location("hw1.py", 14),
            ),
            check("small", kind="gradient", aspect=Aspect.GRADIENT),
            check(
                "large logits",
                Verdict.FAIL,
                aspect=Aspect.STABILITY,
                summary="The answer contains nan where finite numbers are expected.",
                hint="exp overflows for large logits: subtract each row's maximum first.",
                mismatch=Mismatch("finiteness", "The answer contains nan.", Difference((0, 0), "1.0", "nan")),
            ),
            check("", kind="dtype", aspect=Aspect.DTYPE),
            check("", kind="purity", aspect=Aspect.PURITY),
        ),
        location=Location("hw1.py", 8),
        excerpts=(Excerpt(Location("hw1.py", 10), SOURCE, 3),),
    )
    conv = function(
        "conv2d",
        0,
        1000,
        (
            check(
                "3x3 kernel",
                Verdict.FAIL,
                summary=SHAPE.summary,
                mismatch=SHAPE,
                exhibit=EXHIBIT,
                location=Location("hw1.ipynb", 2, cell=3),
            ),
            check(
                "stride 2",
                Verdict.ERROR,
                summary="Your function raised AssertionError.",
                error="AssertionError: height must be odd",
                location=Location("hw1.ipynb", 5, cell=3),
            ),
        ),
        location=Location("hw1.ipynb", 1, cell=3),
    )
    full = function("cross_entropy", 500, 500, (check("small"), check("large", visibility="hidden")))
    slow = function("max_pool", 0, 500, (check("big", Verdict.TIMEOUT, summary="No answer within 2 seconds."),))
    greedy = function("im2col", 0, 500, (check("big", Verdict.MEMORY),))
    crash = function("nms", 0, 500, (check("three boxes", Verdict.CRASH, location=Location("hw1.py", 80)),))
    absent = function(
        "batch_norm",
        0,
        500,
        (
            check("small", Verdict.MISSING, summary="There is no function batch_norm; there is batchnorm in hw1.py."),
            check(
                "small",
                Verdict.MISSING,
                kind="gradient",
                aspect=Aspect.GRADIENT,
                summary="There is no function batch_norm; there is batchnorm in hw1.py.",
            ),
        ),
    )
    ours = function(
        "iou",
        None,
        1000,
        (check("two boxes", Verdict.FAULT, summary="The sandbox stopped before it answered."), check("same box")),
        note="The sandbox was lost twice.",
    )
    empty = function("warm_up", 0, 0, ())
    return report(
        (softmax, conv, full, slow, greedy, crash, absent, ours, empty),
        outcome="partial",
        audience="staff",
        faults=("The sandbox was lost while iou ran.",),
        submission=SubmissionInfo(
            "alice-hw1",
            "9f2c" * 16,
            ("hw1.py", "hw1.ipynb"),
            (
                Problem("`batchnorm` looks like `batch_norm`; the name has to be exact.", Location("hw1.py", 40)),
                Problem("The cell does not parse and is left out.", Location("hw1.ipynb", 2, cell=3)),
                Problem("notes.docx is not Python and is left out."),
            ),
        ),
    )


def full_marks() -> Report:
    return report((function("softmax", 1000, 1000, (check("small"), check("large", visible=False))),))


def all_fault() -> Report:
    ours = function("softmax", None, 1000, (check("small", Verdict.FAULT),))
    return report((ours,), outcome="fault", faults=("No sandbox could be started.",), hundredths=None)


def hostile(text: str) -> Report:
    """Return a report in which every text that a submission can influence is `text`."""
    place = Location(text, 1)
    mismatch = Mismatch("values", text, Difference((0,), text, text), (2,), (3,), text, text, 1.0, None, 1e-9)
    checks = (
        check(
            text,
            Verdict.FAIL,
            summary=text,
            hint=text,
            mismatch=mismatch,
            exhibit=Exhibit({text: text}, text, text),
            error=text,
            printed=text,
            location=place,
            picture=Picture("boxes", text, (Series(text, ((0.0, 0.0, 1.0, 1.0, 1.0),)),)),
        ),
        check(text, Verdict.ERROR, visible=False, summary=text + "!", hint=text, error=text, printed=text),
        check(text),
        check(text, Verdict.FAULT, summary=text, error=text),
    )
    excerpt = Excerpt(place, text[:4_000].replace("\n", " "))
    one = function(text, 250, 1000, checks, location=place, note=text + "?", excerpts=(excerpt,))
    return report(
        (one, function(text, None, 1000, checks[3:], note=text)),
        title=text,
        submission=SubmissionInfo(text, text, (text,), (Problem(text, place), Problem(text))),
        outcome="partial",
        faults=(text,),
    )


SPREAD = (0.99, 1.02, 1.0, 0.98, 1.04, 1.01, 1.6, 1.0, 0.99, 1.03, 1.01)
SLOW = "Your function takes 14.2x the reference's CPU time, ±4 %; the whole share needs at most 3x."
DOUBT = (
    "Your function takes between 2.1x and 6.0x the reference's CPU time, which does not tell whether it keeps to the "
    "limit of 3x; this costs no points."
)


def growth(exponent: float, expected: float = 2.0, unit: str = "boxes") -> Growth:
    sizes = (64, 128, 256)
    mine = tuple(2e-5 * (size / 64) ** exponent for size in sizes)
    theirs = tuple(1.5e-5 * (size / 64) ** expected for size in sizes)
    return Growth(unit, sizes, mine, theirs, exponent, 0.05, expected)


def timing(name: str, pace: Pace, ratio: float | None = None, **changes: object) -> Timing:
    rounds = tuple(ratio * factor for factor in SPREAD) if ratio else ()
    plain = Timing(name, pace, 1.0, Band(3.0, 100.0), ratio, None if ratio is None else 0.04, rounds)
    return replace(plain, **changes)  # type: ignore[arg-type]


def timed_function(found: Timing, hundredths: int = 1000) -> FunctionResult:
    return function(found.function, hundredths, 1000, (check("small"), check("large")), timing=found)


def timed() -> Report:
    """Return a report with every pace, with and without growth."""
    return report(
        (
            timed_function(timing("conv2d", Pace.SLOW, 14.2, share=0.5, growth=growth(2.0), reason=SLOW), 950),
            timed_function(timing("nms", Pace.FULL, 1.3, uncertainty=0.02, growth=growth(2.9, 2.04))),
            timed_function(timing("iou", Pace.FULL, 0.05, flagged=True)),
            timed_function(timing("max_pool", Pace.UNSTABLE, 3.2, uncertainty=0.9, reason=DOUBT)),
            timed_function(timing("im2col", Pace.UNMEASURED, reason="Too few rounds could be timed.")),
            function("softmax", 1000, 1000, (check("small"),)),
        ),
        title="Convolutional networks",
    )


def hostile_timing(text: str) -> Report:
    """Return a report with a timing in which every text is `text`."""
    slow = timing(text, Pace.SLOW, 14.2, growth=growth(2.9, unit=text), reason=text)
    return report((timed_function(slow, 900), timed_function(timing(text, Pace.UNSTABLE, reason=text))))


def pictured() -> Report:
    """Return a report with a picture of every kind."""
    functions = tuple(
        function(
            name,
            0,
            1000,
            (check("small", Verdict.FAIL, summary="The result has wrong values.", hint=HINT, picture=picture),),
            location=Location("hw1.py", 10),
            excerpts=(Excerpt(Location("hw1.py", 10), SOURCE),),
        )
        for name, picture in zip(("nms", "conv2d", "softmax", "dropout", "train"), PICTURES.values(), strict=True)
    )
    return report(functions, title="Pictures")


def wholly_failing(count: int = 58) -> Report:
    """Return a report in which every function fails two visible cases, with the largest pictures that there are."""
    numbers = tuple(tuple(((7 * i + 3 * j) % 31 - 15) / 7 for j in range(32)) for i in range(32))
    maps = Picture("heat", MAPS.caption, tuple(Series(s.name, numbers) for s in MAPS.series))
    points = tuple((i / 7, (i * i % 97) / 7) for i in range(400))
    cloud = Picture("scatter", POINTS.caption, (Series("off the line", points),))
    code = Excerpt(Location("hw1.py", 10), "\n".join(["def f(x):", *(f"    x = x + {i}  # <&>" for i in range(39))]))
    exhibit = Exhibit({"x": WIDE * 4, "W": WIDE * 4, "b": WIDE}, WIDE * 4, WIDE * 4)
    fail = {"verdict": Verdict.FAIL, "summary": VALUES.summary, "hint": HINT, "mismatch": VALUES, "exhibit": exhibit}
    checks = (
        check("small", picture=maps, **fail),
        check("other", **fail),
        check("small", kind="gradient", aspect=Aspect.GRADIENT, picture=cloud, **fail),
    )
    return report(tuple(function(f"f{i}", 0, 1000, checks, excerpts=(code,)) for i in range(count)))


HOSTILE = {
    "script": "</style></title></pre><script>alert(1)</script><img src=x onerror=alert(1)>\" onload='x' {{ 7*7 }}",
    "ansi": "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07 \x9b31m \b\b\r overwritten",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\ https://evil.example www.evil.example <https://e.vil>",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u200f a\u200bb\u2060c\ufeffd \U000e0041 \u061c o" + "\u0301" * 50,
    "rich": "[red]x[/red] [link=https://evil.example]y[/link] [/] [bold :smile:",
    "backticks": "`a` ``b`` ````\n```\nc\n~~~~\n``````",
    "table": "a | b | c\n|---|---|\n| \\| x | <td> \\",
    "markdown": "# h\n- [x](https://evil.example) ![i](https://e.vil/i.png) **b** _i_ @me #12 GH-3 a@b.io\n---\n> q",
    "runner": "::error::owned\n ::stop-commands::x\n##[error]x ##vso[task.complete]x\nx::add-mask::y ::set-env a::b",
    "numbers": "1. one\n2) two\n+ three\n= four\n====",
    "long": "A" * 10_000_000,
    "lines": "x\n" * 5_000_000,
    "surrogate": "\ud800 \udfff\ud83d",
    "nul": "a\0b\x7f\u2028c\u2029d\x85e\x0cf",
    "empty": "",
    "blank": " \n\t ",
}
