"""An archive is graded like the folder in it."""

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.codec import encode
from grader.collect import CollectError, collect
from grader.pipeline import Request, grade, prepare
from grader.visibility import public
from sandbox.select import choose
from tests.collect.archives import GOOD, SOFTMAX, special, tarred, written, zipped
from tests.collect.submissions import messages, notebook

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "relu.py": "from .lib.helper import half\n\n" + GOOD,
    "lib/helper.py": "def half(x):\n    return x / 2\n",
    "lib/__init__.py": "",
    "old/softmax.py": SOFTMAX + "# old\n",
    "softmax.py": SOFTMAX,
    "hw1.ipynb": notebook("import numpy as np", "def iou(a, b):\n    return np.minimum(a, b)"),
    "bad.py": "def nms(:\n",
    "latin.py": b"# caf\xe9\n",
    "README.md": "mine",
    "data/weights.npy": bytes(3000),
    "data/images.zip": "no zip",
    ".git/config": "",
    ".ipynb_checkpoints/hw1-checkpoint.py": SOFTMAX,
    "__pycache__/relu.cpython-311.pyc": b"\0",
    "__pycache__/relu.py": GOOD,
    "env/pyvenv.cfg": "",
    "env/lib/numpy.py": "def iou(): ...",
    "deep/" * 25 + "x.py": GOOD,
}
WANTED = ["relu", "softmax", "iou", "nms", "gelu"]
MAC = {"__MACOSX/._hw1": b"\0", "__MACOSX/hw1/._relu.py": b"\0\5\x16\7", ".DS_Store": b"\0"}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "hw1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path / "hw1"


@pytest.mark.parametrize("name", ["alice.zip", "alice.tar", "alice.tar.gz", "alice.tgz", "ALICE.TAR.GZ"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_an_archive_holds_what_the_folder_holds(folder, tmp_path, name, wrapped):
    files = {f"hw1/{file}" if wrapped else file: content for file, content in reversed(FILES.items())}
    data = zipped(MAC | files) if name.endswith("zip") else tarred(MAC | files)
    there = collect(written(tmp_path, name if name[0] == "a" else name.lower(), data), WANTED)
    assert there.name == "alice"
    here = collect(folder, WANTED)
    if not wrapped:  # the folder's name is not in the archive
        here, there = replace(here, modules=()), replace(there, modules=(), definitions=here.definitions)
    assert replace(there, name=here.name) == here
    assert set(here.definitions) == {"relu", "softmax", "iou"}
    assert "data/images.zip is an archive and was not opened: hand in what is in it" in messages(here)


def test_what_the_systems_own_tools_make_is_read(folder, tmp_path):
    link = folder / "link.py"
    link.symlink_to("softmax.py")
    here = collect(folder, WANTED)
    subprocess.run(["tar", "-czf", tmp_path / "a.tar.gz", "-C", tmp_path, "hw1"], check=True)
    subprocess.run(["tar", "-cf", tmp_path / "b.tar", "-C", folder, "."], check=True)
    assert replace(collect(tmp_path / "a.tar.gz", WANTED), name="hw1") == here
    assert collect(tmp_path / "b.tar", WANTED).files == here.files
    link.unlink()  # the next tool would write what it points to
    subprocess.run([sys.executable, "-m", "zipfile", "-c", tmp_path / "c.zip", folder], check=True)
    assert collect(tmp_path / "c.zip", WANTED).sha256 == here.sha256


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_the_same_submission_gets_the_same_results(tmp_path, kind):
    files = {
        "hw1/layers.py": "from helper import half\n\ndef relu(z):\n    return half(z) * 2\n",
        "hw1/helper.py": "def half(x):\n    return x / 2\n",
        "hw1/broken.py": "def softmax(z:\n",
        "hw1/data.tar": "",
    }
    (tmp_path / "hw1").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    archive = written(tmp_path, f"bob.{kind}", zipped(files) if kind == "zip" else tarred(files))
    results = []
    for path in (tmp_path / "hw1", archive):
        sandbox = choose("process", "numpy")
        try:
            report = grade(prepare(Request(path, ROOT, functions=("relu", "softmax"), secret="s:0")), sandbox)
        finally:
            sandbox.close()
        result = json.loads(encode(public(report, datetime.now(UTC))))
        names = [result["submission"].pop("name"), result.pop("started"), result.pop("duration_s")]
        results.append(result)
        assert names[0] == path.name.partition(".")[0]
    assert results[0] == results[1]
    assert results[0]["submission"]["problems"] and results[0]["functions"]


@pytest.mark.parametrize("make", [zipped, tarred])
def test_an_archive_without_code_says_so(tmp_path, make):
    suffix = "zip" if make is zipped else "tar"
    with pytest.raises(CollectError, match=r"holds no [.]py file and no notebook"):
        collect(written(tmp_path, f"a.{suffix}", make({"README.md": "x"})), WANTED)
    with pytest.raises(CollectError, match=r"nothing in .* can be graded: hw1\.zip is an archive and was not opened"):
        collect(written(tmp_path, f"b.{suffix}", make({"hw1.zip": zipped({"hw.py": GOOD})})), WANTED)
    with pytest.raises(CollectError, match=r"holds no [.]py file"):
        collect(written(tmp_path, f"c.{suffix}", make({})), WANTED)


def test_only_one_folder_is_unwrapped(tmp_path):
    assert collect(written(tmp_path, "a.zip", zipped({"a/b/hw.py": GOOD})), ["relu"]).files == ("b/hw.py",)
    two = zipped({"a/hw.py": GOOD, "b/x.txt": ""})
    assert collect(written(tmp_path, "b.zip", two), ["relu"]).files == ("a/hw.py",)
    beside = zipped({"a/hw.py": GOOD, "notes.txt": "", "a/": b""})
    assert collect(written(tmp_path, "c.zip", beside), ["relu"]).files == ("a/hw.py",)
    alone = collect(written(tmp_path, "d.zip", zipped({"hw.py": GOOD})), ["relu"])
    assert alone.files == ("hw.py",) and alone.definitions["relu"].module == "hw"


def test_the_content_decides_what_kind_of_archive_it_is(tmp_path):
    files = {"hw.py": GOOD}
    for name, data in [("a.zip", tarred(files)), ("b.tar.gz", zipped(files)), ("c.tar", zipped(files))]:
        (tmp_path / name).write_bytes(data)
        assert collect(tmp_path / name, ["relu"]).files == ("hw.py",)
    (tmp_path / "d.tar.gz").write_bytes(tarred(files))  # a browser has unpacked the outer half
    assert collect(tmp_path / "d.tar.gz", ["relu"]).files == ("hw.py",)


def test_a_folder_named_like_an_archive_is_a_folder(tmp_path):
    (tmp_path / "hw.zip").mkdir()
    (tmp_path / "hw.zip" / "hw.py").write_text(GOOD)
    assert collect(tmp_path / "hw.zip", ["relu"]).name == "hw.zip"


@pytest.mark.parametrize("name", ["..zip", "....tar.gz", ".zip"])
def test_a_name_of_dots_names_no_other_folder(tmp_path, name):
    assert collect(written(tmp_path, name, tarred({"hw.py": GOOD})), ["relu"]).name == "submission"


def test_links_of_a_tar_are_named_as_those_of_a_folder(tmp_path):
    files = {"hw.py": GOOD, "a.py": special("a.py", tarfile.SYMTYPE, "/etc/passwd")}
    (tmp_path / "hw").mkdir()
    (tmp_path / "hw" / "hw.py").write_text(GOOD)
    os.symlink("/etc/passwd", tmp_path / "hw" / "a.py")
    assert messages(collect(written(tmp_path, "x.tar", tarred(files)), ["relu"])) == messages(
        collect(tmp_path / "hw", ["relu"])
    )
