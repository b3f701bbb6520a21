"""The story behind the renderings: what is hidden, what belongs together, what comes first, and in which words."""

from dataclasses import replace

import pytest

from grader.model import Aspect, Location, Mismatch, Verdict
from grader.report import words
from grader.report.facts import facts
from grader.report.findings import findings, next_steps, passed
from grader.report.words import Status
from tests.report.sample_reports import (
    SECRET,
    all_fault,
    check,
    every_verdict,
    every_verdict_whole,
    full_marks,
    function,
    report,
)


def test_nothing_of_a_hidden_case_is_public() -> None:
    assert SECRET in repr(every_verdict_whole())
    # The id names the case for programs and no rendering prints it.
    checks = [replace(c, id="") for f in every_verdict().functions for c in f.checks]
    assert SECRET not in repr(checks)


def test_checks_with_one_reason_are_one_finding() -> None:
    first, *others = findings(every_verdict().functions[0])
    assert first.extent == "small, two rows and 1 hidden case"
    assert first.unseen.startswith("1 hidden case fails in the same way: wrong values.")
    assert [finding.extent for finding in others] == ["large logits", "1 hidden case"]


def test_a_wrong_value_and_a_wrong_gradient_are_two_reasons() -> None:
    both = (check("a", Verdict.FAIL), check("a", Verdict.FAIL, kind="gradient", aspect=Aspect.GRADIENT))
    assert [finding.extent for finding in findings(function("f", 0, 100, both))] == ["a", "gradient of a"]


def test_basic_aspects_come_before_special_ones() -> None:
    checks = (
        check("edge", Verdict.CRASH, aspect=Aspect.EDGE),
        check("hidden", Verdict.ERROR, visible=False),
        check("seen", Verdict.FAIL),
    )
    order = [finding.first.case for finding in findings(function("f", 0, 100, checks))]
    assert order == ["seen", "hidden", "edge"]


def test_a_wrong_forward_comes_before_a_backward_that_was_not_started() -> None:
    unstarted = check("a", Verdict.MISSING, kind="gradient", aspect=Aspect.GRADIENT)
    both = function("f", 0, 100, (unstarted, check("a", Verdict.FAIL), check("b", Verdict.CRASH, aspect=Aspect.EDGE)))
    assert [finding.first for finding in findings(both)][-1] == unstarted
    assert next_steps(report((both,)))[0].summary == findings(both)[0].summary != unstarted.summary


def test_next_steps_are_where_most_points_are() -> None:
    steps = next_steps(every_verdict())
    assert {s.function.name: s.lost for s in steps} == {"conv2d": 1000, "softmax": 550, "max_pool": 500}
    assert [s.position for s in steps] == [2, 1, 4]
    assert next_steps(full_marks()) == ()


def test_what_is_still_to_be_written_comes_after_what_can_be_put_right() -> None:
    missing = function("unwritten", 0, 5000, (check("a", Verdict.MISSING),))
    wrong = function("wrong", 0, 100, (check("a", Verdict.FAIL),))
    assert [step.function.name for step in next_steps(report((missing, wrong)))] == ["wrong", "unwritten"]


def test_faults_are_no_findings() -> None:
    assert findings(all_fault().functions[0]) == ()
    assert next_steps(all_fault()) == ()


def test_what_passes_is_named() -> None:
    group = passed(every_verdict().functions[2])
    assert group is not None
    assert group.named(30) == "small and 1 hidden case"
    assert passed(function("f", 0, 1, ())) is None


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("softmax", Status.PART),
        ("conv2d", Status.NONE),
        ("cross_entropy", Status.FULL),
        ("batch_norm", Status.MISSING),
        ("iou", Status.FAULT),
        ("warm_up", Status.EMPTY),
    ],
)
def test_status(name: str, state: Status) -> None:
    (found,) = [f for f in every_verdict().functions if f.name == name]
    assert words.status(found) is state


def test_full_points_with_a_failing_check_are_not_full_marks() -> None:
    assert words.status(function("f", 100, 100, (check("a", Verdict.FAIL),))) is Status.PART


def test_points_are_exact() -> None:
    assert [words.points(p) for p in (850, 5, 0, 100000, None)] == ["8.50", "0.05", "0.00", "1000.00", "–"]
    assert words.out_of(850, 1000) == "8.50 / 10"
    assert words.out_of(833, 1250) == "8.33 / 12.50"
    assert [words.percent(*p) for p in ((1, 3), (None, 5), (0, 0), (9, 5), (-1, 5))] == [33, 0, 0, 100, 0]


def test_a_fault_is_never_a_zero() -> None:
    assert words.total(every_verdict()) == "9.50 / 45"
    assert "1 function (10 points) is not graded yet. This is our fault" in words.standing(every_verdict())
    assert words.total(all_fault()) == "Not graded"
    assert "0.00" not in words.standing(all_fault())


def test_standing() -> None:
    assert words.standing(full_marks()) == "Every function has full marks."
    assert words.standing(report(())) == "There is nothing to grade."


def test_places() -> None:
    assert words.place(Location("hw1.py", 12)) == "hw1.py:12"
    assert words.place(Location("hw1.ipynb", 2, cell=3)) == "hw1.ipynb cell 3, line 2"


def test_facts_say_once_what_agrees() -> None:
    same = Mismatch("values", "", None, (), (), "float32", "float32", 0.5, float("inf"), 1e-7)
    assert [tuple(fact)[:2] for fact in facts(check("a", mismatch=same), "")] == [
        ("shape", "() (a scalar)"),
        ("dtype", "float32"),
        ("largest error", "0.5, inf relative, allowed 1e-07"),
    ]
    other = Mismatch("shape", "", None, (2,), None)
    assert [tuple(fact)[:2] for fact in facts(check("a", mismatch=other), "")] == [("shape", "expected (2,), got none")]


def test_durations() -> None:
    assert [words.seconds(s) for s in (0.04, 4.21, 125.0)] == ["0.0 s", "4.2 s", "2 min 5 s"]
