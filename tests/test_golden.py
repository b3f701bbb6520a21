"""Whole submissions through every stage: each folder of golden/ is graded, and its grade is compared.

A story is `submission/` (or a single `submission.*`, or the folder of the repository that "path" names) and
`expected.json`: what the story is about, its options, texts that the student must be able to read ("says"), and the
result by function and check. After a deliberate change of the course or of the grading, write the results again with

    python -m tests.test_golden --write [STORY...]

and read the diff line by line: it is what students would gain or lose. "about", "options" and "says" are kept.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from grader.codec import decode, encode
from grader.model import Report
from grader.pipeline import Request, grade, prepare
from grader.visibility import public
from sandbox.base import Limits, SandboxUnavailable
from sandbox.select import choose

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path(__file__).with_name("golden")
STORIES = sorted(path.parent.name for path in GOLDEN.glob("*/expected.json"))
OPTIONS = {"path", "assignment", "only", "framework", "deadline_s", "load_deadline_s"}
SECRET = "golden:0"


def story(name: str) -> dict[str, Any]:
    """Return what is expected of a story."""
    return json.loads((GOLDEN / name / "expected.json").read_text())


def submission(name: str, options: dict[str, Any]) -> Path:
    """Return what is handed in."""
    if "path" in options:
        return ROOT / options["path"]
    return next(iter(sorted((GOLDEN / name).glob("submission*"))))


def course(folder: Path, options: dict[str, Any]) -> Path:
    """Return the course, or one that differs from it in its deadline: waiting for a hang is what costs time here."""
    if "deadline_s" not in options:
        return ROOT
    (folder / "reference").symlink_to(ROOT / "reference", target_is_directory=True)
    for file in (ROOT / "assignments").glob("*/assignment.toml"):
        text, count = re.subn(r"(?m)^deadline_s *=.*$", f"deadline_s = {options['deadline_s']}", file.read_text())
        assert count == 1, f"{file} has no deadline_s"
        copy = folder / "assignments" / file.parent.name / file.name
        copy.parent.mkdir(parents=True)
        copy.write_text(text)
    return folder


def run(name: str, options: dict[str, Any], backend: str, folder: Path) -> Report:
    """Grade a story."""
    framework = options.get("framework", "numpy")
    request = Request(
        submission(name, options),
        course(folder, options),
        tuple(options.get("assignment", ())),
        tuple(options.get("only", ())),
        framework,
        secret=SECRET,
    )
    limits = Limits.for_framework(framework)
    limits = replace(limits, load_deadline_s=options.get("load_deadline_s", limits.load_deadline_s))
    sandbox = choose(backend, framework)
    try:
        with mock.patch.object(Limits, "for_framework", return_value=limits):
            return public(grade(prepare(request), sandbox), datetime.now(UTC))
    finally:
        sandbox.close()


def outcome(report: Report) -> dict[str, Any]:
    """Return the part of a report that is compared, in the form of expected.json."""
    functions = {
        function.name: {
            "hundredths": function.hundredths,
            "checks": {check.id.partition("/")[2]: check.verdict.value for check in function.checks},
        }
        for function in report.functions
    }
    return {"hundredths": report.hundredths, "of": report.max_hundredths, "functions": functions}


def changes(expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    """Return what differs, one line each, as a person reads it."""

    def flat(outcome: dict[str, Any]) -> dict[str, Any]:
        lines = {"total": outcome["hundredths"], "of": outcome["of"]}
        for name, function in outcome["functions"].items():
            lines[name] = function["hundredths"]
            lines |= {f"{name}/{check}": verdict for check, verdict in function["checks"].items()}
        return lines

    before, after = flat(expected), flat(actual)
    names = [*before, *(name for name in after if name not in before)]
    return [f"{n}: {before.get(n)} -> {after.get(n)}" for n in names if before.get(n) != after.get(n)]


def texts(report: Report) -> Iterator[str]:
    """Yield every text of a report that a student reads."""
    for problem in report.submission.problems:
        yield problem.message
    for function in report.functions:
        yield function.note
        for check in function.checks:
            yield from (check.summary, check.hint, check.error, check.printed)
            if check.mismatch:
                yield check.mismatch.summary


@cache
def docker_is_missing(framework: str) -> str:
    """Return why Docker cannot be used, or nothing."""
    try:
        choose("docker", framework).close()  # type: ignore[arg-type]
    except SandboxUnavailable as error:
        return str(error)
    return ""


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def told_apart(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.torch) if story(name)["options"].get("framework") == "torch" else name


@pytest.mark.parametrize("name", [told_apart(name) for name in STORIES])
def test_story(name: str, backend: str, tmp_path: Path) -> None:
    expected = story(name)
    framework = expected["options"].get("framework", "numpy")
    if framework == "torch" and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    if backend == "docker" and (reason := docker_is_missing(framework)):
        if os.environ.get("KERNEL_GRADER_REQUIRE_DOCKER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    report = run(name, expected["options"], backend, tmp_path)
    assert report.faults == ()
    assert report.outcome == "graded"
    assert report.sandbox.backend == backend
    differences = changes(expected, outcome(report))
    assert not differences, "\n".join(differences)
    told = "\n".join(texts(report))
    assert [text for text in expected["says"] if text not in told] == []
    assert_sound(report)


def assert_sound(report: Report) -> None:
    """Whatever is handed in: points add up, hidden cases show nothing of their inputs, no path of ours is named."""
    assert report.hundredths == sum(function.hundredths or 0 for function in report.functions)
    for function in report.functions:
        assert function.hundredths == sum(aspect.hundredths or 0 for aspect in function.aspects)
        assert function.max_hundredths == sum(aspect.max_hundredths for aspect in function.aspects)
        for check in function.checks:
            if not check.visible:
                shown = (check.exhibit, check.error, check.printed, check.mismatch and check.mismatch.difference)
                assert not any(shown), f"the hidden case {check.id} shows {shown}"
    data = encode(report)
    assert decode(data) == report
    assert str(ROOT).encode() not in data
    assert tempfile.gettempdir().encode() + b"/" not in data


def test_every_story_is_whole() -> None:
    folders = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir() and any(path.iterdir()))
    assert folders == STORIES
    for name in STORIES:
        expected = story(name)
        assert expected["about"]
        assert set(expected["options"]) <= OPTIONS
        assert submission(name, expected["options"]).exists()


def command(name: str, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command on a story."""
    handed_in = submission(name, {})
    grader = str(Path(sys.executable).with_name("grader"))
    line = [grader, "run", str(handed_in), "--sandbox", "process", "--out", str(out), *options]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


PERFECT = ("--only", ",".join(story("perfect")["options"]["only"]))


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("perfect", PERFECT, 0),
        ("wrong_axis", ("--only", "softmax"), 1),
        ("wrong_axis", ("--only", "softmax", "--exit-zero"), 0),
        ("all_missing", ("--assignment", "yolo"), 1),
    ],
)
def test_the_command_writes_its_files(name: str, options: tuple[str, ...], code: int, tmp_path: Path) -> None:
    done = command(name, tmp_path / "out", *options)
    assert done.returncode == code, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "feedback.html",
        "feedback.md",
        "results.json",
        "staff.json",
    ]
    assert "Report:" in done.stdout
    assert decode((tmp_path / "out" / "results.json").read_bytes()).submission.name == "submission"


def test_the_command_prints_json_alone(tmp_path: Path) -> None:
    done = command("perfect", tmp_path, "--json", *PERFECT)
    assert done.returncode == 0, done.stderr
    assert decode(done.stdout.encode()).hundredths == story("perfect")["hundredths"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("all_missing", (), "defines no function of the course"),
        ("perfect", ("--assignment", "alchemy"), "alchemy"),
        ("perfect", ("--only", "gold"), "gold"),
    ],
)
def test_a_wrong_request_is_one_line(name: str, options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = command(name, tmp_path / "out", *options)
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("grader: ") and says in line
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def write(names: list[str]) -> None:
    """Write the results of stories as they are now."""
    for name in names:
        expected = story(name)
        with tempfile.TemporaryDirectory() as folder:
            report = run(name, expected["options"], "process", Path(folder))
        if report.outcome != "graded":
            sys.exit(f"{name} is not graded: {report.faults}")
        kept = {key: expected[key] for key in ("about", "options", "says")}
        text = json.dumps(kept | outcome(report), indent=2, ensure_ascii=False)
        (GOLDEN / name / "expected.json").write_text(text + "\n")
        print(f"{name:28} {(report.hundredths or 0) / 100:6.2f} of {report.max_hundredths / 100:6.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--write"]:
        sys.exit(__doc__)
    write(sys.argv[2:] or STORIES)
