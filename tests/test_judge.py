"""Verdicts: what each kind of outcome costs, and what a student may read about it."""

from dataclasses import replace

import numpy as np
import pytest

from grader.model import Location, TraceLine
from sandbox.base import Crashed, Frame, Missing, OutOfMemory, Raised, Refused, Tensor, TimedOut, Values
from tests.small_course import Graded, halve, halve_backward, noise, third

RIGHT = {"halve": halve, "halve_backward": halve_backward}


def test_right_answers_pass_everything():
    assert set(Graded(RIGHT).verdicts().values()) == {"pass"}


@pytest.mark.parametrize(
    ("reply", "verdict", "words"),
    [
        (Raised("ValueError", "bad", (Frame("hw.py", 7, "halve"),)), "error", "raises ValueError"),
        (Raised("NotImplementedError", ""), "missing", "not started"),
        (TimedOut(1.0), "timeout", "no answer within 1 s"),
        (TimedOut(20.0, loading=True), "timeout", "did not finish loading"),
        (OutOfMemory(1 << 30), "memory", "1024 MiB"),
        (Crashed("killed by signal 11 (SIGSEGV)"), "crash", "SIGSEGV"),
        (Refused("halve returned a pandas Series"), "fail", "pandas"),
    ],
)
def test_each_outcome_has_its_verdict(reply, verdict, words):
    graded = Graded({**RIGHT, "halve": reply})
    assert graded["halve/small/values"].verdict == verdict
    assert words in graded["halve/small/values"].summary
    assert graded["halve/small/gradient"].verdict == "pass"


def test_a_missing_function_costs_its_own_checks():
    graded = Graded(RIGHT, absent=("halve_backward",))
    assert graded["halve/small/gradient"].verdict == "missing"
    assert graded["halve/small/gradient"].summary == "halve_backward is gone"
    assert graded["halve/small/values"].verdict == "pass"


def test_an_exception_points_at_the_students_line():
    raised = Raised("ZeroDivisionError", "division by zero", (Frame("hw.ipynb#cell-3", 2, "halve"),))
    place = Graded({**RIGHT, "halve": raised})["halve/small/values"].location
    assert (place.file, place.line, place.cell) == ("hw.ipynb", 2, 3)


@pytest.mark.parametrize("frame", [Frame("/etc/passwd", 1, "f"), Frame("hw.py", 10**9, "f"), Frame("hw.py", -1, "f")])
def test_a_place_that_the_submission_does_not_have_is_not_shown(frame):
    place = Graded({**RIGHT, "halve": Raised("ValueError", "", (frame,))})["halve/single/values"].location
    assert (place.file, place.line) == ("hw.py", 3)


def test_what_the_box_says_is_missing_is_kept_back_in_hidden_cases():
    graded = Graded({**RIGHT, "halve": Missing("halve is of type X314, not a function")})
    assert "X314" in graded["halve/small/values"].summary
    assert "X314" not in graded["halve/single/values"].summary
    assert graded["halve/single/values"].verdict == "missing"


def test_a_visible_case_shows_everything():
    result = Graded({**RIGHT, "halve": third})["halve/small/values"]
    assert result.exhibit.inputs["x"] == "float64 (2,)\n[2., 4.]"
    assert "1." in result.exhibit.expected
    assert result.mismatch.difference.index == (0,)
    assert result.mismatch.max_abs_error == pytest.approx(2 / 3)
    assert result.location.line == 3


def test_a_hidden_case_shows_its_category_and_no_numbers():
    result = Graded({**RIGHT, "halve": third})["halve/single/values"]
    assert result.summary == "returns wrong values"
    assert result.exhibit is None
    assert result.mismatch.difference is None
    assert result.mismatch.max_abs_error is None


@pytest.mark.parametrize(
    ("framework", "subject"), [("numpy", "halve_backward returns"), ("torch", "autograd through halve returns")]
)
def test_a_hidden_gradient_says_whose_it_is(framework, subject):
    wrong = {"halve": lambda x: Tensor(x * 3, str(x.dtype)), "halve_backward": lambda dout, x: dout * 3}
    assert Graded(wrong, framework=framework)["halve/single/gradient"].summary == f"{subject} wrong values"


def test_a_hidden_exception_keeps_its_message_back():
    def tells(x):
        raise ValueError(f"the input was {x.tolist()}")

    graded = Graded({**RIGHT, "halve": tells})
    assert "the input was [2.0, 4.0]" in graded["halve/small/values"].error
    hidden = graded["halve/single/values"]
    assert (hidden.summary, hidden.error, hidden.printed) == ("raises ValueError", "", "")


def test_a_hidden_exception_of_the_students_own_class_is_not_named():
    raised = Raised("The_input_was_3", "")
    assert Graded({**RIGHT, "halve": raised})["halve/single/values"].summary == "raises an exception"


@pytest.mark.parametrize("name", ["", "\n", "\x1b[31m", "A" * 10_000])
def test_whatever_an_exception_is_called_it_is_the_students_error(name):
    result = Graded({**RIGHT, "halve": Raised(name, "")})["halve/small/values"]
    assert result.verdict == "error"
    assert len(result.summary) < 300


def test_a_wrong_dtype_costs_the_dtype_and_not_the_values():
    graded = Graded({**RIGHT, "halve": lambda x: halve(x.astype("f8"))})
    assert graded["halve/single/values"].verdict == "pass"
    assert graded["halve/dtype"].verdict == "fail"
    assert "float64 where float32" in graded["halve/dtype"].summary


def test_a_changed_input_costs_the_purity_and_not_the_values():
    changed = Values(np.array([1.0, 2.0]), changed=("x",))
    graded = Graded({**RIGHT, "halve": changed})
    assert graded["halve/small/values"].verdict == "pass"
    assert graded["halve/purity"].verdict == "fail"
    assert "changes its input x" in graded["halve/purity"].summary


@pytest.mark.parametrize("answer", [lambda x: np.zeros_like(x), lambda x: x, lambda x: None, TimedOut(1.0)])
def test_an_answer_that_is_never_right_earns_nothing_for_purity_and_dtype(answer):
    graded = Graded({"halve": answer, "halve_backward": lambda dout, x: None})
    assert "pass" not in graded.verdicts().values()


def test_nan_never_passes():
    graded = Graded({**RIGHT, "halve": lambda x: np.full_like(x, np.nan)})
    assert graded["halve/small/values"].mismatch.category == "finiteness"


def test_random_functions_are_judged_by_their_properties():
    assert set(Graded({"noise": noise}, "noise").verdicts().values()) == {"pass"}
    fresh = np.random.default_rng(0)
    graded = Graded({"noise": lambda n, rng: fresh.standard_normal(n)}, "noise")
    assert graded["noise/ten/values"].summary == "The same rng state must give the same numbers."
    assert graded["noise/ten/values"].mismatch.category == "property"
    assert graded["noise/purity"].verdict == "fail"


def test_a_property_that_fails_itself_is_our_fault(monkeypatch):
    from tests import small_course

    broken = small_course.NOISE.compare.__class__(lambda inputs, outputs: 1 / 0, draws=(0,))
    monkeypatch.setitem(small_course.TOPICS, "noise", replace(small_course.NOISE, compare=broken))
    graded = Graded({"noise": noise}, "noise")
    assert graded["noise/ten/values"].verdict == "fault"
    assert "ZeroDivisionError" in graded["noise/ten/values"].summary


RAISED = Raised("ValueError", "operands could not be broadcast together with shapes (2,) (3,) ")


def test_a_known_exception_is_explained():
    graded = Graded({**RIGHT, "halve": RAISED})
    seen, unseen = graded["halve/small/values"], graded["halve/single/values"]
    assert (seen.diagnosis, unseen.diagnosis) == ("broadcast", "broadcast")
    assert "(2,) and (3,) cannot be combined" in seen.hint
    assert "(2,)" not in unseen.hint
    assert "cannot be combined" in unseen.hint


def test_the_line_that_raised_is_the_submissions_own():
    frames = (Frame("hw.py", 4, "halve"), Frame("hw.ipynb#cell-3", 2, "</pre>"), Frame("/etc/passwd", 1, "x"))
    graded = Graded({**RIGHT, "halve": replace(RAISED, frames=frames)})
    result = graded["halve/small/values"]
    assert (result.location, result.source) == (Location("hw.ipynb", 2, 3), "return x / w")
    whole = next(check for check in graded.whole if check.id == "halve/single/values")
    assert whole.record.traceback == (
        TraceLine(Location("hw.py", 4), "halve", ""),
        TraceLine(Location("hw.ipynb", 2, 3), "<module>", "return x / w"),
    )
    assert graded["halve/single/values"].record is None


@pytest.mark.parametrize("answers", [{"halve": lambda x: None}, {"noise": lambda n, rng: None}])
def test_none_asks_for_a_return(answers):
    (name,) = answers
    case = "small" if name == "halve" else "ten"
    result = Graded({**RIGHT, **answers}, name)[f"{name}/{case}/values"]
    assert (result.verdict, result.diagnosis) == ("fail", "missing-return")
    assert "is a `return` missing" in result.hint


def test_none_asks_for_a_return_in_torch_too():
    raised = Raised("GradientError", "the result is of type NoneType, not a torch.Tensor")
    assert Graded({"halve": raised}, framework="torch")["halve/small/gradient"].diagnosis == "missing-return"


def test_what_was_printed_before_a_hang_is_told_where_the_case_is_visible():
    graded = Graded({**RIGHT, "halve": TimedOut(1.0, printed="epoch 1")})
    assert graded["halve/small/values"].printed == "epoch 1"
    assert graded["halve/single/values"].printed == ""
