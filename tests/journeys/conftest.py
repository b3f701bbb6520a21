"""The programs of a fresh environment that holds the wheel, and the steps of a journey with them."""

import importlib.util
import json
import os
import re
import shutil
import subprocess

import pytest

from tests.wheel import ROOT, built, installed

HANG_S = 120
ROW = re.compile(
    r"^(\w+) +[✓✗~?-] (full marks|partly right|not right yet|not found|not started|not graded) ", re.MULTILINE
)


@pytest.fixture(autouse=True)
def _libraries(request):
    if request.node.get_closest_marker("torch") and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Return the folder of the programs of a fresh environment that holds the wheel."""
    folder = tmp_path_factory.mktemp("fresh")
    (wheel,) = built(folder / "dist", "--wheel")
    return installed(folder, wheel)


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """Return a copy of the course that lies beside no engine."""
    folder = tmp_path_factory.mktemp("course")
    for part in ("reference", "assignments"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def grader(programs, tmp_path):
    """Return how to run a command of the wheel, in a folder that is nobody's course."""
    mine = ("PYTHONPATH", "GRADER_SECRET", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in mine}
    environment |= {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}

    def run(*arguments):
        command = [programs / "grader", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=HANG_S, check=False
        )

    return run


@pytest.fixture
def generated(grader, course):
    """Return how to make a handout, or the instructor's own copy of it."""

    def make_handout(folder, chapter, kind, framework, *options):
        out = grader(
            *("generate", chapter, "--course", course, "--out", folder, "--format", kind),
            *("--framework", framework, *options),
        )
        assert out.returncode == 0, out.stderr
        return folder

    return make_handout


@pytest.fixture
def checked(grader, tmp_path):
    """Return how to check a handout: exit code, what is printed, the word for each function, results.json."""
    return lambda folder: told(grader("check", folder, "--out", tmp_path / "checked"), tmp_path / "checked")


@pytest.fixture
def graded(grader, course, tmp_path):
    """Return how to grade a handout officially, with the same answer."""

    def run(folder, chapter, framework, backend):
        done = grader(
            *("run", folder, "--course", course, "--assignment", chapter, "--framework", framework),
            *("--sandbox", backend, "--no-speed", "--out", tmp_path / "graded"),
        )
        return told(done, tmp_path / "graded")

    return run


def told(done, out):
    assert done.returncode in (0, 1), done.stdout + done.stderr
    results = json.loads((out / "results.json").read_bytes())
    functions = {function["name"]: function for function in results["functions"]}
    words = dict(ROW.findall(done.stdout))
    assert set(words) == set(functions), done.stdout
    return done.returncode, done.stdout, words, functions
