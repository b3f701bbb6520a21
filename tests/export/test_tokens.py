"""On a CI runner: what the job knows and may do is not for the code of a submission."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.select import BY_STRENGTH
from tests.sandbox.conftest import make

ROOT = Path(__file__).parents[2]
TOKEN = "ghs_0123456789-secret-of-the-job"
SPY = """
import glob, os, sys

def one_hot(y, num_classes):
    seen = [f"{name}={value}" for name, value in os.environ.items()]
    if @PROCESSES@:
        for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
            try:
                seen.append(open(path, "rb").read().decode("latin-1"))
            except OSError:
                pass
    said = " ".join(seen)
    words = [word for word in ("ghs_", "GITHUB", "ACTIONS", "TOKEN", "RUNNER_") if word in said]
    try:
        open("@SINK@", "a").write("onehot=forged")
    except OSError as error:
        words.append(type(error).__name__)
    raise ValueError(f"saw {words} of {len(seen) > 5}")
"""


def run(tmp_path, backend, processes):
    sink = tmp_path / "set_output_0"
    sink.write_text("")
    spy = SPY.replace("@SINK@", str(sink)).replace("@PROCESSES@", str(processes))
    (tmp_path / "hw.py").write_text(spy)
    job = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_TOKEN": TOKEN,
        "GH_TOKEN": TOKEN,
        "GITHUB_OUTPUT": str(sink),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "ACTIONS_RUNTIME_TOKEN": TOKEN,
        "RUNNER_TEMP": str(tmp_path),
    }
    command = [sys.executable, "-m", "grader", "run", tmp_path / "hw.py", "--only", "one_hot", "--sandbox", backend]
    command += ["--export", "actions,classroom", "--json", "--out", tmp_path / "out"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | job, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    results = json.loads(done.stdout)
    errors = {check["error"] for check in results["functions"][0]["checks"] if "saw" in check["error"]}
    assert len(errors) == 1, results
    return errors.pop(), sink.read_text()


@pytest.mark.parametrize(
    "backend", [b if b != "docker" else pytest.param(b, marks=pytest.mark.docker) for b in BY_STRENGTH]
)
def test_no_backend_hands_the_jobs_environment_to_student_code(tmp_path, backend):
    make(backend, "numpy").close()
    saw, sink = run(tmp_path, backend, processes=backend != "process")
    if backend == "process":  # there the file can be written by whoever finds it: docs/exports.md says so
        assert "saw [] of True" in saw
    else:
        assert "Error'] of True" in saw and saw.count("'") == 2
        assert sink.startswith("runners=onehot\nonehot=") and "forged" not in sink


def test_auto_does_not_fall_back_to_the_process_sandbox_on_a_runner(tmp_path):
    (tmp_path / "hw.py").write_text("def one_hot(y, num_classes):\n    return y\n")
    environment = os.environ | {
        "DOCKER_HOST": "unix:///nowhere/docker.sock",
        "PATH": str(tmp_path),
        "GITHUB_ACTIONS": "true",
    }
    command = [
        sys.executable,
        "-m",
        "grader",
        "run",
        tmp_path / "hw.py",
        "--only",
        "one_hot",
        "--out",
        tmp_path / "out",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 3
    assert "--sandbox process" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
