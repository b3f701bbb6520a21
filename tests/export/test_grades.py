"""csv and moodle: cells that no spreadsheet computes, and no grade where there is none."""

import csv
import io

import pytest

from grader.export import ExportError, Options, files
from tests.export.reports import TEXTS, hostile, hostile_reports, named
from tests.report.sample_reports import every_verdict

STARTS = tuple("=+-@＝＋－＠")


def table(data, delimiter=","):
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter, strict=True))


def grades(*reports, **options):
    return table(files("csv", reports, Options(**options))["grades.csv"])


def moodle(*reports, **options):
    return table(files("moodle", reports, Options(**options))["moodle.csv"])


def test_each_function_has_a_row_and_what_is_not_graded_has_no_points():
    header, *rows = grades(every_verdict())
    cells = {row[2]: dict(zip(header, row, strict=True)) for row in rows}
    assert list(cells) == [function.name for function in every_verdict().functions]
    assert (cells["softmax"]["points"], cells["softmax"]["max_points"]) == ("4.50", "10.00")
    assert (cells["iou"]["points"], cells["iou"]["status"]) == ("", "not graded")
    assert "not yours" in cells["iou"]["feedback"]
    assert cells["batch_norm"]["points"] == "0.00"


@hostile_reports
def test_no_cell_is_a_formula_whatever_the_delimiter(text):
    for data in (
        files("csv", [hostile(text)], Options())["grades.csv"],
        files("moodle", [hostile(text), named(text + "2")][:1], Options())["moodle.csv"],
    ):
        assert len({len(row) for row in table(data)}) == 1
        for delimiter in ",;\t":
            for row in csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter):
                for cell in row:
                    assert not any(line.strip().strip('"').startswith(STARTS) for line in cell.split("\n")), cell


def test_moodle_has_a_row_for_each_student():
    rows = moodle(named("ann@uni.example"), named("bob@uni.example", None), identity="email")
    assert rows[0] == ["Email address", "Softmax classifier", "Softmax classifier feedback"]
    assert [row[:2] for row in rows[1:]] == [["ann@uni.example", "8.50"], ["bob@uni.example", ""]]
    assert "our fault" in rows[2][2].lower()


def test_moodle_names_one_student_by_option():
    assert moodle(named("homework"), student="u123")[1][0] == "u123"
    with pytest.raises(ExportError, match="--student names one"):
        moodle(named("a"), named("b"), student="u123")
    with pytest.raises(ExportError, match="Two of the results"):
        moodle(named("a"), named("a"))


def test_moodle_shows_no_markup():
    feedback = moodle(hostile(TEXTS["script"]))[1][2]
    assert "<" not in feedback and "&lt;script&gt;" in feedback
