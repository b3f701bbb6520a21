"""docs/authoring.md, followed to the letter: from nothing to a sound topic and a graded submission."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grader.course import CourseError, load_course
from grader.scaffold import new_topic

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "authoring.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    return [shlex.split(line[2:]) for block in blocks("console") for line in block.splitlines()]


def grader(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    assert command[0] == "grader"
    return subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True)


def test_the_page_leads_to_a_sound_topic_and_a_grade(tmp_path):
    new, verify, topics, run = commands()
    (topic,), (assignment,) = blocks("python"), blocks("toml")
    done = grader(new, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "next: fill in mycourse/reference/activations/softplus.py" in done.stdout
    assert "then: grader verify softplus --course mycourse" in done.stdout

    unfinished = grader(verify, tmp_path)
    assert unfinished.returncode == 1
    assert "write the reference of softplus" in unfinished.stdout

    (tmp_path / "mycourse" / "reference" / "activations" / "softplus.py").write_text(topic)
    (tmp_path / "mycourse" / "assignments" / "activations" / "assignment.toml").write_text(assignment)
    proven = grader(verify, tmp_path)
    assert proven.returncode == 0, proven.stdout
    assert "5 mistakes of which 5 are named" in proven.stdout.replace("\n", " ")
    assert "softplus" in grader(topics, tmp_path).stdout

    (tmp_path / "submission.py").write_text(
        "import numpy as np\n"
        "def softplus(x):\n    return np.log(1 + np.exp(-np.abs(x))) + x * (x > 0)\n"
        "def softplus_backward(dout, x):\n    return dout / (1 + np.exp(-np.clip(x, -700, None)))\n"
    )
    graded = grader(run, tmp_path)
    assert graded.returncode == 0, graded.stdout + graded.stderr
    assert "10.00 / 10" in graded.stdout


def test_the_new_file_is_python_and_says_what_is_missing(tmp_path):
    new_topic(tmp_path, "soft_clip", "activations")
    topic = load_course(tmp_path, ["soft_clip"]).topics["soft_clip"]
    assert topic.backward.__name__ == "soft_clip_backward"
    wrong = [mistake.function for mistake in topic.mistakes if not mistake.gradient]
    for place in (topic.forward, topic.torch, *topic.alternates, *wrong):
        with pytest.raises(NotImplementedError, match="write"):
            place(np.ones((2, 3)))


def test_nothing_that_exists_is_changed(tmp_path):
    new_topic(tmp_path, "one", "activations")
    before = (tmp_path / "assignments" / "activations" / "assignment.toml").read_text()
    said = new_topic(tmp_path, "two", "activations")
    assert (tmp_path / "assignments" / "activations" / "assignment.toml").read_text() == before
    assert any("under [points]: two = 10" in line for line in said)
    with pytest.raises(CourseError, match="one is there already"):
        new_topic(tmp_path, "one", "elsewhere")


@pytest.mark.parametrize("name", ["soft-clip", "Softclip", "class", "_hidden", "../up", "a b", ""])
def test_names_are_names(tmp_path, name):
    with pytest.raises(CourseError, match="is no name"):
        new_topic(tmp_path, name, "activations")
    with pytest.raises(CourseError, match="is no name"):
        new_topic(tmp_path, "fine", name)
    assert not list(tmp_path.iterdir())
