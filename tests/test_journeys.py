"""The journeys of instructor, student and staff with the wheel alone, in a fresh environment and far from here.

Generate, fill in, check, run: all right is full marks, a stub that is left is "not started", a known mistake is named.
The public cases come from the handout and the official grade from a copy of the course.
"""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.course import load_course
from tests.sandbox.conftest import make
from tests.wheel import ROOT, built, installed

HANG_S = 120
ROW = re.compile(
    r"^(\w+) +[✓✗~?-] (full marks|partly right|not right yet|not found|not started|not graded) ", re.MULTILINE
)


@dataclass(frozen=True)
class Work:
    """What a student hands in: all is right but for `stub`, and for `broken`, which has the known `mistake`."""

    chapter: str
    kind: str
    framework: str
    stub: str
    broken: str
    mistake: str
    body: str

    @property
    def file(self) -> str:
        return f"{self.chapter}.{self.kind}"


WORKS = (
    Work(
        *("softmax_classifier", "py", "numpy", "decay_learning_rate", "one_hot", "counted_from_one"),
        "return np.eye(num_classes)[y - 1]",
    ),
    Work(
        *("regularization", "ipynb", "numpy", "random_flip", "l2_cost", "half_forgotten"),
        "return data_loss + lam / m * sum((W**2).sum() for W in weights)",
    ),
    Work(
        *("batch_norm", "py", "numpy", "batch_norm_inference", "batch_norm_running", "deviation_for_variance"),
        """
        axes = tuple(range(x.ndim - 1))
        mean = momentum * running_mean + (1 - momentum) * x.mean(axes)
        return mean, momentum * running_var + (1 - momentum) * x.std(axes)
        """,
    ),
    Work(
        *("convnets", "ipynb", "numpy", "max_pool", "avg_pool", "sum_of_the_window"),
        """
        windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(1, 2))
        return windows[:, ::stride, ::stride].sum(axis=(4, 5))
        """,
    ),
    Work(
        *("yolo", "py", "torch", "yolo_postprocess", "encode_box", "sides_of_image"),
        """
        x1, y1, x2, y2 = box * grid_size
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        row, col = min(int(y), grid_size - 1), min(int(x), grid_size - 1)
        return row, col, x - col, y - row, (y2 - y1) / grid_size, (x2 - x1) / grid_size
        """,
    ),
    Work(
        *("strategy", "ipynb", "torch", "train_dev_test_split", "bias_variance", "dev_error_from_target"),
        """
        bias, variance = train_error - target_error, dev_error - target_error
        return bias, variance, "bias" if bias >= variance else "variance"
        """,
    ),
    Work(
        *("optimization_setup", "ipynb", "torch", "he_init", "gradient_check", "norms_squared"),
        """
        approx = numerical_gradient(f, theta, eps)
        total = (approx**2).sum() + (grad**2).sum()
        return ((approx - grad) ** 2).sum() / total if total > 0 else 0.0
        """,
    ),
    Work(
        *("optimizers", "py", "torch", "adam_step", "rmsprop_step", "accumulates_like_adagrad"),
        """
        cache = cache + dw**2
        return w - lr * dw / (cache.sqrt() + eps), cache
        """,
    ),
)
# What a student types for a whole chapter, in either framework.
BY_HAND = {
    "adagrad_step": """
        if not w.shape == dw.shape == cache.shape:
            raise ValueError("shapes differ")
        total = cache + dw * dw
        return w - lr * dw / (total**0.5 + eps), total
        """,
    "rmsprop_step": """
        if not w.shape == dw.shape == cache.shape or not 0 <= beta < 1:
            raise ValueError("shapes differ, or beta is no such number")
        average = cache + (1 - beta) * (dw * dw - cache)
        return w - lr / (average**0.5 + eps) * dw, average
        """,
    "adam_step": """
        if not w.shape == dw.shape == m.shape == v.shape or t < 1 or not (0 <= beta1 < 1 and 0 <= beta2 < 1):
            raise ValueError("wrong arguments")
        m = m + (1 - beta1) * (dw - m)
        v = v + (1 - beta2) * (dw * dw - v)
        root = (1 - beta2**t) ** 0.5
        return w - lr * root / (1 - beta1**t) * m / (v**0.5 + eps * root), m, v
        """,
}


def needing(framework, *values, name):
    return pytest.param(*values, id=name, marks=pytest.mark.torch if framework == "torch" else ())


EVERY = [needing(work.framework, work, name=f"{work.file}-{work.framework}") for work in WORKS]
FORMS = [needing(f, kind, f, name=f"{kind}-{f}") for f in ("numpy", "torch") for kind in ("py", "ipynb")]


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


def filled_in(path, bodies):
    """Type the bodies into the functions of a module or of a notebook, after their docstrings."""
    if path.suffix == ".py":
        path.write_text(with_bodies(path.read_text(), bodies))
        return
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = with_bodies("".join(cell["source"]), bodies).splitlines(keepends=True)
    path.write_text(json.dumps(notebook))


def with_bodies(text, bodies):
    lines = text.splitlines()
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name in bodies]
    for node in reversed(functions):
        body = textwrap.indent(textwrap.dedent(bodies[node.name]).strip(), "    ")
        lines[node.body[1].lineno - 1 : node.end_lineno] = body.splitlines()
    return "\n".join(lines) + "\n"


def full(words):
    return set(words.values()) == {"full marks"}


def section(printed, function):
    """Return what is printed below the headline of a function that lost points."""
    return re.split(rf"^{function} [\d.]+ / \d+\n", printed, maxsplit=1, flags=re.MULTILINE)[1].partition("\n\n")[0]


def test_the_engine_is_the_wheels_and_has_no_course(programs, tmp_path):
    code = "import grader, sandbox; print(grader.__file__, sandbox.__file__, sep='\\n'); import reference"
    command = [programs / "python", "-c", code]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert all(Path(line).is_relative_to(programs.parent) for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == 2 and "No module named 'reference'" in done.stderr


@pytest.mark.parametrize("work", EVERY)
def test_stubs_are_not_started_and_the_reference_has_full_marks(work, generated, checked, graded, tmp_path):
    form = (work.chapter, work.kind, work.framework)
    handout = generated(tmp_path / "handout", *form)
    code, _, words, _ = checked(handout)
    assert code == 1 and set(words.values()) == {"not started"}
    shutil.copy(generated(tmp_path / "own", *form, "--solution") / work.file, handout)
    code, printed, words, _ = checked(handout)
    assert code == 0 and full(words) and f"Found in {work.file}: " in printed
    code, _, words, functions = graded(handout, work.chapter, work.framework, "process")
    assert code == 0 and full(words)
    assert all(function["hundredths"] == function["max_hundredths"] > 0 for function in functions.values())


@pytest.mark.parametrize("work", EVERY)
def test_a_stub_is_not_started_a_mistake_is_named_and_the_rest_is_right(
    work, generated, checked, graded, course, tmp_path
):
    handout = generated(tmp_path / "handout", work.chapter, work.kind, work.framework, "--solution")
    filled_in(handout / work.file, {work.stub: f"raise NotImplementedError({work.stub!r})", work.broken: work.body})
    for code, printed, words, functions in (
        checked(handout),
        graded(handout, work.chapter, work.framework, "process"),
    ):
        assert code == 1
        assert words.pop(work.stub) == "not started"
        assert words.pop(work.broken) in ("partly right", "not right yet")
        assert full(words)
        assert functions[work.stub]["hundredths"] == 0
        assert {c["verdict"] for c in functions[work.stub]["checks"]} == {"missing"}
        assert section(printed, work.stub).startswith("  ✗ not started: it raises NotImplementedError\n")
        assert re.search(r"first wrong +.*expected .*, got ", section(printed, work.broken))
    # The last answer is the official one, which knows the course.
    diagnoses = {check["diagnosis"] for check in functions[work.broken]["checks"]} - {""}
    hint = next(
        m.hint for m in load_course(course, [work.broken]).topics[work.broken].mistakes if m.name == work.mistake
    )
    assert diagnoses == {work.mistake}
    assert hint in section(printed, work.broken)


@pytest.mark.parametrize(("kind", "framework"), FORMS)
def test_what_a_student_types_has_full_marks_in_every_form(kind, framework, generated, checked, graded, tmp_path):
    handout = generated(tmp_path / "handout", "optimizers", kind, framework)
    filled_in(handout / f"optimizers.{kind}", BY_HAND)
    assert checked(handout)[0] == 0
    code, _, words, _ = graded(handout, "optimizers", framework, "process")
    assert code == 0 and list(words) == list(BY_HAND) and full(words)


@pytest.mark.docker
@pytest.mark.parametrize(("kind", "framework"), FORMS)
def test_what_a_student_types_has_full_marks_in_a_container(kind, framework, generated, graded, tmp_path):
    make("docker", framework).close()
    handout = generated(tmp_path / "handout", "optimizers", kind, framework)
    filled_in(handout / f"optimizers.{kind}", BY_HAND)
    code, printed, words, _ = graded(handout, "optimizers", framework, "docker")
    assert code == 0 and full(words) and ", docker sandbox\n" in printed
