"""What is read of a hand-in."""

import json
import zipfile

from grader.batch.find import find
from grader.collect import collect
from grader.model import Location
from grader.similar.gather import gather, written
from grader.similar.model import Read, Refused

HELPED = """
import numpy as np

def _spread(x):  # of all
    def inner(y):
        return y.std()

    return inner(x)

def _once(x): return _spread(x) + 1
VALUE = 3

def _unused(x):
    return x

def first(x):
    return _once(x)


if VALUE:
    def second(x):
        return _spread(x) - _once(x)
"""


def texts(version):
    return [passage.text for passage in version.passages]


def test_a_function_brings_its_helpers_each_once(tmp_path):
    (tmp_path / "hw.py").write_text(HELPED)
    found = written(collect(tmp_path / "hw.py", ["first", "second"]), ["first", "second"])
    first, once, spread = texts(found["first"])
    assert first == "def first(x):\n    return _once(x)"
    assert once == "def _once(x): return _spread(x) + 1"
    assert spread.startswith("def _spread(x):")
    assert spread.endswith("    return inner(x)")
    assert texts(found["second"]) == ["    def second(x):\n        return _spread(x) - _once(x)"]
    assert [passage.location.line for passage in found["first"].passages] == [16, 10, 4]


def test_helpers_come_from_other_files_too(tmp_path):
    (tmp_path / "hw.py").write_text("from tools import tool\n\ndef first(x):\n    return tool(x)\n")
    (tmp_path / "tools.py").write_text("def tool(x):\n    return x + 1\n")
    found = written(collect(tmp_path, ["first"]), ["first"])
    assert [passage.location for passage in found["first"].passages] == [Location("hw.py", 3), Location("tools.py", 1)]


def test_a_wanted_function_is_no_helper(tmp_path):
    (tmp_path / "hw.py").write_text("def first(x):\n    return second(x)\n\ndef second(x):\n    return x\n")
    found = written(collect(tmp_path, ["first", "second"]), ["first", "second"])
    assert [len(version.passages) for version in found.values()] == [1, 1]


def test_a_function_under_another_name(tmp_path):
    (tmp_path / "hw.py").write_text("def mine(x):\n    return x * 2\n\nfirst = mine\n")
    found = written(collect(tmp_path, ["first"]), ["first"])
    assert texts(found["first"]) == ["first = mine", "def mine(x):\n    return x * 2"]


def notebook(*sources):
    cells = [
        {"cell_type": "code", "metadata": {}, "source": one, "outputs": [], "execution_count": None} for one in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_every_kind_of_hand_in_is_read(tmp_path):
    source = "def first(x):\n    return helper(x)\n\ndef helper(x):\n    return x.sum()\n"
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "hw.py").write_text(source)
    with zipfile.ZipFile(tmp_path / "ben.zip", "w") as archive:
        archive.writestr("ben/hw.py", source)
    (tmp_path / "cleo.ipynb").write_text(notebook("%matplotlib inline\nimport numpy", *source.split("\n\n")))
    (tmp_path / "dan.py").write_text(source)
    (tmp_path / "eve.zip").write_bytes(b"no zip at all")
    (tmp_path / "fay").symlink_to(tmp_path / "ada")
    (tmp_path / "gus.py").write_text("def first(x:\n")
    *read, eve, fay, gus = gather(find(tmp_path)[0], ["first"])
    assert [one.name for one in read] == ["ada", "ben", "cleo", "dan"]
    assert {tuple(texts(one.functions["first"])) for one in read} == {
        ("def first(x):\n    return helper(x)", "def helper(x):\n    return x.sum()")
    }
    cells = [passage.location.cell for passage in read[2].functions["first"].passages]
    assert cells == [2, 3]
    assert isinstance(eve, Refused)
    assert eve.name == "eve"
    assert isinstance(fay, Refused)
    assert "link" in fay.reason
    assert gus == Read("gus", {})


def test_what_nobody_foresaw_costs_one_submission(tmp_path, monkeypatch):
    for name in ("ada", "ben"):
        (tmp_path / f"{name}.py").write_text("def first(x):\n    return x\n")

    def broken(taken, wanted):
        raise RuntimeError(f"{taken.name} is odd")

    monkeypatch.setattr("grader.similar.gather.search", broken)
    assert [one.reason for one in gather(find(tmp_path)[0], ["first"])] == [
        "our own fault: RuntimeError: ada is odd",
        "our own fault: RuntimeError: ben is odd",
    ]


def test_hostile_sources_are_bounded(tmp_path):
    (tmp_path / "deep.py").write_text("def first(x):\n    return " + "(" * 90_000 + "x" + ")" * 90_000 + "\n")
    (tmp_path / "long.py").write_text("def first(x):\n" + "    x = x.sum()\n" * 60_000)
    many = "".join(f"def h{n}(x):\n    return h{n + 1}(x)\n" for n in range(3_000))
    (tmp_path / "many.py").write_text("def first(x):\n    return h0(x)\n" + many)
    deep, long, chain = gather(find(tmp_path)[0], ["first"])
    assert deep == Read("deep", {})
    assert len(long.functions["first"].passages[0].text) == 100_000
    assert len(chain.functions["first"].passages) == 21
