"""`grader similar` as staff type it."""

import json
import os
import re
import stat
import subprocess
import sys

import pytest

from tests.similar.conftest import NAMES, ROOT
from tests.similar.disguise import disguise


def similar(folder, *options, **environment):
    command = [sys.executable, "-m", "grader", "similar", str(folder), "--course", str(ROOT), *map(str, options)]
    return subprocess.run(
        command,
        cwd=folder.parent,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **environment},
    )


@pytest.fixture
def klass(tmp_path, versions):
    folder = tmp_path / "class"
    for number, name in enumerate(("ada", "ben", "cleo")):
        (folder / name).mkdir(parents=True)
        (folder / name / "hw.py").write_text("\n\n".join(versions[one][number] for one in NAMES))
    (folder / "dan.py").write_text(disguise((folder / "ben" / "hw.py").read_text(), *NAMES))
    (folder / "eve.zip").write_bytes(b"no zip at all")
    return folder


def test_the_table_and_the_page(klass):
    done = similar(klass)
    assert done.returncode == 0, done.stderr
    assert "A place to look, not a verdict." in done.stdout
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    heading = next(n for n, line in enumerate(lines) if line.startswith("pairs over all functions"))
    assert re.fullmatch(r"ben & dan +6 of 6 +9\d%", lines[heading + 1].strip())
    assert "not read: eve: " in done.stdout
    assert "Page: similar.html" in done.stdout
    page = klass.parent / "similar.html"
    assert "A place to look, not a verdict." in page.read_text("utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_json_is_all_that_stdout_holds_and_always_the_same(klass):
    first, second = (similar(klass, "--json", PYTHONHASHSEED=seed).stdout for seed in ("1", "2"))
    assert first == second
    found = json.loads(first)
    assert found["schema"] == "grader/similar/v1"
    assert (found["pairs"][0]["first"], found["pairs"][0]["second"]) == ("ben", "dan")
    assert found["submissions"] == ["ada", "ben", "cleo", "dan"]
    assert [one["name"] for one in found["refused"]] == ["eve"]
    place = found["functions"][0]["pairs"][0]["first"]["places"][0]
    assert place["location"]["file"] == "hw.py"


def test_functions_pairs_and_place_can_be_chosen(klass):
    done = similar(klass, "--only", "nms", "--top", "1", "--out", "here.html", "--json")
    found = json.loads(done.stdout)
    assert [one["function"] for one in found["functions"]] == ["nms"]
    assert len(found["functions"][0]["pairs"]) == 1
    assert (klass.parent / "here.html").is_file()
    assert not (klass.parent / "similar.html").exists()


def test_hand_ins_of_one_student_of_the_roster_are_no_pair(klass):
    roster = klass.parent / "roster.csv"
    roster.write_text("id,submission\n7,[bd]*n*\n")
    found = json.loads(similar(klass, "--json", "--roster", roster).stdout)
    assert not [pair for pair in found["pairs"] if {pair["first"], pair["second"]} == {"ben", "dan"}]


def test_what_was_handed_out_does_not_count(klass):
    handout = klass.parent / "handout"
    handout.mkdir()
    (handout / "given.py").write_text((klass / "ben" / "hw.py").read_text())
    found = json.loads(similar(klass, "--handout", handout, "--json").stdout)
    assert "ben" not in {pair[side] for pair in found["pairs"] for side in ("first", "second")}


def test_nothing_of_a_reference_is_written(tmp_path, versions):
    folder = tmp_path / "class"
    folder.mkdir()
    for name in ("ada", "ben"):
        (folder / f"{name}.py").write_text("\n\n".join(versions[one][1] for one in NAMES))
    done = similar(folder, "--json")
    assert json.loads(done.stdout)["pairs"]
    written = done.stdout + (tmp_path / "similar.html").read_text("utf-8")
    own = {line.strip() for one in NAMES for line in versions[one][1].splitlines()}
    references = {line.strip() for one in NAMES for line in versions[one][0].splitlines() if len(line) > 30} - own
    assert len(references) > 20
    assert not [line for line in references if line in written]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "nothing"], "No function 'nothing'"),
        (["--handout", "nowhere"], "nowhere does not exist"),
        (["--top", "0"], "--top"),
        (["--roster", "nowhere.csv"], "the roster nowhere.csv"),
    ],
)
def test_a_wrong_request_is_one_line(klass, options, said):
    done = similar(klass, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_there_must_be_two(klass, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "ada.py").write_text("x = 1\n")
    done = similar(tmp_path / "one")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "only one submission" in done.stderr
    assert similar(tmp_path / "nowhere").returncode == 2


def test_a_page_that_cannot_be_written_is_one_line(klass):
    done = similar(klass, "--out", "nowhere/similar.html")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "cannot write nowhere/similar.html" in done.stderr


def test_without_the_extra_one_line_says_what_to_install(klass, tmp_path):
    (tmp_path / "copydetect.py").write_text("raise ModuleNotFoundError('none', name='copydetect')\n")
    done = similar(klass, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "grader: similar needs an extra: pip install 'kernel-grader[similarity]'\n"
