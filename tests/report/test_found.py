"""The list of what was found where, in every form of the report."""

import pytest

from grader.model import FunctionResult, Location, Verdict
from grader.report.found import Found, found
from grader.report.html import render_html
from grader.report.markdown import render_markdown
from tests.report.sample_reports import all_fault, check, function, report
from tests.report.test_terminal_report import printed


def placed(name: str, *place: str | int) -> FunctionResult:
    return function(name, 100, 100, (check("small"),), location=Location(*place))  # type: ignore[arg-type]


def lost(name: str) -> FunctionResult:
    return function(name, 0, 100, (check("small", Verdict.MISSING),), note=f"{name} is not defined")


PARTS = (
    placed("softmax", "hw1.ipynb", 3, 4),
    placed("relu", "layers/relu.py", 12),
    placed("one_hot", "hw1.ipynb", 1, 9),
    lost("iou"),
    lost("nms"),
)


def test_functions_are_listed_by_file_with_their_places() -> None:
    assert found(report(PARTS)) == [
        Found("hw1.ipynb", ("softmax (cell 4)", "one_hot (cell 9)")),
        Found("layers/relu.py", ("relu (line 12)",)),
        Found("", ("iou", "nms")),
    ]


def test_every_form_shows_the_list() -> None:
    for text in (printed(report(PARTS)), render_markdown(report(PARTS)).replace("`", "").replace("\\_", "_")):
        assert "Found in hw1.ipynb: softmax (cell 4), one_hot (cell 9)\n" in text
        assert "Found in layers/relu.py: relu (line 12)\n" in text
        assert "Not found: iou, nms\n" in text
    page = render_html(report(PARTS))
    assert "Found in <code>hw1.ipynb</code>: softmax (cell 4), one_hot (cell 9)</p>" in page
    assert "Not found: iou, nms</p>" in page


def test_nothing_is_listed_where_nothing_was_found() -> None:
    for one in (report((lost("iou"),)), all_fault()):
        assert found(one) == []
        assert "Found in" not in printed(one) + render_markdown(one) + render_html(one)


def test_a_course_of_many_files_and_functions_is_cut() -> None:
    many = tuple(placed(f"f{n}", f"file{n % 50}.py", n + 1) for n in range(5000))
    rows = found(report((*many, *map(lost, ("a", "b")))))
    assert [row.file for row in rows] == [*(f"file{n}.py" for n in range(8)), "42 more files", ""]
    assert rows[0].functions[-1] == "40 more" and len(rows[0].functions) == 61
    assert rows[-2].functions == ("4200 functions",)


@pytest.mark.parametrize("width", [40, 100])
def test_a_long_name_of_a_file_fits_and_is_cut(width: int) -> None:
    text = printed(report((placed("softmax", "x" * 5000 + ".py", 1),)), tty=True, width=width)
    assert text.count("x") < 200


def test_a_hostile_name_does_nothing() -> None:
    evil = "<img src=x>\x1b[2J|`::error::\u202e"
    one = report((placed("softmax", evil, 1),))
    assert "\x1b" not in printed(one) and "\u202e" not in printed(one) and "::error" not in printed(one)
    assert "<img" not in render_html(one)
    line = next(line for line in render_markdown(one).splitlines() if line.startswith("- Found in"))
    assert line.startswith("- Found in ``<img") and "::error" not in line
