"""Hostile submissions against the command itself, started in the folder of the submission with a secret to keep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.base import Sandbox
from tests.redteam.runner import COURSE, Yard
from tests.redteam.stories.errors import MARKUP
from tests.redteam.story import HONEST

ROOT = Path(__file__).parents[2]
DEADLINE_S = 300
# Backends whose code may look into the processes of this machine, as their guarantees say.
OPEN = frozenset({"process"})

HUNT = """\
import os
def affine(x):
    for name in os.listdir("/proc"):
        for file in ("environ", "cmdline"):
            try:
                with open(f"/proc/{name}/{file}", "rb") as opened:
                    print(*(part for part in opened.read().split(b"\\0") if b"GRADER_SECRET" in part))
            except OSError:
                pass
    return x
"""
LOST = "import os, signal\ndef affine(x):\n    os.kill(os.getppid(), signal.SIGKILL)\n    os.abort()\n"
LOUD = (
    f"def affine(x):\n    print('\\x1b[2J')\n    raise ValueError({MARKUP!r} + '\\x1b]0;t\\x07\\u202e\\n::error::x')\n"
)
TRAP = "import os\nos._exit(77)\n"
FILES = {"results.json", "staff.json", "feedback.md", "feedback.html"}
TRAPS = ("numpy", "sandbox", "grader", "json", "msgspec", "click", "ast", "sitecustomize", "conftest", "torch")


def command(yard: Yard, backend: Sandbox, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    folder = yard.root / "submission"
    (folder / "hw.py").write_text(source + "\n" + HONEST)
    for name in TRAPS:
        (folder / f"{name}.py").write_text(TRAP)
    chapters = [word for name in ("before", "patient", "after") for word in ("--assignment", name)]
    # -P: as for the installed command, the working directory is no place to import from.
    arguments = [sys.executable, "-P", "-m", "grader", "run", ".", "--course", str(COURSE), *chapters, *options]
    return subprocess.run(
        [*arguments, "--sandbox", backend.name, "--out", str(yard.root / "out")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "GRADER_SECRET": yard.secret(), "TMPDIR": str(yard.root / "boxes")},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def results(yard: Yard) -> dict[str, int]:
    report = json.loads((yard.root / "out" / "results.json").read_bytes())
    assert report["outcome"] == "graded"
    return {function["name"]: function["hundredths"] for function in report["functions"]}


@pytest.mark.parametrize("source", [HUNT, LOST, LOUD], ids=["hunt", "lost", "loud"])
def test_the_command_grades_the_honest_functions_and_stays_what_it_is(
    source: str, backend: Sandbox, yard: Yard
) -> None:
    done = command(yard, backend, source)
    assert done.returncode == 1, done.stderr
    assert results(yard) == {"shift": 1000, "affine": 0, "total": 1000}
    assert "\x1b" not in done.stdout + done.stderr and "\u202e" not in done.stdout
    assert not any(line.startswith("::") for line in done.stdout.splitlines())
    assert list((yard.root / "boxes").iterdir()) == []
    assert {path.name for path in (yard.root / "out").iterdir()} == FILES
    assert {path.name for path in (yard.root / "submission").iterdir()} == {f"{name}.py" for name in (*TRAPS, "hw")}


def test_the_secret_of_the_command_is_in_no_report(backend: Sandbox, yard: Yard) -> None:
    done = command(yard, backend, HUNT, "--json")
    texts = [done.stdout, done.stderr, *(path.read_text() for path in (yard.root / "out").iterdir())]
    shown = any(yard.secret() in text for text in texts)
    assert not shown or backend.name in OPEN
    assert json.loads(done.stdout)["sandbox"]["backend"] == backend.name
