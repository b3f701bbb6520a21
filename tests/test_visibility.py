"""What students may read: nothing of a hidden case, more after the due date, and no more than the detail says."""

import io
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from grader.codec import decode, encode
from grader.diagnose.evidence import Answer, Pair
from grader.diagnose.scales import scale
from grader.explain import OUTLINES
from grader.model import (
    Aspect,
    CheckRecord,
    CheckResult,
    Difference,
    Disclosure,
    Excerpt,
    Exhibit,
    FunctionResult,
    Location,
    Mismatch,
    Picture,
    Report,
    SandboxRecord,
    Series,
    TraceLine,
    Verdict,
)
from grader.oracle import Expected
from grader.report.html import render_html
from grader.report.markdown import render_markdown
from grader.report.terminal import print_report
from grader.topic import Close
from grader.visibility import public
from sandbox.base import Crashed, Missing, Raised, Refused, Tensor, TimedOut, Values
from tests.report.sample_reports import report
from tests.small_course import BEFORE, TOPICS, Case, Graded, Topic, halve, halve_backward, halve_torch, third

# Numbers that nothing but the hidden inputs and what is made of them can have brought into a report.
MARKS = (7712345, 8823456)
TEXT, NUMBER = "7712345", 8823456
HIDDEN = Topic(
    forward=halve,
    backward=halve_backward,
    torch=halve_torch,
    cases=(
        Case("small", lambda rng: {"x": np.array([2.0, 4.0])}, visible=True),
        Case("secret", lambda rng: {"x": np.array(MARKS, "f8")}),
    ),
    mistakes=(),
)
DUE = BEFORE + timedelta(days=30)
DETAILS = ("full", "actual-only", "none")


@pytest.fixture
def hidden(monkeypatch):
    monkeypatch.setitem(TOPICS, "halve", HIDDEN)


def read(shown: Report) -> str:
    """Return all that a student gets."""
    terminal = io.StringIO()
    print_report(shown, Console(file=terminal))
    return "\n".join([encode(shown).decode(), render_markdown(shown), render_html(shown), terminal.getvalue()])


def raises(error):
    def function(x):
        raise error(f"x is {x.tolist()}, and x[0] is {int(x[0])}, and name '{int(x[0])}' is not defined")

    return function


class Told(Exception):  # noqa: N818
    """An exception of the student's own."""


BEHAVIOURS = {
    "returns the input": lambda x: x,
    "returns a scalar": lambda x: float(x[0]),
    "returns the input as text": lambda x: str(x.tolist()),
    "returns a dictionary of it": lambda x: {str(x[0]): x},
    "returns a list of it": lambda x: x.tolist(),
    "returns a shape that spells it": lambda x: np.zeros(int(x[0]) % 8_000_000, np.int8),
    "returns nan": lambda x: np.where(x > 10, np.nan, x / 2),
    "raises": raises(ValueError),
    "raises what is explained": raises(IndexError),
    "raises a name": raises(NameError),
    "raises a key": raises(KeyError),
    "raises its own": raises(Told),
    "raises a class named so": Raised("E7712345", "x is [7712345.0, 8823456.0]", printed="7712345"),
    "raises as autograd": Raised("GradientError", "the result has shape (7712345,)"),
    "broadcasts": Raised("ValueError", "operands could not be broadcast together with shapes (7712345,) (2,)"),
    "indexes": Raised("IndexError", "index 7712345 is out of bounds for axis 0 with size 8823456"),
    "misses": Missing("halve is of type E7712345, not a function"),
    "returns what is refused": Refused("halve returned a E7712345"),
    "exits": Crashed("exited with code 7712345 in the middle of a call", printed="7712345"),
    "hangs": TimedOut(1.0, printed="7712345"),
    "prints": Values(np.zeros(2), printed="x is [7712345. 8823456.]"),
    "is not there": None,
}


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_whatever_the_code_does_a_hidden_case_is_not_told(hidden, behaviour, framework, detail):
    answer = BEHAVIOURS[behaviour]
    disclosure = Disclosure(function="hidden", detail=detail)
    graded = Graded({"halve": answer, "halve_backward": answer}, framework=framework, disclosure=disclosure)
    told = read(public(graded.report, BEFORE))
    assert not any(str(mark) in told.replace(",", "") for mark in MARKS)
    if behaviour not in ("is not there", "returns nan"):
        assert any(str(mark) in encode(graded.report).decode() for mark in MARKS)


def test_a_fault_with_a_hidden_input_is_told_in_outline(monkeypatch):
    def fails(x):
        if x[0] > 10:
            raise RuntimeError(f"our own bug with {x.tolist()}")
        return halve(x)

    fails.__name__ = "halve"
    monkeypatch.setitem(TOPICS, "halve", replace(HIDDEN, forward=fails, backward=None))
    whole = Graded({"halve": halve}).report
    assert TEXT in encode(whole).decode()
    shown = public(whole, BEFORE)
    assert TEXT not in read(shown)
    assert shown.faults == ("the grader failed on halve",)


# Made of public inputs, and answered in a box that has seen no others.
SMALLEST = Exhibit({"x": "[1.]"}, "[2.]", "[3.]")
FULL = CheckResult(
    id="f/c/values",
    case=TEXT,
    kind="values",
    aspect=Aspect.VALUES,
    verdict=Verdict.FAIL,
    visible=True,
    summary=TEXT,
    hint="Divide.",
    mismatch=Mismatch(
        "values", TEXT, Difference((NUMBER,), TEXT, TEXT), (NUMBER,), (NUMBER,), TEXT, TEXT, *[NUMBER] * 3
    ),
    exhibit=Exhibit({"x": TEXT}, TEXT, TEXT),
    smallest=SMALLEST,
    picture=Picture("heat", TEXT, (Series(TEXT, ((NUMBER, NUMBER),)),)),
    error=TEXT,
    printed=TEXT,
    location=Location("hw.py", 3),
    source="return x",
    outline="returns wrong values",
    record=CheckRecord((TraceLine(Location("hw.py", 3), TEXT, TEXT),), 3.0),
)


def whole(*checks, detail="full", due=DUE) -> Report:
    function = FunctionResult("f", 0, 100, (), checks, detail=detail, due=due, cpu_seconds=1.0)
    record = SandboxRecord({"image": TEXT}, ())
    faults = tuple(check.summary for check in checks if check.verdict is Verdict.FAULT)
    return report((function,), audience="staff", sandbox_record=record, faults=faults)


def test_the_check_of_these_tests_has_every_field():
    assert all(getattr(FULL, field.name) not in ("", None) for field in fields(FULL) if field.name not in SET_APART)


SET_APART = ("diagnosis", "share")
VERDICTS = st.sampled_from(list(Verdict))
KINDS = st.sampled_from(["values", "gradient"])


@given(VERDICTS, KINDS, st.sampled_from(list(Aspect)), st.sampled_from(DETAILS), st.sampled_from(sorted(OUTLINES)))
def test_nothing_of_any_hidden_check_is_public(verdict, kind, aspect, detail, diagnosis):
    explained = {"diagnosis": diagnosis, "hint": TEXT} if verdict is Verdict.ERROR else {}
    for visibility in ("hidden", "after_due_date"):
        check = replace(FULL, verdict=verdict, kind=kind, aspect=aspect, visibility=visibility, **explained)
        shown = public(whole(check, detail=detail), BEFORE)
        told = read(shown)
        assert TEXT not in told
        assert str(NUMBER) not in told
        assert decode(encode(shown)) == shown
        (kept,) = shown.functions[0].checks
        assert (kept.verdict, kept.visible, kept.record) == (verdict, False, None)
        assert kept.smallest == {"full": SMALLEST, "actual-only": replace(SMALLEST, expected=""), "none": None}[detail]


@given(VERDICTS, st.sampled_from(["visible", "hidden", "after_due_date"]), st.sampled_from(DETAILS))
def test_a_check_without_an_outline_tells_less_and_not_more(verdict, visibility, detail):
    check = replace(FULL, verdict=verdict, visibility=visibility, outline="")
    shown = public(whole(check, detail=detail), BEFORE)
    if visibility != "visible":
        assert TEXT not in read(shown)
    assert public(shown, DUE) == shown


def test_after_the_due_date_everything_of_a_case_is_shown():
    late = whole(replace(FULL, visibility="after_due_date"))
    (before,) = public(late, DUE - timedelta(seconds=1)).functions[0].checks
    (after,) = public(late, DUE).functions[0].checks
    assert not before.visible
    assert before.exhibit is None
    assert after.visible
    assert (after.exhibit, after.mismatch, after.printed) == (FULL.exhibit, FULL.mismatch, FULL.printed)
    assert after.record is None


def test_what_is_due_without_a_date_stays_hidden():
    (check,) = public(whole(replace(FULL, visibility="after_due_date"), due=None), DUE).functions[0].checks
    assert not check.visible


def test_actual_only_shows_the_answer_and_the_input_and_nothing_that_is_expected(hidden):
    disclosure = Disclosure(detail="actual-only")
    graded = Graded({"halve": third, "halve_backward": halve_backward}, disclosure=disclosure)
    check = graded["halve/small/values"]
    assert check.exhibit == Exhibit({"x": "float64 (2,)\n[2., 4.]"}, "", "float64 (2,)\n[0.666667, 1.333333]")
    assert check.mismatch == Mismatch(
        "values", "returns wrong values", Difference((0,), "", "0.6666666666666666"), None, (2,), None, "float64"
    )
    told = read(public(graded.report, BEFORE))
    assert "float64 (2,)\\n[1., 2.]" not in told
    assert "your answer" in told
    assert "expected:" not in told
    assert "expected 1" not in told


def test_detail_none_leaves_verdict_and_category():
    (check,) = public(whole(FULL, detail="none"), BEFORE).functions[0].checks
    assert check == replace(
        CheckResult("f/c/values", TEXT, "values", Aspect.VALUES, Verdict.FAIL, True, "returns wrong values"),
        mismatch=Mismatch("values", "returns wrong values"),
    )


@pytest.mark.parametrize(("detail", "kept"), [("full", 1), ("actual-only", 1), ("none", 0)])
def test_detail_none_quotes_nothing(detail, kept):
    full = whole(FULL, detail=detail)
    quoting = replace(
        full, functions=(replace(full.functions[0], excerpts=(Excerpt(Location("hw.py", 1), "def f(x):"),)),)
    )
    assert len(public(quoting, BEFORE).functions[0].excerpts) == kept


def test_full_detail_keeps_all_but_the_record():
    (check,) = public(whole(FULL), BEFORE).functions[0].checks
    assert check == replace(FULL, record=None, outline="")


def test_a_hidden_exception_is_explained_without_its_numbers():
    hint = "(3, 4) and (4, 3) cannot be combined element by element."
    told = {"verdict": Verdict.ERROR, "diagnosis": "broadcast", "hint": hint}
    (seen,) = public(whole(replace(FULL, **told)), BEFORE).functions[0].checks
    (unseen,) = public(whole(replace(FULL, visibility="hidden", **told)), BEFORE).functions[0].checks
    assert seen.hint == hint
    assert unseen.hint == OUTLINES["broadcast"]


@pytest.mark.parametrize("factor", [3.7, -0.0123, 4.5e-7, 123456.0])
def test_the_factor_between_answer_and_expected_is_not_told_of_a_hidden_case(factor):
    want, got = np.ones(1), np.full(1, factor)
    answer = Answer({}, Expected(want, (0.0,), np.dtype("f8"), Close()), got, Verdict.FAIL)
    hint = scale([Pair("the result", want, got, 0.0, answer)]).hint
    assert f"{factor:.4g} times what is expected" in hint
    told = replace(FULL, visibility="hidden", diagnosis="scaled", hint=hint)
    for check in (told, replace(told, visibility="visible")):
        (kept,) = public(whole(check, detail="actual-only"), BEFORE).functions[0].checks
        assert "is a constant times what is expected" in kept.hint
        assert f"{factor:.4g}" not in kept.hint


def test_staff_reads_everything():
    everything = whole(replace(FULL, visibility="hidden"))
    told = read(everything)
    assert decode(encode(everything)) == everything
    for rendered in (render_html(everything), render_markdown(everything).replace("\\", "")):
        assert "For staff only" in rendered
        assert "traceback" in rendered
        assert "for students" in rendered
        assert "image: 7712345" in rendered
    assert "For staff only" not in render_html(public(everything, BEFORE))
    assert str(NUMBER) in told


@pytest.mark.parametrize(
    ("disclosure", "small", "secret"),
    [
        (Disclosure(), "visible", "hidden"),
        (Disclosure(default="after_due_date", due=DUE), "visible", "after_due_date"),
        (Disclosure(function="hidden"), "hidden", "hidden"),
        (Disclosure(function="hidden", cases={"secret": "visible"}), "hidden", "visible"),
        (Disclosure(cases={"small": "hidden"}), "hidden", "hidden"),
    ],
)
def test_the_assignment_overrules_the_topic(hidden, disclosure, small, secret):
    graded = Graded({"halve": halve, "halve_backward": halve_backward}, disclosure=disclosure)
    asked = {check.case: check.visibility for check in graded.plan.checks if check.case}
    assert asked == {"small": small, "secret": secret}


def test_torch_answers_are_read_as_torch(hidden):
    graded = Graded({"halve": lambda x: Tensor(x, "float64")}, framework="torch")
    assert graded["halve/secret/values"].summary == "returns wrong values"
