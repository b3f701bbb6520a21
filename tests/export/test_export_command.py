"""`grader export` and `grader run --export` as a user types them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grader.codec import encode
from grader.export import TARGETS
from tests.export.reports import named
from tests.export.test_canvas import BOOK, COLUMN
from tests.report.sample_reports import SECRET, every_verdict_whole, full_marks

ROOT = Path(__file__).parents[2]
ONE_SUBMISSION = "actions,classroom,csv,gradescope,junit,moodle,prairielearn"


def grader(*arguments, **environment):
    command = [sys.executable, "-m", "grader", *map(str, arguments)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=plain | environment)


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.json"
    path.write_bytes(encode(full_marks()))
    return path


def test_each_target_has_its_folder(results, tmp_path):
    done = grader("export", results, "--to", ONE_SUBMISSION)
    assert done.returncode == 0, done.stderr
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {
        "results.json",
        "actions/annotations.txt",
        "actions/summary.md",
        "classroom/outputs.txt",
        "csv/grades.csv",
        "gradescope/results.json",
        "junit/junit.xml",
        "moodle/moodle.csv",
        "prairielearn/results.json",
    }
    assert {Path(line) for line in done.stdout.splitlines()} == {tmp_path / name for name in written - {"results.json"}}


def test_a_target_can_have_its_own_folder(results, tmp_path):
    done = grader("export", results, "--to", f"junit={tmp_path / 'ci'}, csv", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ci" / "junit.xml").exists() and (tmp_path / "out" / "csv" / "grades.csv").exists()


def test_a_fault_of_ours_is_exported_and_said(results):
    results.write_bytes(encode(every_verdict_whole()))
    done = grader("export", results, "--to", "gradescope")
    assert done.returncode == 3
    assert "fully graded" in done.stderr and done.stderr.count("\n") == 1
    assert SECRET not in (results.parent / "gradescope" / "results.json").read_text()


def test_a_class_in_one_file(tmp_path):
    for name, earned in (("jdoe", 850), ("uoe", 1000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_bytes(encode(named(name, earned)))
    (tmp_path / "book.csv").write_bytes(BOOK)
    options = ("--gradebook", tmp_path / "book.csv", "--column", COLUMN)
    done = grader("export", tmp_path, "--to", "canvas,csv,moodle", *options)
    assert done.returncode == 0, done.stderr
    expected = BOOK.replace(b",8.5,", b",8.50,").replace(b'"",4', b'"10.00",4')
    assert (tmp_path / "canvas" / "gradebook.csv").read_bytes() == expected
    assert (tmp_path / "csv" / "grades.csv").read_text().count("\n") == 3
    assert '"uoe","10.00"' in (tmp_path / "moodle" / "moodle.csv").read_text()
    # The exports lie beside the submissions and are not taken for some.
    assert grader("export", tmp_path, "--to", "csv").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "fax"), f"No target 'fax'; there are: {', '.join(TARGETS)}."),
        (("--to", " , "), "No target is named"),
        (("--to", "canvas"), "--gradebook FILE --column TITLE"),
        (("--to", "canvas", "--gradebook", "nowhere.csv"), "nowhere.csv: No such file"),
        (("--to", "classroom50"), "CLASSROOM in the environment"),
        ((), "--to"),
    ],
)
def test_a_wrong_request_is_one_line_and_writes_nothing(results, arguments, words):
    done = grader("export", results, *arguments)
    assert done.returncode == 2
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in results.parent.iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{}", "not a results file"),
        (b"\xff", "not a results file"),
        (encode(replace(full_marks(), schema="grader/results/v9")), "grader/results/v9"),
        (
            encode(full_marks()).replace(b'"full"', b"1").replace(b'"points"', b"1").replace(b": 1000", b': "x"'),
            "not a",
        ),
    ],
)
def test_results_of_another_schema_are_one_line(results, data, words):
    results.write_bytes(data)
    done = grader("export", results, "--to", "junit")
    assert done.returncode == 2
    assert words in done.stderr and done.stderr.count("\n") == 1
    missing = grader("export", results.parent / "none.json", "--to", "junit")
    assert missing.returncode == 2 and "none.json: No such file" in missing.stderr
    empty = grader("export", ROOT / "docs", "--to", "csv")
    assert empty.returncode == 2 and "NAME/results.json" in empty.stderr


def run(tmp_path, *options, **environment):
    source = "import numpy as np\n\ndef one_hot(y, num_classes):\n    return np.eye(num_classes)[y] * 2\n"
    (tmp_path / "hw").mkdir()
    (tmp_path / "hw" / "hw.py").write_text(source)
    options = ("--sandbox", "process", "--only", "one_hot", "--course", ROOT, "--out", tmp_path / "out", *options)
    return grader("run", tmp_path / "hw", *options, **environment)


def test_a_workflow_gets_summary_outputs_and_annotations(tmp_path):
    names = ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
    told = {name: str(tmp_path / name) for name in names}
    told |= {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path)}
    done = run(tmp_path, "--json", "--export", "actions,classroom", **told)
    assert done.returncode == 1
    assert json.loads(done.stdout)["schema"] == "grader/results/v1"
    (annotation,) = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert annotation.startswith("::error file=hw/hw.py,line=3,title=one_hot%3A 0.")
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == (tmp_path / "out" / "feedback.md").read_text()
    assert (tmp_path / "GITHUB_OUTPUT").read_text().startswith("runners=onehot\nonehot=")


@pytest.mark.parametrize(
    ("target", "words"), [("fax", "No target 'fax'"), ("canvas", "--gradebook"), ("classroom50", "CLASSROOM")]
)
def test_a_target_that_cannot_be_made_is_said_before_anything_is_graded(tmp_path, target, words):
    done = run(tmp_path, "--export", target)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
