"""The student's own lines in a report: numbered, marked where the program stopped, and only text."""

from dataclasses import replace

import pytest

from grader.model import Excerpt, Location, Verdict
from grader.report.findings import findings
from grader.report.source import about, numbered, placed
from tests.report.sample_reports import HOSTILE, check, function

CODE = Excerpt(Location("hw.py", 8), "def f(x):\n    y = x\n    return y / 0")
BACKWARD = Excerpt(Location("hw.py", 20), "def f_backward(dout, x):\n    return dout")


def stopped(*lines: int, **changes: object):
    checks = [check(str(n), Verdict.ERROR, location=Location("hw.py", n), summary=str(n)) for n in lines]
    return function("f", 0, 100, tuple(checks), **changes)


def test_lines_have_their_numbers_and_the_error_is_marked() -> None:
    assert numbered(CODE, stopped(10, 8, 99)) == [
        (8, "def f(x):", False),
        (9, "    y = x", False),
        (10, "    return y / 0", True),
    ]


def test_a_place_in_another_file_or_cell_marks_nothing() -> None:
    elsewhere = replace(CODE, location=Location("hw.ipynb", 8, 2))
    assert not any(line.marked for line in numbered(elsewhere, stopped(10)))


def test_each_excerpt_stands_with_the_first_finding_that_points_into_it() -> None:
    one = stopped(9, 21, 10, excerpts=(CODE, BACKWARD))
    assert placed(one, findings(one)) == [[CODE], [BACKWARD], []]
    lost = stopped(500, excerpts=(CODE, BACKWARD))
    assert placed(lost, findings(lost)) == [[CODE, BACKWARD]]
    assert placed(lost, ()) == []


def test_what_is_quoted_is_named() -> None:
    assert about(CODE) == "hw.py, lines 8 to 10"
    assert about(Excerpt(Location("hw.ipynb", 3, 2), "x = 1", 5)) == "hw.ipynb cell 2, line 3, 5 more not shown"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_line_becomes_another_number_of_lines(name: str) -> None:
    lines = numbered(Excerpt(Location("hw.py", 1), HOSTILE[name][:100_000].replace("\n", " ")), stopped(1))
    assert len(lines) == 1
    assert "\n" not in lines[0].text and "\x1b" not in lines[0].text and len(lines[0].text) < 2_000
