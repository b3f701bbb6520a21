"""Classroom 50's result.json against its published rules."""

import json

import jsonschema
import pytest

from grader.export import ExportError, Options, export, files
from tests.export.reports import hostile, hostile_reports, maximal, renamed
from tests.report.sample_reports import SECRET, all_fault, every_verdict_whole, full_marks

TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "schema", "classroom", "assignment", "assignment_type", "owner", "submission", "commit", "release", "review",
        "datetime", "score", "max-score", "tests",
    ],
    "properties": {
        "schema": {"const": "classroom50/result/v1"},
        **dict.fromkeys(("classroom", "assignment", "owner", "commit", "release", "review"), TEXT),
        "assignment_type": {"enum": ["individual", "group"]},
        "submission": {"type": "string", "pattern": "^submit/"},
        "datetime": INSTANT,
        "graded_at": INSTANT,
        "score": COUNT,
        "max-score": COUNT,
        "tests": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["test-name", "passed", "score", "max-score"],
                "properties": {"test-name": TEXT, "passed": {"type": "boolean"}, "score": COUNT, "max-score": COUNT},
            },
        },
    },
}  # fmt: skip
RUNNER = {
    "CLASSROOM": "dl-2026",
    "ASSIGNMENT": "hw1",
    "SUBMISSION_TAG": "submit/20261122T101500Z-abc1234",
    "USERNAME": "ann",
    "OWNER": "ann",
    "ASSIGNMENT_TYPE": "individual",
    "COMMIT_URL": "https://git.example/dl/hw1-ann/commit/abc1234",
    "RELEASE_URL": "https://git.example/dl/hw1-ann/releases/tag/x",
    "REVIEW_URL": "https://git.example/dl/hw1-ann/compare/a...b",
}


def made(report):
    return files("classroom50", [report], Options(environment=RUNNER))


def result(report):
    data = made(report)["result.json"]
    found = json.loads(data)
    jsonschema.validate(found, SCHEMA)
    assert len(data) < 10 * 1024 * 1024
    for part in (found, *found["tests"]):
        # The collector asks for int itself, of which bool is a kind, and for no more than the maximum.
        assert type(part["score"]) is type(part["max-score"]) is int and part["score"] <= part["max-score"]
    assert found["score"] == sum(test["score"] for test in found["tests"])
    return found


def test_points_are_whole_hundredths():
    found = result(renamed("softmax", "nms"))
    assert (found["score"], found["max-score"]) == (1000, 2000)
    assert found["tests"][0]["test-name"] == "softmax (5.00 / 10 points)"
    assert not found["tests"][0]["passed"] and result(full_marks())["tests"][0]["passed"]
    assert (found["datetime"], found["owner"]) == ("2025-01-15T10:30:00Z", "ann")


@pytest.mark.parametrize("report", [every_verdict_whole(), all_fault()])
def test_what_is_not_fully_graded_has_no_result_and_removes_an_older_one(report, tmp_path):
    (tmp_path / "result.json").write_text("old")
    paths, _ = export([report], {"classroom50": tmp_path}, tmp_path, Options(environment=RUNNER))
    assert [path.name for path in paths] == ["release-body.md"]
    assert not (tmp_path / "result.json").exists()
    body = (tmp_path / "release-body.md").read_text()
    assert "our fault" in body.lower() and SECRET not in body


def test_outside_of_its_runner_it_says_what_is_missing():
    environment = {**RUNNER, "SUBMISSION_TAG": ""}
    with pytest.raises(ExportError, match="SUBMISSION_TAG"):
        files("classroom50", [full_marks()], Options(environment=environment))


@hostile_reports
def test_hostile_text_is_text(text):
    report = hostile(text)
    graded = type(report)(**{n: getattr(report, n) for n in report.__slots__} | {
        "functions": report.functions[:1], "outcome": "graded", "hundredths": 250, "max_hundredths": 1000
    })  # fmt: skip
    found = result(graded)
    assert (found["score"], found["max-score"]) == (250, 1000)
    assert "::error" not in json.dumps(found)


def test_the_largest_report():
    assert len(made(maximal())["result.json"]) <= 1_000_000
    assert len(made(maximal())["release-body.md"]) <= 100_000
    assert len(result(maximal())["tests"]) == 58
