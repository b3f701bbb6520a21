"""A student's grader.toml maps wanted functions to functions of other names, in any file."""

import zipfile

import pytest

from grader.collect import collect
from grader.model import Location
from grader.pipeline import Request, grade, prepare
from sandbox.select import choose
from tests.collect.submissions import loaded, messages, notebook

FILES = {
    "nn/layers.py": "from .tools import shifted\n\n\ndef my_softmax(z):\n    return shifted(z)\n",
    "nn/tools.py": (
        "import numpy as np\n\n\ndef shifted(z):\n    check(z)\n    e = np.exp(z - z.max(-1, keepdims=True))\n"
        "    return e / e.sum(-1, keepdims=True)\n\n\ndef check(z):\n    if np.ndim(z) == 0:\n"
        "        raise ValueError('no axis')\n"
    ),
}
SETTINGS = '[functions]\nsoftmax = "nn/layers.py:my_softmax"\n'


def test_a_function_is_found_under_its_other_name(gather):
    submission = gather(["softmax", "relu"], {**FILES, "grader.toml": SETTINGS, "relu.py": "def relu(x): return x"})
    assert submission.definitions["softmax"].location == Location("nn/layers.py", 4)
    assert submission.definitions["relu"].module == "relu"
    assert submission.definitions["softmax"].module == "nn.layers"
    assert submission.definitions["softmax"].name == "my_softmax"
    assert submission.absent == {}
    assert submission.problems == ()
    assert "grader.toml" in submission.files


def test_what_the_file_says_goes_before_what_is_found_by_name(gather):
    softmax = {"softmax.py": "def softmax(z): return 0 * z"}
    submission = gather(["softmax"], {**FILES, **softmax, "grader.toml": SETTINGS})
    assert submission.definitions["softmax"].location.file == "nn/layers.py"


def test_a_name_in_a_notebook(gather):
    cells = notebook("import numpy as np", "def mine(z):\n    return np.exp(z)")
    settings = '[functions]\nsoftmax = "hw.ipynb:mine"\n'
    submission = gather(["softmax"], {"hw.ipynb": cells, "grader.toml": settings})
    assert submission.definitions["softmax"].location == Location("hw.ipynb", 1, 2)
    assert loaded(submission, "softmax")(0) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('"nn/gone.py:my_softmax"', "there is no such file"),
        ('"nn/layers.py:other"', "defines no such function"),
        ('"../secret.py:my_softmax"', "there is no such file"),
    ],
)
def test_a_place_that_does_not_exist_is_said(gather, line, why):
    submission = gather(["softmax"], {**FILES, "grader.toml": f"[functions]\nsoftmax = {line}\n"})
    assert why in submission.absent["softmax"]
    assert "grader.toml" in submission.absent["softmax"]


@pytest.mark.parametrize(
    "settings",
    [
        "not toml [",
        '[functions]\nsoftmax = "my_softmax"',
        '[functions]\nsoftmax = "a.py:b c"',
        "functions = 3",
        "\0",
        "a = " + "[" * 9000,
    ],
)
def test_a_file_that_is_wrong_costs_a_line_and_nothing_else(gather, settings):
    submission = gather(["softmax"], {"a.py": "def softmax(z): return z", "grader.toml": settings})
    assert submission.definitions["softmax"].module == "a"
    (said,) = messages(submission)
    assert said.startswith("grader.toml") and "\n" not in said


def test_other_settings_and_other_functions_do_not_matter(gather):
    settings = 'assignment = "yolo"\n[functions]\nsoftmax = "a.py:softmax"\nother = "x.py:y"\n'
    submission = gather(["softmax"], {"a.py": "def softmax(z): return z", "grader.toml": settings})
    assert submission.definitions["softmax"].module == "a"
    assert submission.problems == ()


def test_only_the_file_at_the_top_counts(gather):
    submission = gather(["softmax"], {**FILES, "nn/grader.toml": SETTINGS})
    assert submission.absent["softmax"].startswith("softmax is not defined")


def test_an_archive_has_one_too(root):
    path = root / "alice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**FILES, "grader.toml": SETTINGS}.items():
            archive.writestr(f"hw/{name}", text)
    assert collect(path, ["softmax"]).definitions["softmax"].location.file == "nn/layers.py"


def test_the_function_is_graded_under_its_wanted_name(root, request):
    for name, text in {**FILES, "grader.toml": SETTINGS}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    prepared = prepare(Request(root, request.config.rootpath, functions=("softmax",)))
    sandbox = choose("process", "numpy")
    try:
        report = grade(prepared, sandbox)
    finally:
        sandbox.close()
    values = [check for check in report.functions[0].checks if check.kind == "values"]
    assert {check.verdict.value for check in values} == {"pass"}


SHADOWING = """
import numpy as np


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def my_softmax(z):
    return softmax(z)


def my_backward(dout, z):
    p = my_softmax(z)
    return p * (dout - (dout * p).sum(-1, keepdims=True))
"""


@pytest.mark.parametrize("file", ["random.py", "numpy.py", "code/statistics.py", "hw.py"])
def test_a_file_that_is_named_like_an_installed_module_is_the_students_own(root, request, file):
    lines = f'softmax = "{file}:my_softmax"\nsoftmax_backward = "{file}:my_backward"\n'
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text(SHADOWING)
    (root / "grader.toml").write_text(f"[functions]\n{lines}")
    prepared = prepare(Request(root, request.config.rootpath, functions=("softmax",)))
    sandbox = choose("process", "numpy")
    try:
        report = grade(prepared, sandbox)
    finally:
        sandbox.close()
    assert {check.verdict.value for check in report.functions[0].checks} == {"pass"}
