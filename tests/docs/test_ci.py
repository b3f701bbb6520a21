"""docs/ci.md: its commands, in its order, and the reporter's step that it shows."""

import base64
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from grader.codec import decode
from grader.export.classroom import files
from grader.generate.handout import Options, handout, write
from grader.generate.workflow import official
from tests.generate.runner import Runner, pairs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
NAME = "softmax_classifier"
FUNCTIONS = ("sgd_step", "one_hot")


def commands():
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [shlex.split(line[2:]) for block in blocks for line in block.splitlines()]


def grader(command, cwd):
    done = subprocess.run([sys.executable, "-m", *map(str, command)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def course(tmp_path):
    for folder in ("reference", "assignments"):
        (tmp_path / "course" / folder).mkdir(parents=True)
        shutil.copytree(ROOT / folder / NAME, tmp_path / "course" / folder / NAME)
    return tmp_path / "course"


def test_the_commands_lead_from_the_handout_to_a_table_of_grades(course):
    student, official_, dispatch, download, export = commands()
    grader(student, course)
    grader(official_, course)
    (written,) = (course / ".github" / "workflows").iterdir()
    assert written.name == dispatch[3] and written.name in PAGE
    assert f"  {dispatch[5].partition('=')[0]}:" in written.read_text()

    # What the official job leaves as artefacts, `gh` puts into a folder for each.
    assert download[:3] == ["gh", "run", "download"]
    graded = ["grader", "run", "handout", "--assignment", NAME, "--sandbox", "process", "--no-speed", "--exit-zero"]
    grader([*graded, "--out", "class/kim_hw1"], course)
    (course / "class" / "kim_hw1.staff").mkdir()
    (course / "class" / "kim_hw1" / "staff.json").rename(course / "class" / "kim_hw1.staff" / "staff.json")
    grader(export, course)
    assert (course / "class" / "csv" / "grades.csv").exists() and (course / "class" / "moodle" / "moodle.csv").exists()


def test_the_page_says_what_the_workflows_hold():
    workflow = official(ROOT, NAME, "numpy")[f".github/workflows/official-{NAME}.yml"].decode()
    for name in ("GRADER_SECRET", "STUDENTS_TOKEN"):
        assert f"secrets.{name}" in workflow and f"| `{name}` |" in PAGE
    made = handout(ROOT, NAME, Options(functions=FUNCTIONS))[".github/workflows/grade.yml"].decode()
    assert "grader check . --export actions,classroom" in PAGE and "grader check . --export actions,classroom" in made


def test_the_reporters_step_gets_each_functions_points(tmp_path):
    write(handout(ROOT, NAME, Options(functions=FUNCTIONS, solution=True)), tmp_path / "hw")
    grader(["grader", "check", tmp_path / "hw", "--sandbox", "process", "--out", tmp_path / "out"], tmp_path)
    report = decode((tmp_path / "out" / "results.json").read_bytes())
    outputs = pairs(files(report)["outputs.txt"].decode())
    block = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[-1]
    (step,) = yaml.safe_load(block)
    runner = Runner(tmp_path / "runner", {}, "kim/hw1", steps={"check": {"outputs": outputs}})
    environment = {name: runner.evaluated(value) for name, value in step["env"].items()}
    points = 0
    for name in runner.evaluated(step["with"]["runners"]).split(","):
        result = json.loads(base64.b64decode(environment.pop(f"{name.upper()}_RESULTS")))
        points += sum(test["score"] for test in result["tests"])
    assert not environment and points == report.hundredths / 100 == report.max_hundredths / 100
