"""From a class to a learning platform: of each student what counts, under the roster's id."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.batch.conftest import GOOD, ROOT, WRONG, batch

ROSTER = "id,name,email,submission\n17,Ada,ada@x.org,ada*\n18,Ben,ben@x.org,ben\n19,Eve,eve@x.org,eve.zip\n20,Flo,,\n"


@pytest.fixture
def graded(klass: Path) -> Path:
    """Grade a class in which Ada handed in twice, the better one first, and Eve something that cannot be read."""
    for name, source in {"ada": GOOD, "ada-2": WRONG}.items():
        (klass / name).mkdir(exist_ok=True)
        (klass / name / "hw.py").write_text(source)
    (klass.parent / "roster.csv").write_text(ROSTER)
    done = batch(klass, "--roster", klass.parent / "roster.csv", "--best-of")
    assert "1 on the roster handed in nothing: 20." in done.stdout, done.stderr
    assert "2 of nobody on the roster:" in done.stdout
    return klass.parent / "out"


def export(results: Path, *options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader", "export", str(results), *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_what_counts_goes_to_the_platform_under_the_students_id(graded):
    done = export(graded, "--to", "moodle,csv")
    assert done.returncode == 0, done.stderr
    assert "without results, and left out: 19, 20" in done.stderr
    with (graded / "moodle" / "moodle.csv").open(newline="") as file:
        _, *rows = csv.reader(file)
    assert [(who, grade) for who, grade, _ in rows[:2]] == [("17", "5.00"), ("18", rows[1][1])]
    assert [row[0] for row in rows] == ["17", "18", "cleo", "dan"]
    assert float(rows[1][1]) < 5


def test_a_platform_that_knows_students_by_address_gets_addresses(graded):
    assert export(graded, "--to", "moodle", "--identity", "email").returncode == 0
    with (graded / "moodle" / "moodle.csv").open(newline="") as file:
        _, *rows = csv.reader(file)
    assert [row[0] for row in rows[:2]] == ["ada@x.org", "ben@x.org"]


@pytest.mark.parametrize("content", ["{}", "no json", '{"schema": "x", "title": "", "functions": [], "entries": []}'])
def test_a_gradebook_that_is_none_is_said_in_one_line(tmp_path, content):
    (tmp_path / "gradebook.json").write_text(content)
    done = export(tmp_path, "--to", "csv")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "gradebook.json" in done.stderr
