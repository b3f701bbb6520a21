"""PrairieLearn's results.json against the schema that its documentation describes."""

import json

import jsonschema
import pytest

from grader.export.prairielearn import MOST_BYTES, files
from tests.export.reports import hostile, hostile_reports, maximal, public
from tests.report.sample_reports import SECRET, all_fault, every_verdict, every_verdict_whole, full_marks, timed

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["gradable", "tests"],
    "properties": {
        "gradable": {"type": "boolean"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "message": TEXT,
        "output": TEXT,
        "format_errors": {"type": "array", "items": TEXT, "minItems": 1},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "points", "max_points"],
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "description": TEXT,
                    "points": {"type": "number", "minimum": 0},
                    "max_points": {"type": "number", "minimum": 0},
                    "message": TEXT,
                    "output": TEXT,
                },
            },
        },
    },
    "if": {"properties": {"gradable": {"const": True}}},
    "then": {"required": ["score"], "not": {"required": ["format_errors"]}},
    "else": {"required": ["format_errors"], "not": {"required": ["score"]}},
}


def results(made):
    data = files(public(made))["results.json"]
    found = json.loads(data)
    jsonschema.validate(found, SCHEMA)
    assert len(data) <= MOST_BYTES
    return found


def test_the_score_is_the_part_of_the_points():
    assert results(full_marks())["score"] == 1
    made = timed()
    found = results(made)
    assert found["score"] == pytest.approx(made.hundredths / made.max_hundredths, abs=1e-6)
    assert sum(test["points"] for test in found["tests"]) == pytest.approx(made.hundredths / 100)
    assert [test["max_points"] for test in found["tests"]] == [10] * 6


@pytest.mark.parametrize("made", [all_fault(), every_verdict()])
def test_a_fault_of_ours_costs_no_attempt(made):
    found = results(made)
    assert not found["gradable"] and "our fault" in found["format_errors"][0].lower()
    ours = [test for test in found["tests"] if "Not graded" in test["message"]]
    assert ours and all(test["max_points"] == 0 for test in ours)


def test_hidden_content_is_not_shown():
    assert SECRET not in json.dumps(results(every_verdict_whole()))


@hostile_reports
def test_hostile_text_is_text(text):
    found = results(hostile(text))
    assert not [c for c in json.dumps(found, ensure_ascii=False) if ord(c) < 32 and c != "\n"]


def test_the_largest_report():
    assert results(maximal())["tests"][57]["output"]
