"""Gradescope's results.json: the documented fields, a real reader, and no zero where there is no grade."""

import io
import json
import unittest
from dataclasses import replace

import jsonschema
import pytest
from gradescope_utils.autograder_utils.decorators import number, visibility, weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner
from gslocal.results import format_results

from grader.export.gradescope import MOST_BYTES, files
from tests.export.reports import hostile, hostile_reports, maximal, public
from tests.report.sample_reports import SECRET, all_fault, every_verdict, every_verdict_whole, full_marks, timed

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["tests"],
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": ["number", "string"]},
        "output": TEXT,
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "dependentRequired": {"score": ["max_score"]},
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string", "minLength": 1},
                    "name_format": FORMAT,
                    "number": TEXT,
                    "output": TEXT,
                    "output_format": FORMAT,
                    "tags": {"type": "array", "items": TEXT},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
}


def results(made, hidden="visible"):
    data = files(public(made), hidden)["results.json"]
    assert len(data) <= MOST_BYTES
    found = json.loads(data)
    jsonschema.validate(found, SCHEMA)
    return found


def test_the_schema_is_that_of_a_real_producer():
    class Sums(unittest.TestCase):
        @weight(2)
        @number("1.1")
        @visibility("after_due_date")
        def test_sum(self):
            raise AssertionError

        def test_unscored(self):
            """An informational test."""

    stream = io.StringIO()
    JSONTestRunner(stream=stream, visibility="visible").run(unittest.defaultTestLoader.loadTestsFromTestCase(Sums))
    jsonschema.validate(json.loads(stream.getvalue()), SCHEMA)


@pytest.mark.parametrize("made", [every_verdict(), full_marks(), timed()])
def test_the_scores_add_up_to_the_points(made):
    found = results(made)
    assert "score" not in found
    scored = [test for test in found["tests"] if "score" in test]
    assert sum(round(100 * test["score"]) for test in scored) == made.hundredths
    assert [test["name"] for test in scored] == [f.name for f in made.functions if f.hundredths is not None]
    assert len({test["number"] for test in found["tests"]}) == len(found["tests"])


def test_a_real_reader_shows_the_points(tmp_path, capsys):
    (tmp_path / "results.json").write_bytes(files(public(full_marks()))["results.json"])
    format_results(tmp_path / "results.json")
    shown = capsys.readouterr().out
    assert "PASS" in shown and "10.00 / 10.00" in shown and "FAIL" not in shown
    (tmp_path / "results.json").write_bytes(files(public(timed()))["results.json"])
    format_results(tmp_path / "results.json")
    shown = capsys.readouterr().out
    assert "59.50 / 60.00" in shown and "14.2x slower" in shown


def test_what_is_not_graded_has_no_score():
    found = {test["name"]: test for test in results(every_verdict())["tests"]}
    assert "score" not in found["iou"] and "max_score" not in found["iou"]
    assert found["iou"]["status"] == "failed" and "Not graded" in found["iou"]["output"]
    whole = results(all_fault())
    assert not [test for test in whole["tests"] if "score" in test]
    assert "could not grade" in whole["output"]


@pytest.mark.parametrize("hidden", ["visible", "hidden", "after_due_date", "after_published"])
def test_each_check_has_its_visibility(hidden):
    found = results(every_verdict(), hidden)
    checks = [check for function in every_verdict().functions for check in function.checks]
    shown = [test["visibility"] for test in found["tests"] if "." in test["number"]]
    assert shown == ["visible" if check.visible else hidden for check in checks]
    assert SECRET not in json.dumps(results(every_verdict_whole(), hidden))


@hostile_reports
def test_hostile_text_is_plain_text(text):
    found = results(hostile(text))
    for test in found["tests"]:
        assert test["output_format"] == test["name_format"] == "text"
        assert not [c for c in test["output"] + test["name"] if ord(c) < 32 and c != "\n"]


def test_the_largest_report():
    assert len(results(maximal())["tests"]) == 58 * 31


def test_no_functions_at_all():
    empty = replace(full_marks(), functions=(), hundredths=0, max_hundredths=0)
    assert results(empty)["tests"] == []
