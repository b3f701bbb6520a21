"""Which functions are found, where, and what is said about the others."""

import pytest

from grader.collect import CollectError, collect
from grader.model import Definition, Location
from tests.collect.submissions import messages, notebook

SOFTMAX = "def softmax(z):\n    return z\n"


def test_a_folder_gives_every_function_with_its_module_and_line(gather):
    submission = gather(
        ["softmax", "nms", "relu"],
        {
            "hw1.py": "import numpy as np\n\n@np.vectorize\ndef softmax(z):\n    return z\n",
            "yolo/boxes.py": "\ndef nms(b): ...\n",
        },
    )
    assert submission.definitions == {
        "softmax": Definition("softmax", "hw1", Location("hw1.py", 4), 5),
        "nms": Definition("nms", "yolo.boxes", Location("yolo/boxes.py", 2), 2),
    }
    assert submission.absent == {"relu": "relu is not defined"}
    assert submission.files == ("hw1.py", "yolo/boxes.py")
    assert submission.problems == ()
    assert submission.name == "alice"


def test_a_single_file_is_a_submission(root):
    (root / "hw1.py").write_text(SOFTMAX)
    (root / "other.py").write_text("def relu(x): return x")
    submission = collect(root / "hw1.py", ["softmax", "relu"])
    assert submission.name == "hw1"
    assert [m.name for m in submission.modules] == ["hw1"]
    assert submission.modules[0].chunks[0].text == SOFTMAX
    assert list(submission.definitions) == ["softmax"]


def test_the_digest_is_of_names_and_bytes(gather):
    first = gather(["softmax"], {"a.py": SOFTMAX}).sha256
    assert first == gather(["relu"], {"a.py": SOFTMAX}).sha256
    assert first != gather(["softmax"], {"b.py": ""}).sha256
    assert len(first) == 64


@pytest.mark.parametrize("name", ["gone", "hw.rar", "empty", "hw.txt"])
def test_a_wrong_path_is_one_line_that_says_what_to_do(root, name):
    (root / "hw.rar").write_bytes(b"Rar!")
    (root / "hw.txt").write_text("x")
    (root / "empty").mkdir()
    with pytest.raises(CollectError) as error:
        collect(root / name, ["softmax"])
    assert name in str(error.value) and "\n" not in str(error.value)
    assert ".py file" in str(error.value) and ".ipynb" in str(error.value)


def test_a_folder_with_nothing_readable_says_why(gather):
    with pytest.raises(CollectError, match=r"nothing in .*alice can be graded: hw1.py contains NUL bytes"):
        gather(["softmax"], {"hw1.py": b"x\0"})


def test_collecting_executes_nothing(gather, tmp_path):
    marker = tmp_path / "ran"
    code = f"open({str(marker)!r}, 'w')\ndef softmax(z, y=open({str(marker)!r}, 'w')): ...\n"
    conftest = dict.fromkeys(("conftest.py", "sitecustomize.py", "ast.py", "json.py", "hw.py", "__init__.py"), code)
    submission = gather(["softmax"], {**conftest, "nb.ipynb": notebook(code, f"!touch {marker}")})
    assert "softmax" in submission.definitions
    assert not marker.exists()


def test_names_that_hold_a_function_count_and_other_values_do_not(gather):
    submission = gather(
        ["a", "b", "c", "d", "e", "f"],
        {
            "hw.py": "def _a(x): ...\na = _a\nb = lambda x: x\nc = jit(_a)\nd: object = np.exp\n"
            "e = 0.9\nf = [1]\nif True:\n    def inner(): ...\n"
        },
    )
    assert set(submission.definitions) == set("abcd")
    assert submission.absent["e"] == "e is a value in hw.py (line 6), not a function"


def test_a_function_inside_a_branch_counts_but_not_one_of_the_main_guard(gather):
    submission = gather(
        ["softmax", "relu", "nms", "iou"],
        {
            "hw.py": "try:\n    import torch\n    def softmax(z): ...\nexcept ImportError:\n    def softmax(z): ...\n"
            "if torch:\n    def relu(x): ...\nwith x:\n    def nms(b): ...\n"
            "if __name__ == '__main__':\n    def iou(a, b): ...\n"
        },
    )
    assert set(submission.definitions) == {"softmax", "relu", "nms"}
    assert submission.problems == ()


def test_what_is_no_plain_function_is_named(gather):
    submission = gather(
        ["softmax", "nms", "iou"],
        {"hw.py": "async def softmax(z): ...\nclass nms: ...\nclass Boxes:\n    def iou(self): ...\n"},
    )
    assert submission.definitions == {}
    assert submission.absent == {
        "softmax": "softmax is an async function in hw.py (line 1): remove the word async",
        "nms": "nms is a class in hw.py (line 2): make it a function",
        "iou": "iou was found as a method of class Boxes in hw.py (line 4); make it a top-level function",
    }


def test_a_nested_function_is_not_found(gather):
    assert gather(["softmax"], {"hw.py": "def f():\n    def softmax(z): ...\n"}).absent == {
        "softmax": "softmax is not defined"
    }


@pytest.mark.parametrize(
    ("defined", "wanted"),
    [
        ("Softmax", "softmax"),
        ("soft_max", "softmax"),
        ("sofmax", "softmax"),
        ("batchNormForward", "batch_norm_forward"),
    ],
)
def test_did_you_mean(gather, defined, wanted):
    absent = gather([wanted], {"hw1.py": f"x = 1\n\ndef {defined}(z): ...\n"}).absent
    assert absent == {wanted: f"{wanted} is not defined; did you mean {defined} (hw1.py, line 3)?"}


def test_other_wanted_functions_are_not_suggested(gather):
    absent = gather(["softmax", "softmax_"], {"hw1.py": SOFTMAX}).absent
    assert absent == {"softmax_": "softmax_ is not defined"}


def test_a_name_twice_in_a_file_is_said_and_the_last_counts(gather):
    submission = gather(["softmax"], {"hw.py": SOFTMAX + "\n\n" + SOFTMAX})
    assert submission.definitions["softmax"].location.line == 5
    assert messages(submission) == ["softmax is defined in hw.py in line 1 and line 5: the last one counts"]


def test_a_wrapped_function_is_no_duplicate(gather):
    submission = gather(["softmax"], {"hw.py": SOFTMAX + "softmax = jit(softmax)\n"})
    assert submission.definitions["softmax"].location.line == 3
    assert submission.problems == ()


@pytest.mark.parametrize("value", ["0.9", "softmax(3)", "np.mean(x)"])
def test_a_function_that_is_overwritten_by_a_value_is_said(gather, value):
    submission = gather(["softmax"], {"hw.py": SOFTMAX + f"softmax = {value}\n"})
    assert submission.definitions["softmax"].location.line == 1
    assert messages(submission) == [
        "softmax is defined in hw.py in line 1 and given another value in line 3: rename that"
    ]


def test_two_files_are_not_guessed_between(gather):
    submission = gather(["softmax"], {"a.py": "\n\n" + SOFTMAX, "b.py": SOFTMAX.replace("z", "x")})
    assert submission.definitions == {}
    assert submission.absent == {"softmax": "softmax is defined in a.py (line 3) and b.py (line 1): keep one"}


def test_the_same_code_in_two_files_counts_once(gather):
    submission = gather(["softmax"], {"hw.py": SOFTMAX, "old/hw.py": "\n" + SOFTMAX})
    assert submission.definitions["softmax"].location == Location("hw.py", 1)
    assert messages(submission) == [
        "softmax is defined in hw.py (line 1) and old/hw.py (line 2): the one in hw.py counts"
    ]


@pytest.mark.parametrize("body", ["pass", '"""Doc."""', '"""Doc."""\n    raise NotImplementedError("softmax")', "..."])
def test_an_empty_stub_gives_way_to_code(gather, body):
    submission = gather(["softmax"], {"handout/softmax.py": f"def softmax(z):\n    {body}\n", "hw.py": SOFTMAX})
    assert submission.definitions["softmax"].module == "hw"


def test_the_file_named_like_the_function_counts(gather):
    files = {"softmax.py": SOFTMAX, "scratch.py": SOFTMAX.replace("z", "x")}
    assert gather(["softmax"], files).definitions["softmax"].module == "softmax"


def test_the_file_with_most_of_the_functions_counts(gather):
    files = {"scratch.py": "def softmax(x): return 0\n", "hw1.py": SOFTMAX + "def relu(x): return x\n"}
    assert gather(["softmax", "relu", "nms"], files).definitions["softmax"].module == "hw1"


def test_two_complete_files_are_not_guessed_between(gather):
    files = {
        "hw1.py": SOFTMAX + "def relu(x): return x\n",
        "hw1_final.py": "def softmax(z): return 1\ndef relu(x): return 1\n",
    }
    assert set(gather(["softmax", "relu"], files).absent) == {"softmax", "relu"}


def test_a_notebook_and_a_file_are_two_files(gather):
    files = {"hw1.py": SOFTMAX, "hw1.ipynb": notebook("x = 1", "def softmax(z): return 2")}
    assert gather(["softmax"], files).absent == {
        "softmax": "softmax is defined in hw1.ipynb (cell 2) and hw1.py (line 1): keep one"
    }


def test_a_syntax_error_costs_its_file_only(gather):
    submission = gather(
        ["softmax", "relu", "nms"],
        {"hw1.py": "x = 1\ndef softmax(z:\n    return z\n", "hw2.py": "def relu(x): return x"},
    )
    assert set(submission.definitions) == {"relu"}
    assert submission.absent["softmax"] == "hw1.py has a syntax error in line 2, so softmax could not be loaded"
    assert submission.absent["nms"] == "nms is not defined"
    assert messages(submission) == ["hw1.py, line 2: invalid syntax"] or "hw1.py, line 2: " in messages(submission)[0]
    assert submission.problems[0].location == Location("hw1.py", 2)


def test_errors_that_only_the_compiler_sees_are_found(gather):
    assert messages(gather([], {"hw1.py": "x = 1\nreturn x\n"})) == ["hw1.py, line 2: 'return' outside function"]


def test_many_problems_are_cut(gather):
    submission = gather([], {f"f{n}.py": "1 +" for n in range(150)})
    assert len(submission.problems) == 101
    assert messages(submission)[-1] == "and 50 more problems like these"
