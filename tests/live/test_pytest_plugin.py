"""Public checks as pytest's items, in the handout's folder and nowhere else."""

import os
import subprocess
import sys
import tomllib

import pytest

from tests.live.conftest import ROOT

WRONG = """import numpy as np

def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum()

def softmax_backward(dout, z):
    raise NotImplementedError

def decay_learning_rate(*args, **kwargs):
    raise NotImplementedError
"""


@pytest.fixture(scope="module")
def entry_points(tmp_path_factory):
    """Return a folder that installs the engine's entry points, as an installed engine does."""
    folder = tmp_path_factory.mktemp("installed")
    about = folder / "entry_points_of_this_tree-1.dist-info"
    about.mkdir()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["pytest11"].items()]
    (about / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: entry-points-of-this-tree\nVersion: 1\n")
    return folder


@pytest.fixture
def run_pytest(entry_points):
    def run(folder, *arguments):
        path = os.pathsep.join([str(ROOT), str(entry_points)])
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        quiet = ["-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        command = [sys.executable, "-m", "pytest", *arguments, *quiet]
        environment = {**variables, "PYTHONPATH": path}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture(scope="module")
def wrong(make_handout):
    folder = make_handout(functions=("softmax", "decay_learning_rate"))
    (folder / "softmax_classifier.py").write_text(WRONG)
    (folder / "test_own.py").write_text("def test_own():\n    assert True\n")
    return folder


def test_items_are_named_by_function_and_case(run_pytest, wrong):
    done = run_pytest(wrong, "--collect-only", "-q")
    names = [line for line in done.stdout.splitlines() if "::" in line]
    assert done.returncode == 0
    assert "grader.toml::softmax::two rows (values)" in names and "grader.toml::softmax::two rows (gradient)" in names
    assert "grader.toml::softmax::purity" in names and "test_own.py::test_own" in names
    assert len(names) == len(set(names))


def test_a_failure_is_the_finding_and_stubs_are_skipped(run_pytest, wrong):
    done = run_pytest(wrong, "-rs", "-v")
    assert done.returncode == 1
    assert "grader.toml::softmax::two rows (values) FAILED" in done.stdout
    assert "softmax_classifier.py:3" in done.stdout and "your answer" in done.stdout
    assert "Traceback" not in done.stdout and "pytest_items.py:" not in done.stdout.partition("short test summary")[0]
    assert "grader.toml::softmax::two rows (gradient) SKIPPED (not started)" in done.stdout
    stubs = [line for line in done.stdout.splitlines() if "decay_learning_rate::" in line]
    assert len(stubs) == 3 and all(" SKIPPED (" in line for line in stubs)
    assert "test_own.py::test_own PASSED" in done.stdout


def test_one_item_is_run_by_its_id_and_others_by_a_word(run_pytest, wrong):
    by_id = run_pytest(wrong, "grader.toml::softmax::two rows (values)", "-q")
    assert "1 failed" in by_id.stdout
    by_word = run_pytest(wrong, "-q", "-k", "own or (softmax and purity)")
    assert by_word.returncode == 0 and "2 passed" in by_word.stdout


def test_the_solution_passes_everything(run_pytest, make_handout):
    folder = make_handout(functions=("softmax", "mini_batches"), solution=True, format="ipynb")
    done = run_pytest(folder, "-q", "--strict-config")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout and "skipped" not in done.stdout


def test_a_damaged_handout_is_one_line(run_pytest, make_handout):
    folder = make_handout(functions=("softmax",))
    (folder / "public.kgv").write_bytes(b"nothing")
    done = run_pytest(folder, "-q")
    assert "public.kgv holds no public cases: copy it from the handout again." in done.stdout
    assert "Traceback" not in done.stdout


def test_it_can_be_turned_off(run_pytest, wrong):
    done = run_pytest(wrong, "-q", "-p", "no:kernel_grader")
    assert done.returncode == 0 and "1 passed" in done.stdout


def test_other_folders_are_left_alone_and_nothing_is_imported_for_them(run_pytest, tmp_path):
    (tmp_path / "grader.toml").write_text('[functions]\nsoftmax = "a.py:mine"\n')
    (tmp_path / "test_own.py").write_text(
        "import sys\n\n\ndef test_own():\n    assert 'grader.pytest_plugin' in sys.modules\n"
        "    assert not {'numpy', 'msgspec', 'grader.pytest_items', 'grader.selfcheck'} & sys.modules.keys()\n"
    )
    done = run_pytest(tmp_path, "-q")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout
