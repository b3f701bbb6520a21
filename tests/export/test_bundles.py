"""The autograders that are handed to other machines, run there with a real submission."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import click
import jsonschema
import pytest

from grader.export.bundle import WHEEL, engine
from tests.export.test_classroom50 import RUNNER
from tests.export.test_classroom50 import SCHEMA as RESULT
from tests.export.test_gradescope import SCHEMA as RESULTS

ROOT = Path(__file__).parents[2]
TOKEN = "ghs_secret-of-the-runner"


def grader(*arguments, **environment):
    command = [sys.executable, "-m", "grader", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a course of one assignment with three functions."""
    root = tmp_path_factory.mktemp("course")
    for name in ("sgd_step", "one_hot", "softmax"):
        source = ROOT / "reference" / "softmax_classifier" / f"{name}.py"
        (root / "reference" / "a").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, root / "reference" / "a" / f"{name}.py")
    (root / "assignments" / "hw1").mkdir(parents=True)
    points = "sgd_step = 5\none_hot = 5\nsoftmax = 10\n"
    (root / "assignments" / "hw1" / "assignment.toml").write_text(f'title = "HW 1"\n[points]\n{points}')
    return root


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Return the folder of an environment that holds this engine's wheel and sees the libraries of this one."""
    root = tmp_path_factory.mktemp("engine")
    (root / WHEEL).write_bytes(engine())
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / "venv")], check=True)
    (site,) = (root / "venv").glob("lib/python*/site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(root / WHEEL)], check=True, capture_output=True)
    (site / "libraries.pth").write_text(f"{Path(click.__file__).parents[1]}\n")
    return root / "venv"


def test_the_wheel_is_the_engine_and_nothing_of_a_course(python):
    done = subprocess.run(
        [python / "bin" / "python", "-I", "-c", "import grader, sys; print(grader.__file__); import reference"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith(str(python)) and "No module named 'reference'" in done.stderr


def test_the_wheel_asks_for_what_the_project_asks_for(python):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (path,) = python.glob("lib/python*/site-packages/kernel_grader-*.dist-info/METADATA")
    metadata = Parser().parsestr(path.read_text())
    asked = [requirement for requirement in metadata.get_all("Requires-Dist") if "extra" not in requirement]
    assert asked == project["dependencies"]
    assert f"{project['optional-dependencies']['torch'][0]} ; extra == 'torch'" in metadata.get_all("Requires-Dist")
    assert metadata["Requires-Python"] == project["requires-python"]


class Autograder:
    """A tree like Gradescope's with the autograder's zip unpacked in it, and how to run it."""

    def __init__(self, root, course, python, **environment):
        self.root = root
        made = grader(
            "gradescope", "build", "--assignment", "hw1", "--course", course, "--sandbox", "process",
            "--hidden", "after_published", "-o", root / "autograder.zip", **environment,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        (root / "source").mkdir()
        with zipfile.ZipFile(root / "autograder.zip") as archive:
            self.names = archive.namelist()
            archive.extractall(root / "source")
        shutil.copyfile(root / "source" / "run_autograder", root / "run_autograder")
        (root / "venv").symlink_to(python)
        (root / "submission").mkdir()

    def run(self, files, **environment):
        for name, text in files.items():
            (self.root / "submission" / name).write_text(text)
        told = {"PATH": os.environ["PATH"], "AUTOGRADER_ROOT": str(self.root), "GITHUB_TOKEN": TOKEN, **environment}
        done = subprocess.run(
            ["bash", self.root / "run_autograder"], cwd=self.root, env=told, capture_output=True, text=True
        )
        results = json.loads((self.root / "results" / "results.json").read_text())
        jsonschema.validate(results, RESULTS)
        assert [path.name for path in (self.root / "results").iterdir()] == ["results.json"]
        return done, results


@pytest.fixture
def autograder(tmp_path, course, python):
    return Autograder(tmp_path, course, python, GRADER_SECRET="of the course")


ONE_HOT = "import numpy as np\n\ndef one_hot(y, num_classes):\n    return np.eye(num_classes)[y]\n"


def scores(results):
    return {test["name"]: test["score"] for test in results["tests"] if "score" in test}


def test_gradescope_grades_a_real_submission(autograder):
    stub = (ROOT / "examples" / "good_numpy" / "classifier.py").read_text()
    done, results = autograder.run({"hw.py": stub, "common.py": (ROOT / "examples/good_numpy/common.py").read_text()})
    assert done.returncode == 0, done.stderr
    assert scores(results) == {"sgd_step": 5, "one_hot": 5, "softmax": 10}
    assert {test["visibility"] for test in results["tests"] if "." in test["number"]} == {"visible", "after_published"}


def test_gradescope_keeps_what_was_graded_when_the_time_is_over(autograder):
    hangs = "import numpy as np\n\ndef softmax(z):\n    while True:\n        pass\n"
    stub = (ROOT / "examples" / "good_numpy" / "classifier.py").read_text()
    common = (ROOT / "examples" / "good_numpy" / "common.py").read_text()
    slow = autograder.root / "source/course/assignments/hw1/assignment.toml"
    slow.write_text("deadline_s = 120\n" + slow.read_text())
    files = {"hw.py": stub.replace("def softmax(", "def unused(") + hangs.partition("\n\n")[2], "common.py": common}
    done, results = autograder.run(files, GRADER_TIME_LIMIT_S="15")
    assert done.returncode == 124
    assert scores(results) == {"sgd_step": 5, "one_hot": 5}
    (undone,) = [test for test in results["tests"] if test["name"] == "softmax"]
    assert "our fault" in undone["output"] and "ended before" in undone["output"]


def test_gradescope_gives_no_score_where_nothing_can_be_read(autograder):
    (autograder.root / "results").mkdir()
    (autograder.root / "results" / "results.json").write_text('{"score": 20, "tests": []}')
    done, results = autograder.run({"notes.txt": "no code"})
    assert done.returncode != 0
    assert scores(results) == {} and "score" not in results
    assert len(results["tests"]) == 1 and results["tests"][0]["output"].startswith("grader: ")


def test_student_code_on_gradescope_gets_neither_token_nor_secret_from_its_environment(autograder):
    spy = "import os\ndef one_hot(y, num_classes):\n    raise ValueError(str(sorted(os.environ.items())))\n"
    _, results = autograder.run({"hw.py": spy}, GITHUB_OUTPUT="/nowhere", GH_TOKEN=TOKEN)
    said = json.dumps(results)
    assert "OMP_NUM_THREADS" in said
    assert TOKEN not in said and "GITHUB" not in said and "of the course" not in said


def test_the_zip_lies_flat_with_scripts_that_run(autograder):
    assert {"setup.sh", "run_autograder", WHEEL, "secret", "course/reference/a/softmax.py"} <= set(autograder.names)
    assert not [name for name in autograder.names if name.startswith("/") or ".." in name]
    with zipfile.ZipFile(autograder.root / "autograder.zip") as archive:
        for name in ("setup.sh", "run_autograder"):
            assert archive.getinfo(name).external_attr >> 16 == 0o100755
            data = archive.read(name)
            assert data.startswith(b"#!/usr/bin/env bash\n") and b"\r" not in data
            assert subprocess.run(["bash", "-n"], input=data, capture_output=True).returncode == 0


def test_the_same_bundle_is_the_same_bytes_and_a_wrong_name_is_one_line(tmp_path, course):
    for name in ("a.zip", "b.zip"):
        assert (
            grader("gradescope", "build", "--assignment", "hw1", "--course", course, "-o", tmp_path / name).returncode
            == 0
        )
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    done = grader("gradescope", "build", "--assignment", "hw9", "--course", course, "-o", tmp_path / "c.zip")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and not (tmp_path / "c.zip").exists()


@pytest.fixture
def classroom50(tmp_path, course, python):
    """Return what runs the autograder in a checkout, as the runner of Classroom 50 does."""
    made = grader(
        "classroom50", "build", "--assignment", "hw1", "--course", course, "--sandbox", "process",
        "-o", tmp_path / "bundle", GRADER_SECRET="of the course",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert not [
        path for path in (tmp_path / "bundle").rglob("*") if path.is_file() and b"of the course" in path.read_bytes()
    ]
    checkout = tmp_path / "checkout"
    checkout.mkdir()

    def run(files):
        for name, text in files.items():
            (checkout / name).parent.mkdir(exist_ok=True)
            (checkout / name).write_text(text)
        told = {
            **RUNNER,
            "PATH": os.environ["PATH"],
            "GRADER_PYTHON": str(python / "bin" / "python"),
            "GITHUB_TOKEN": TOKEN,
        }
        command = [sys.executable, tmp_path / "bundle" / "autograder.py"]
        return subprocess.run(command, cwd=checkout, env=told, capture_output=True, text=True), checkout

    return run


def test_classroom50_grades_a_checkout(classroom50):
    done, checkout = classroom50(
        {"hw.py": ONE_HOT, "grader/__main__.py": "print('hijacked')", "grader/__init__.py": ""}
    )
    assert done.returncode == 0, done.stderr
    assert "hijacked" not in done.stdout
    result = json.loads((checkout / "result.json").read_text())
    jsonschema.validate(result, RESULT)
    assert result["max-score"] == 2000 and 0 < result["tests"][1]["score"] <= 500
    assert (checkout / "release-body.md").read_text().startswith("# HW 1")


def test_classroom50_takes_no_result_of_the_students(classroom50):
    forged = json.dumps({"schema": "classroom50/result/v1", "score": 2000})
    done, checkout = classroom50({"result.json": forged, "notes.txt": "no code"})
    assert done.returncode != 0
    assert not (checkout / "result.json").exists()
