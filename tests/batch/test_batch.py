"""`grader batch` as course staff use it: a class graded, gone on with, changed and interrupted."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from grader.batch.find import BatchError, find, parcel
from grader.codec import decode
from tests.batch.conftest import GOOD, ROOT, WRONG, batch, command, records

SLOW = "import time\ntime.sleep(1)\n" + GOOD


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder.parent / "out" / "gradebook.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def stamps(folder: Path) -> dict[str, int]:
    return {p.parent.name: p.stat().st_mtime_ns for p in (folder.parent / "out").glob("*/record.json")}


def until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def test_a_class_is_graded_whatever_was_handed_in(klass):
    done = batch(klass, "--jobs", 2)
    assert done.returncode == 0, done.stderr
    assert "5 submissions: 5 graded now, 0 known from before." in done.stdout
    assert "1 could not be read:" in done.stdout
    assert "Left alone, since they are no submissions: readme.txt." in done.stdout
    graded = {row["student"]: (row["state"], row["points"], row["relu"]) for row in rows(klass)}
    assert graded["ada"] == graded["cleo"] == graded["dan"] == ("graded", "5.00", "5.00")
    assert graded["ben"][0] == "graded" and float(graded["ben"][1]) < 5
    assert graded["eve"] == ("refused", "", "")
    assert "eve.zip" in next(row["note"] for row in rows(klass) if row["student"] == "eve")
    out = klass.parent / "out"
    assert not any(path.name.startswith(".") for path in out.rglob("*"))
    for name in ("ada", "ben", "cleo", "dan"):
        report = decode((out / name / "results.json").read_bytes())
        assert (report.submission.name, report.audience) == (name, "student")
        assert (out / name / "feedback.html").exists() and (out / name / "feedback.md").exists()
        assert (out / name / "staff.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (out / "eve").iterdir()] == ["record.json"]
    for name in ("class.html", "gradebook.csv", "gradebook.json"):
        assert (out / name).stat().st_mode & 0o777 == 0o600
    assert 'ben/feedback.html"' in (out / "class.html").read_text("utf-8")
    assert json.loads((out / "gradebook.json").read_bytes())["functions"] == ["relu"]


def test_a_batch_gives_what_run_gives(klass):
    batch(klass)
    alone = klass.parent / "alone"
    subprocess.run(
        [*command(klass)[:3], "run", klass / "ben", "--only", "relu", "--sandbox", "process", "--out", alone],
        cwd=ROOT,
        capture_output=True,
    )
    of_batch, of_run = (decode((place / "results.json").read_bytes()) for place in (klass.parent / "out/ben", alone))
    assert of_batch.functions == of_run.functions
    assert of_batch.submission == of_run.submission


def test_the_same_command_again_grades_only_what_has_changed(klass):
    batch(klass)
    before = stamps(klass)
    (klass / "ben" / "hw.py").write_text(GOOD)
    (klass / "fay").mkdir()
    (klass / "fay" / "hw.py").write_text(WRONG)
    done = batch(klass)
    assert "6 submissions: 2 graded now, 4 known from before." in done.stdout
    changed = {name for name, stamp in stamps(klass).items() if before.get(name) != stamp}
    assert changed == {"ben", "fay"}
    assert records(klass)["ben"]["hundredths"] == 500


@pytest.mark.parametrize("options", [["--seed", 1], ["--only", "relu,softmax"]])
def test_with_other_options_everything_is_graded_anew(klass, options):
    batch(klass)
    assert "5 graded now" in batch(klass, *options).stdout


def test_what_can_no_longer_be_read_leaves_no_report_behind(klass):
    batch(klass)
    (klass / "ada" / "hw.py").unlink()
    done = batch(klass)
    assert "2 could not be read" in done.stdout
    assert [path.name for path in (klass.parent / "out" / "ada").iterdir()] == ["record.json"]


@pytest.mark.parametrize("backend", ["process", pytest.param("docker", marks=pytest.mark.docker)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_an_end_at_any_moment_loses_only_what_is_in_flight(klass, number, backend):
    for letter in "klmn":
        (klass / letter).mkdir()
        (klass / letter / "hw.py").write_text(SLOW)
    process = subprocess.Popen(
        command(klass, "--jobs", 2, backend=backend),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        until(lambda: len(stamps(klass)) >= 2)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert psutil.wait_procs(children, timeout=20)[1] == []
    if number != signal.SIGKILL:
        assert process.returncode == 3
        assert errors.splitlines()[-1] == "grader: interrupted; what was graded is kept, and the same command goes on."
    kept = stamps(klass)
    done = batch(klass, "--jobs", 2, "--sandbox", backend)
    assert done.returncode == 0, done.stderr
    assert f"{9 - len(kept)} graded now, {len(kept)} known from before" in done.stdout
    assert {name: stamps(klass)[name] for name in kept} == kept
    assert not any(path.name.startswith(".") for path in (klass.parent / "out").rglob("*"))


def test_a_worker_that_dies_is_replaced_and_its_submission_tried_again(klass):
    (klass / "slow").mkdir()
    (klass / "slow" / "hw.py").write_text(SLOW.replace("sleep(1)", "sleep(3)"))
    process = subprocess.Popen(command(klass, "--jobs", 1), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        until(lambda: len(stamps(klass)) == 5)  # slow comes last in the order of names
        time.sleep(0.5)
        (worker,) = [
            child
            for child in psutil.Process(process.pid).children()
            if "multiprocessing.spawn" in " ".join(child.cmdline())
        ]
        os.kill(worker.pid, signal.SIGKILL)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert records(klass)["slow"]["state"] == "graded"


def test_one_hostile_submission_costs_itself_alone(klass):
    (klass / "mallory").mkdir()
    (klass / "mallory" / "hw.py").write_text("import os\nos.kill(os.getppid(), 9)\n" + GOOD)
    (klass / "nobody").symlink_to(klass / "ada")
    done = batch(klass, "--jobs", 1)
    found = records(klass)
    assert found["nobody"]["state"] == "refused" and "link" in found["nobody"]["note"]
    assert [found[name]["hundredths"] for name in ("ada", "cleo", "dan")] == [500, 500, 500], done.stderr
    assert found["mallory"]["hundredths"] != 500


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--only", "nosuch"], 2, "nosuch"),
        (["--late-after", "tomorrow"], 2, "--late-after: 'tomorrow' is no time"),
        (["--roster", "missing.csv"], 2, "the roster missing.csv: No such file"),
        (["--course", "."], 2, "is no course"),
    ],
)
def test_a_wrong_request_is_said_in_one_line(klass, options, code, said):
    course = [] if "--course" not in options else ["--course", str(klass)]
    done = batch(klass, *(course or options))
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert said in done.stderr


def test_a_folder_without_submissions_is_said_in_one_line(tmp_path):
    (tmp_path / "class").mkdir()
    done = batch(tmp_path / "class")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "holds no submission" in done.stderr


def test_without_an_assignment_the_request_is_refused(klass):
    done = subprocess.run(
        [*command(klass)[:5], "--out", klass.parent / "out"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and "give --assignment NAME" in done.stderr


def test_an_engine_that_is_not_there_ends_the_batch_at_once(klass):
    done = batch(klass, "--sandbox", "docker", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.returncode == 3
    assert "/nowhere/docker.sock does not exist" in done.stderr
    assert records(klass) == {}


def test_hand_ins_get_folders_of_their_own(tmp_path):
    for name in ("ada", "bell\x07", "gradebook.csv.py", "x" * 250):
        (tmp_path / name).mkdir()
    for name in ("ada.zip", "ADA.py", "gradebook.json.ipynb", "notes.csv", "late.rar"):
        (tmp_path / name).write_bytes(b"")
    hand_ins, others = find(tmp_path)
    folders = [one.folder for one in hand_ins]
    assert others == ["notes.csv"]
    assert len({folder.casefold() for folder in folders}) == len(folders) == 8
    assert {"ADA", "ada.zip", "late"} <= set(folders)
    assert all(folder.isprintable() and len(folder.encode()) <= 255 for folder in folders)
    assert "gradebook.json" not in folders


def test_a_folder_that_cannot_be_read_is_no_batch(tmp_path):
    with pytest.raises(BatchError, match="cannot be read"):
        find(tmp_path / "nowhere")


def test_a_parcel_is_known_by_its_content_and_name(klass):
    first = {one.folder: parcel(one).sha256 for one in find(klass)[0]}
    assert len(set(first.values())) == len(first)
    os.utime(klass / "ada" / "hw.py", (0, 0))
    (klass / "cleo.zip").write_bytes((klass / "cleo.zip").read_bytes() + b"\n")
    second = {one.folder: parcel(one).sha256 for one in find(klass)[0]}
    assert {name for name in first if first[name] != second[name]} == {"cleo"}
