"""A student's own check, as they type it: journeys from the handout to full marks, and what is said on the way."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grader.assignment import assignment_names
from grader.codec import decode
from grader.watch import needed, parsed
from tests.sandbox.conftest import make

ROOT = Path(__file__).resolve().parent.parent
HANG_S = 60.0


def grader(*arguments, cwd=ROOT):
    command = [sys.executable, "-m", "grader", *map(str, arguments)]
    # A check on somebody's own machine, also where the tests run on a CI runner.
    own = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
    environment = {**own, "COLUMNS": "100", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, timeout=HANG_S)


def handed_out(folder, *options, assignment="softmax_classifier"):
    done = grader("generate", assignment, "--out", folder, *options)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def solved(tmp_path_factory):
    """The instructor's own copy of one handout, to be copied and spoilt."""
    return handed_out(tmp_path_factory.mktemp("solved") / "softmax", "--solution")


@pytest.fixture
def work(solved, tmp_path):
    """A student's folder far from any course, in which everything is right."""
    for path in solved.rglob("*"):
        if path.is_file():
            copy = tmp_path / "work" / path.relative_to(solved)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return tmp_path / "work"


def spoil(work, pattern, replacement):
    file = work / "softmax_classifier.py"
    text, count = re.subn(pattern, replacement, file.read_text(), count=1)
    assert count == 1
    file.write_text(text)


def row(output, function):
    return next(line for line in output.splitlines() if line.startswith(f"{function} "))


@pytest.mark.parametrize("assignment", assignment_names(ROOT))
def test_the_solution_of_every_assignment_is_right_by_both(assignment, tmp_path):
    out = handed_out(tmp_path / "out", "--solution", assignment=assignment)
    checked = grader("check", cwd=out)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Every function has full marks." in checked.stdout
    assert "Public cases only" in checked.stdout
    options = ("--assignment", assignment, "--sandbox", "process", "--no-speed", "--out", tmp_path / "results")
    official = grader("run", out, *options)
    assert official.returncode == 0, official.stdout + official.stderr


@pytest.mark.torch
@pytest.mark.parametrize("assignment", ["strategy"])
def test_the_solution_in_torch_is_right_by_both(assignment, tmp_path):
    pytest.importorskip("torch")
    out = handed_out(tmp_path / "out", "--solution", "--framework", "torch", assignment=assignment)
    checked = grader("check", out)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    options = ("--assignment", assignment, "--framework", "torch", "--sandbox", "process", "--no-speed")
    official = grader("run", out, *options, "--out", tmp_path / "results")
    assert official.returncode == 0, official.stdout + official.stderr


def test_the_solution_in_a_notebook_is_right_by_both(tmp_path):
    out = handed_out(tmp_path / "out", "--solution", "--format", "ipynb", assignment="convnets")
    assert (out / "convnets.ipynb").exists() and not (out / "convnets.py").exists()
    checked = grader("check", out)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    options = ("--assignment", "convnets", "--sandbox", "process", "--no-speed", "--out", tmp_path / "results")
    official = grader("run", out / "convnets.ipynb", *options)
    assert official.returncode == 0, official.stdout + official.stderr


@pytest.mark.parametrize("kind", ["py", "ipynb"])
def test_a_fresh_handout_is_not_started_and_that_is_no_error(kind, tmp_path):
    out = handed_out(tmp_path / "out", "--format", kind, assignment="optimizers")
    done = grader("check", out)
    assert done.returncode == 1
    assert done.stdout.count("✗ not started") >= 3
    assert "not started: it raises NotImplementedError" in done.stdout
    assert "✗ not found" not in done.stdout and "stopped with an error" not in done.stdout


def test_one_stub_left_is_not_started_and_the_rest_is_right(work):
    spoil(work, r"(?s)(def one_hot\(.*?\n    \"\"\"\n).*?(\n\n\n)", r'\1    raise NotImplementedError("one_hot")\2')
    done = grader("check", work)
    assert done.returncode == 1
    assert "not started" in row(done.stdout, "one_hot")
    assert done.stdout.count("full marks ") == 13
    assert "13 of 14 functions have full marks." in done.stdout


def test_a_backward_that_is_left_costs_the_gradient_alone(work):
    spoil(work, r"(?s)(def softmax_backward\(.*?\n    \"\"\"\n).*?(\n\n\n)", r"\1    raise NotImplementedError\2")
    done = grader("check", work, "--only", "softmax")
    assert done.returncode == 1
    assert "partly right" in row(done.stdout, "softmax") and "gradient 0/2" in row(done.stdout, "softmax")


@pytest.mark.parametrize(
    ("pattern", "replacement", "says"),
    [
        (r"return e / e\.sum\(axis=-1, keepdims=True\)", "return e[:, :1] if e.ndim == 2 else e", "has shape (2, 1)"),
        (r"return e / e\.sum\(axis=-1, keepdims=True\)", "return e / e.sum()", "expected 0."),
        (r"return e / e\.sum\(axis=-1, keepdims=True\)", "e / e.sum()", "None (is a return missing?)"),
        (r"return e / e\.sum\(axis=-1, keepdims=True\)", "return e / f.sum()", "NameError"),
        (r"e = np\.exp\(z - z\.max", "z -= 1\n    e = np.exp(z - z.max", "changes its input z"),
        (r"def softmax\(z\)", "def soft_max(z)", "softmax is not defined; did you mean soft_max"),
        (r"def softmax\(z\):", "def softmax(z:", "syntax error"),
    ],
    ids=["shape", "values", "no return", "raises", "purity", "name", "syntax"],
)
def test_what_is_wrong_is_said_how(work, pattern, replacement, says):
    spoil(work, pattern, replacement)
    done = grader("check", work, "--only", "softmax")
    assert done.returncode == 1, done.stderr
    assert says in done.stdout


def test_a_pattern_is_diagnosed_without_the_course(work):
    spoil(work, r"return e / e\.sum\(axis=-1, keepdims=True\)", "return -e / e.sum(axis=-1, keepdims=True)")
    done = grader("check", work, "--only", "softmax")
    assert re.search(r"hint +.*wrong sign", done.stdout)


def test_the_handouts_settings_may_name_functions(work):
    spoil(work, r"def one_hot\(", "def to_rows(")
    with (work / "grader.toml").open("a") as settings:
        settings.write('[functions]\none_hot = "softmax_classifier.py:to_rows"\n')
    done = grader("check", work, "--only", "one_hot")
    assert done.returncode == 0, done.stdout + done.stderr


def test_chance_must_come_from_the_generator(work):
    spoil(work, r"return std \* rng\.standard_normal", "return std * np.random.default_rng().standard_normal")
    done = grader("check", work, "--only", "init_gaussian")
    assert done.returncode == 1
    assert "all chance must come from rng" in done.stdout


def test_callable_arguments_are_shown_as_source(tmp_path):
    out = handed_out(tmp_path / "out", "--solution", assignment="optimization_setup")
    file = out / "optimization_setup.py"
    file.write_text(file.read_text() + "\n\ndef gradient_check(f, theta, grad, eps=1e-5):\n    return f(theta) + 5.0\n")
    done = grader("check", out, "--only", "gradient_check")
    assert done.returncode == 1
    assert re.search(r"input f +def ", done.stdout)


def test_nothing_is_written_unless_asked_for(work, tmp_path):
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    assert grader("check", cwd=work).returncode == 0
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before
    assert grader("check", work, "--out", tmp_path / "out").returncode == 0
    report = decode((tmp_path / "out" / "results.json").read_bytes())
    assert report.hundredths == report.max_hundredths == 13500
    assert report.sandbox.backend == "process" and "public cases" in report.title
    assert all(check.visible for function in report.functions for check in function.checks)


def test_a_single_file_is_checked_where_it_lies(work):
    (work / "drafts").mkdir()
    draft = work / "drafts" / "mine.py"
    draft.write_text("def softmax(z):\n    raise NotImplementedError\n")
    done = grader("check", draft, "--only", "softmax")
    assert done.returncode == 1 and "not started" in row(done.stdout, "softmax")


def test_a_file_in_the_wrong_place_is_said_and_found_all_the_same(work):
    (work / "old").mkdir()
    (work / "softmax_classifier.py").rename(work / "old" / "softmax_classifier.py")
    done = grader("check", work)
    assert done.returncode == 0
    assert "softmax_classifier.py is not beside grader.toml" in done.stdout


def test_neither_course_nor_docker_is_asked_for(work, tmp_path):
    """The engine's modules for both are not even loaded, and torch is not in a NumPy handout's grader."""
    script = (
        "import sys, grader.cli\n"
        f"sys.argv = ['grader', 'check', {str(work)!r}]\n"
        "try:\n    grader.cli.main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'docker', 'torch', 'jinja2', 'matplotlib', 'grader.course', 'grader.trials', 'grader.pipeline'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=HANG_S)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("prepare", "arguments", "says"),
    [
        (lambda work: (work / "grader.toml").unlink(), (), "No grader.toml in"),
        (lambda work: (work / "public.kgv").unlink(), (), "public.kgv is not beside grader.toml"),
        (lambda work: (work / "public.kgv").write_text("x"), (), "holds no public cases"),
        (
            lambda work: (work / "public.kgv").write_bytes(b"kernel-grader public cases, format 0\n"),
            (),
            "ask for the handout of today",
        ),
        (lambda work: (work / "grader.toml").write_text("assignment = 1"), (), "grader.toml cannot be read"),
        (lambda work: (work / "softmax_classifier.py").unlink(), (), "softmax_classifier.py is not beside grader.toml"),
        (lambda work: None, ("--only", "gold"), "No function 'gold'"),
    ],
    ids=["no settings", "no cases", "other cases", "older cases", "broken settings", "no file", "no such function"],
)
def test_a_wrong_request_is_one_line_that_says_what_to_do(work, prepare, arguments, says):
    prepare(work)
    done = grader("check", work, *arguments)
    assert done.returncode == 2
    assert says in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_exports_are_written_beside_the_results_and_print_nothing_at_home(work):
    done = grader("check", work, "--only", "one_hot", "--export", "actions,classroom,junit", cwd=work)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    written = {path.name for path in (work / "grader-results" / "work").rglob("*") if path.is_file()}
    assert written == {
        "results.json", "feedback.html", "feedback.md", "summary.md", "annotations.txt", "outputs.txt", "junit.xml"
    }  # fmt: skip
    again = grader("check", work, "--only", "one_hot", "--export", "junit=build", "--out", "out", cwd=work)
    assert (
        again.returncode == 0 and (work / "build" / "junit.xml").exists() and (work / "out" / "results.json").exists()
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--export", "canvas"), "a check is no grade"),
        (("--export", "gradescope,junit"), "and not to gradescope"),
        (("--export", "paper"), "No target 'paper'"),
        (("--watch", "--export", "junit"), "leave out --export"),
        (("--sandbox", "none"), "--sandbox"),
    ],
)
def test_what_a_check_cannot_do_is_one_line(work, options, says):
    done = grader("check", work, *options)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1
    assert not (work / "grader-results").exists()


@pytest.mark.docker
def test_a_check_can_be_made_in_a_stronger_sandbox(work):
    make("docker", "numpy").close()
    done = grader("check", work, "--only", "one_hot", "--sandbox", "docker")
    assert done.returncode == 0, done.stderr
    assert "docker sandbox" in done.stdout and "with your rights" not in done.stdout


class Watch:
    """`grader check --watch` as a process, and the lines that it prints."""

    def __init__(self, folder, *options):
        command = [sys.executable, "-u", "-m", "grader", "check", str(folder), "--watch", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=lambda: [*map(self.lines.put, self.process.stdout)], daemon=True)
        self.reader.start()

    def until(self, text):
        """Return what is printed up to a line with the text; raises Empty when it does not come."""
        seen = ""
        while text not in seen:
            seen += self.lines.get(timeout=HANG_S)
        return seen

    def end(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(HANG_S)
        self.reader.join()
        self.process.stdout.close()
        return code


def test_watch_checks_again_what_a_save_changed(work):
    pytest.importorskip("watchfiles")
    file = work / "softmax_classifier.py"
    right = file.read_text()
    watch = Watch(work, "--only", "softmax,softmax_regression,one_hot,sgd_step")
    try:
        watch.until("sgd_step ")
        watch.until("Watching")
        file.write_text(right.replace("return w - lr * dw", "return w + lr * dw"))
        again = watch.until("first wrong")
        assert "sgd_step" in again and "softmax" not in again.replace("Softmax", "").replace("softmax_classifier", "")
        file.write_text("(\n")
        watch.until("'(' was never closed")
        file.write_text(right)
        watch.until("Every function has full marks.")
    finally:
        assert watch.end() == 0


MODULE = """
import numpy as np
LIMIT = 3

def helper(x):
    return x + LIMIT

def one(x):
    return helper(x)

def two(x):
    return x
"""


@pytest.mark.parametrize(
    ("old", "new", "affected"),
    [
        ("x + LIMIT", "x - LIMIT", ["one"]),
        ("return x\n", "return 2 * x\n", ["two"]),
        ("LIMIT = 3", "LIMIT = 4", ["one", "two"]),
        ("import numpy as np", "import numpy as np  # arrays", []),
        ("def helper", "# say\n\ndef helper", []),
    ],
)
def test_what_a_change_affects(old, new, affected):
    before, after = list(parsed(MODULE)), list(parsed(MODULE.replace(old, new)))
    assert [name for name in ("one", "two") if needed(before, [name]) != needed(after, [name])] == affected
