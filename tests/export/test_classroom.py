"""The outputs for the autograding reporter, read as it reads them."""

import base64
import json
import math
import re

import pytest

from grader.export.classroom import JOB_BYTES, RUNNER_BYTES, files, runner_names
from tests.export.reports import hostile, hostile_reports, maximal, public, renamed
from tests.report.sample_reports import check, every_verdict, full_marks, function, report


def outputs(made):
    lines = files(public(made))["outputs.txt"].decode().split("\n")[:-1]
    return dict(line.split("=", 1) for line in lines)


def results(made):
    found = outputs(made)
    names = found.pop("runners").split(",")
    assert list(found) == names
    return {name: json.loads(base64.b64decode(found[name], validate=True)) for name in names}


def notice(found):
    """The points that the reporter sends: all scores over the maxima of the runners that have one."""
    return (
        sum(test["score"] for each in found for test in each["tests"]),
        sum(each["max_score"] for each in found if each["max_score"]),
    )


def shown(each):
    """The points of the reporter's table, which counts tests."""
    return sum(test["status"] == "pass" for test in each["tests"]) / len(each["tests"]) * each["max_score"]


def test_notice_and_table_agree_with_the_points():
    for made in (every_verdict(), full_marks()):
        found = results(made)
        for each, graded in zip(found.values(), made.functions, strict=True):
            assert shown(each) == pytest.approx((graded.hundredths or 0) / 100)
        scored = [f for f in made.functions if f.hundredths is not None]
        maximum = sum(f.max_hundredths for f in scored) / 100
        assert notice(found.values()) == pytest.approx((made.hundredths / 100, maximum))


@pytest.mark.parametrize("maximum", [1000, 500, 2000, 333])
def test_every_number_of_points_is_shown(maximum):
    for earned in range(maximum + 1):
        (each,) = results(report((function("f", earned, maximum, (check("a"),)),))).values()
        assert each["max_score"] == maximum / 100
        assert notice([each])[0] == pytest.approx(earned / 100, abs=1e-9)
        assert shown(each) == pytest.approx(earned / 100, abs=maximum / 100 / 100 + 1e-9)
        assert each["status"] == ("pass" if earned == maximum else "fail")
        assert (shown(each) == maximum / 100) == (earned == maximum) and (shown(each) > 0) == (earned > 0)
        scores = [test["score"] for test in each["tests"] if test["status"] == "pass"]
        assert not scores or max(scores) - min(scores) < 0.011
        assert len(each["tests"]) <= 100


def test_a_fault_of_ours_is_an_error_without_points_to_lose():
    each = results(every_verdict())["iou"]
    assert (each["status"], each["max_score"]) == ("error", 0)
    (test,) = each["tests"]
    assert test["status"] == "error" and "our fault" in test["message"] and "our fault" in test["test_code"].lower()


def test_the_first_test_that_fails_carries_the_feedback():
    tests = results(every_verdict())["softmax"]["tests"]
    told = [test["test_code"] for test in tests if test["test_code"]]
    assert len(told) == 1 and "keepdims=True" in told[0]
    assert all(math.isfinite(test["score"]) and isinstance(test["line_no"], int) for test in tests)


def test_names_of_runners():
    names = runner_names(["conv2d", "im2col_backward", "im2colbackward", "runners", "Ünï", "é", "é"])
    assert names == ["conv2d", "im2colbackward", "im2colbackward2", "runners2", "n", "function", "function2"]
    assert list(results(renamed("a_b", "ab"))) == ["ab", "ab2"]


@hostile_reports
def test_hostile_text_forges_no_output_and_no_notice(text):
    for line in files(public(hostile(text)))["outputs.txt"].decode().split("\n")[:-1]:
        assert re.fullmatch(r"[a-z0-9]{1,62}=([a-z0-9,]*|[A-Za-z0-9+/=]+)", line)
    for each in results(hostile(text)).values():
        for test in each["tests"]:
            assert test["name"] and "\n" not in test["name"]
            for line in f"{test['name']}\n{test['test_code']}\n{test['message']}".split("\n"):
                assert not line.lstrip().startswith(("::", "##["))
            assert "::notice" not in test["test_code"] and "::error" not in test["test_code"]


def test_the_largest_report_keeps_to_every_limit():
    found = outputs(maximal())
    assert sum(len(name) + len(value) + 2 for name, value in found.items()) * 2 < 1_048_576
    assert len(found) == 59
    one = report(maximal().functions[:1])
    (name,) = results(one)
    assert len(base64.b64decode(outputs(one)[name])) <= RUNNER_BYTES
    assert len(f"{name.upper()}_RESULTS={outputs(one)[name]}") < 131_072
    assert JOB_BYTES // 58 < RUNNER_BYTES
