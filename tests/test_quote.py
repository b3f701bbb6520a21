"""The student's own lines: the definition, no more, and short."""

import pytest

from grader.model import (
    CheckResult,
    Definition,
    Excerpt,
    FunctionResult,
    Location,
    Submission,
)
from grader.quote import MAX_COLUMNS, MAX_LINES, quote
from sandbox.base import Chunk, Module

SOURCE = "import numpy as np\n\ndef f(x):\n    return x\n\ndef f_backward(dout, x):\n    return dout\n\ny = f(1)\n"
NOTEBOOK = (Chunk("a.ipynb#cell-1", 1, "import numpy"), Chunk("a.ipynb#cell-4", 1, "# f\ndef f(x):\n    return 2"))


FILE = (Chunk("hw.py", 1, SOURCE),)


def submission(definitions, chunks=FILE):
    return Submission("s", "", (), (Module("hw", tuple(chunks)),), {d.name: d for d in definitions}, {}, ())


def function(*kinds_and_verdicts):
    checks = tuple(CheckResult("", "", kind, "values", verdict, True) for kind, verdict in kinds_and_verdicts)
    return FunctionResult("f", 0, 100, (), checks)


F = Definition("f", "hw", Location("hw.py", 3), 4)
BACKWARD = Definition("f_backward", "hw", Location("hw.py", 6), 7)


@pytest.mark.parametrize(
    ("checks", "names"),
    [
        ([("values", "pass"), ("gradient", "pass")], []),
        ([("values", "fault")], []),
        ([("values", "fail"), ("gradient", "pass")], ["def f(x):"]),
        ([("values", "pass"), ("gradient", "error")], ["def f_backward(dout, x):"]),
        ([("purity", "fail"), ("gradient", "fail")], ["def f(x):", "def f_backward(dout, x):"]),
    ],
)
def test_what_lost_points_is_quoted(checks, names) -> None:
    quoted = quote(submission([F, BACKWARD]), function(*checks), "f_backward")
    assert [excerpt.text.split("\n")[0] for excerpt in quoted] == names


def test_the_lines_of_the_definition_and_no_more() -> None:
    quoted = quote(submission([F]), function(("values", "fail")))
    assert quoted == (Excerpt(Location("hw.py", 3), "def f(x):\n    return x"),)


def test_in_a_notebook_it_is_the_cells_lines() -> None:
    place = Definition("f", "hw", Location("a.ipynb", 2, 4), 3)
    quoted = quote(submission([place], NOTEBOOK), function(("values", "fail")))
    assert quoted == (Excerpt(Location("a.ipynb", 2, 4), "def f(x):\n    return 2"),)


def test_without_a_backward_of_its_own_the_function_answers_for_its_gradient() -> None:
    assert quote(submission([F]), function(("gradient", "fail")))[0].text == "def f(x):\n    return x"


def test_long_definitions_and_long_lines_are_cut() -> None:
    source = "def f(x):\n" + f"    y = '{'a' * 10_000_000}'\n" + "    x += 1\n" * 98
    long = Definition("f", "hw", Location("hw.py", 1), 100)
    (excerpt,) = quote(submission([long], [Chunk("hw.py", 1, source)]), function(("values", "fail")))
    lines = excerpt.text.split("\n")
    assert (len(lines), excerpt.left) == (MAX_LINES, 60)
    assert max(map(len, lines)) == MAX_COLUMNS + 4


def test_where_the_program_stopped_elsewhere_is_quoted_too() -> None:
    source = "\n".join(f"x{n} = {n}" for n in range(1, 100))
    checks = tuple(
        CheckResult("", "", "values", "values", "error", True, location=Location("hw.py", line))
        for line in (50, 51, 2, 80, 90)
    )
    place = Definition("f", "hw", Location("hw.py", 1), 3)
    quoted = quote(submission([place], [Chunk("hw.py", 1, source)]), FunctionResult("f", 0, 100, (), checks))
    assert [(excerpt.location.line, excerpt.text.count("\n") + 1) for excerpt in quoted] == [(1, 3), (46, 7), (76, 7)]


@pytest.mark.parametrize(
    "place",
    [
        Location("other.py", 3),
        Location("hw.py", 0),
        Location("hw.py", 10**9),
        Location("hw.py", -5),
        Location("hw.py", 2),
    ],
)
def test_a_place_that_is_not_there_is_not_quoted(place) -> None:
    assert quote(submission([Definition("f", "hw", place, 2)]), function(("values", "fail"))) == ()
