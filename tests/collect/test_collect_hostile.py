"""Source that is made to be slow, large or odd costs its own file, in bounded time, and the rest is graded."""

import json
import time

import pytest

from grader.collect import files, outline, reading
from tests.collect.submissions import loaded, messages, notebook

GOOD = "def relu(x):\n    return x\n"
HANG_S = 120  # far above what any of these takes, far below what they took


def cells(*sources: str) -> str:
    return json.dumps(
        {"nbformat": 4, "cells": [{"cell_type": "code", "source": source} for source in sources], "metadata": {}}
    )


FREE = {
    "a million lines": {"a.py": "\n" * 1_000_000 + "y = 1\n"},
    "many statements": {"a.py": "0\n" * 150_000},
    "ten large files": {f"p{n}.py": "# " + "x" * 1_000_000 for n in range(9)},
    "one long comparison": {"a.py": "x = " + "a<" * 30_000 + "a"},
    "one long string": {"a.py": "x = " + "'a' " * 200_000},
    "one long number": {"a.py": "x = 0x" + "f" * 1_000_000},
    "many decorators": {"a.py": "@a\n" * 50_000 + "def nms(): ..."},
    "form feeds": {"a.py": "\x0c\n\x0cy = 1\r\x0cz = 2\r\n"},
    "blanks before nothing": {"n.ipynb": cells("x\n" + " " * 400_000 + "\ny")},
    "one long line of statements": {"n.ipynb": cells("a=0;" * 9_000)},
}
COSTLY = {
    "blanks before an error": {"n.ipynb": cells(" " * 400_000 + "(")},
    "blanks after help": {"n.ipynb": cells("x?" + " " * 400_000 + "x")},
    "blanks in an assignment": {"n.ipynb": cells("x" + " ," * 200_000 + "(")},
    "nested brackets": {"a.py": "f(" * 190 + "1" + ")" * 189},
    "nested braces": {"a.py": "{a:" * 190},
    "nested format strings": {"a.py": "x = " + "f'{" * 150},
    "nested lambdas": {"a.py": "x = " + "lambda a=(" * 5_000},
    "a long sum": {"a.py": "x = " + "a+" * 300_000 + "a"},
    "a long chain of elif": {"a.py": "if a: pass\n" + "elif a: pass\n" * 50_000},
    "deep indentation": {"a.py": "".join(" " * depth + "if 1:\n" for depth in range(1_000))},
    "a line of tabs": {"a.py": "\t" * 1_000_000 + "x"},
    "continued lines": {"a.py": "\\\n" * 400_000},
    "an open string": {"a.py": '"""' + "a\n" * 400_000},
    "a long coding line": {"a.py": "# coding: " + "x" * 1_000_000},
    "nested metadata": {"n.ipynb": '{"nbformat":4,"metadata":' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}"},
    "imports of everything": {
        "n.ipynb": cells(
            "\n".join(f"from m{n} import *" for n in range(440))
            + "\ndef nms(z):\n    return "
            + "+".join(f"u{n}" for n in range(440))
        )
    },
}


@pytest.mark.parametrize("what", [*FREE, *COSTLY])
def test_hostile_source_costs_its_own_file(gather, what):
    started = time.monotonic()
    submission = gather(["relu", "nms"], {"zgood.py": GOOD, **(FREE | COSTLY)[what]})
    assert "relu" in submission.definitions
    assert len(submission.problems) == (what in COSTLY)
    assert time.monotonic() - started < HANG_S


def test_all_notebooks_together_are_bounded(gather, monkeypatch):
    monkeypatch.setattr(reading, "MAX_CELLS", 5)
    books = {f"{name}.ipynb": notebook("x = 1", f"def {name}(z):\n    return z") for name in ("a", "b", "c")}
    submission = gather(["a", "b", "c"], books)
    assert set(submission.definitions) == {"a", "b"}
    assert messages(submission) == ["c.ipynb is too much: all notebooks together may hold 5 cells and 10 MiB of code"]
    monkeypatch.setattr(reading, "MAX_CELLS", 100)
    monkeypatch.setitem(files.MAX_TOTAL_BYTES, ".py", 60)
    assert set(gather(["a", "b", "c"], {}).definitions) == {"a", "b"}


def test_a_large_source_does_not_keep_the_others_from_the_child():
    large = outline.Text(("#\U0001f600" + "x" * (150 << 20),))
    small = outline.Text(("def relu(): ...",))
    answers = outline.outlines([small, large, small], [])
    assert [answer.names[0].name for answer in (answers[0], answers[2])] == ["relu", "relu"]
    assert answers[1] == outline.CRASHED


def test_a_flood_of_wanted_names_costs_its_file():
    flood = outline.Text(("relu=f\n" * 60_000,))
    long = outline.Text(("class " + "A" * 10_000 + ":\n" + " def relu():0\n" * 200,))
    answers = outline.outlines([flood, long, outline.Text(("def relu(): ...",))], ["relu"])
    assert answers[0].error == "there is more code than the grader reads"
    assert len(answers[1].names) == 200 and {len(name.owner) for name in answers[1].names} == {80}
    assert [name.kind for name in answers[2].names] == ["def"]


def test_statements_that_share_lines_are_taken_apart_in_bytes(gather):
    cell = "é = 'ü'; b = 2; c = '''\nß\n'''; d = é + c; unused = 1\ndef f(z):\n    return d, b"
    submission = gather(["f"], {"n.ipynb": notebook(cell)})
    assert loaded(submission, "f")(0) == ("ü\nß\n", 2)
    assert not any("unused" in chunk.text for chunk in submission.modules[0].chunks)
