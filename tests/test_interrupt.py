"""Ctrl-C and its like at any moment: no container, no process, no folder and no half-written file is left."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from grader.interrupt import SIGNALS, interruptible
from sandbox.base import SandboxUnavailable
from sandbox.engine import engine
from sandbox.leftovers import FOLDER_PREFIX, OWNER_LABEL, left_folders
from sandbox.process import ProcessBox
from sandbox.select import choose

ROOT = Path(__file__).parent.parent
BACKENDS = ["process", pytest.param("docker", marks=pytest.mark.docker)]
# From the first imports, through the start of the box and the calls, to the writing of the reports.
MOMENTS = [0.15, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3]


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    (tmp_path / "hw.py").write_text(
        "import subprocess, sys\n"
        "def softmax(z):\n"
        "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "    while True: pass\n"
        "def relu(z):\n"
        "    return z * (z > 0)\n"
    )
    return tmp_path / "hw.py"


@contextmanager
def grading(submission: Path, backend: str, out: Path, only: str = "softmax") -> Iterator[subprocess.Popen[str]]:
    try:
        choose(backend, "numpy").close()  # type: ignore[arg-type]
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "grader", "run", str(submission), "--sandbox", backend, "--only", only]
    process = subprocess.Popen(
        [*command, "--out", str(out)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def running(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def hung(process: subprocess.Popen[str], backend: str) -> list[psutil.Process]:
    """Wait until the call hangs, and return what runs: on this machine the worker, its child, and what that started."""
    end = time.monotonic() + 20
    while len(running(process)) < 3 and not containers(process.pid, backend) and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1.0 if backend == "docker" else 0.0)
    children = running(process)
    assert len(children) >= 3 or containers(process.pid, backend)
    return children


def containers(pid: int, backend: str) -> list[str]:
    if backend != "docker":
        return []
    with engine() as client:
        ours = client.containers.list(all=True, ignore_removed=True, filters={"label": OWNER_LABEL})
        return [str(c.id) for c in ours if c.labels[OWNER_LABEL].split(" ")[-2] == str(pid)]


def nothing_is_left(process: subprocess.Popen[str], children: list[psutil.Process], backend: str, out: Path) -> None:
    assert containers(process.pid, backend) == []
    assert [child for child in psutil.wait_procs(children, timeout=5)[1] if child.status() != "zombie"] == []
    assert not [folder for folder in left_folders() if folder.name.startswith(f"{FOLDER_PREFIX}{process.pid}-")]
    assert not out.exists() or not [file for file in out.iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupted_call_leaves_nothing(hanging: Path, backend: str) -> None:
    out = hanging.parent / "out"
    with grading(hanging, backend, out) as process:
        children = hung(process, backend)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors.splitlines()[-1]) == (3, "grader: interrupted; nothing was graded.")
        assert not out.exists()
        nothing_is_left(process, children, backend, out)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interruption_at_any_moment_leaves_nothing(
    tmp_path: Path, backend: str, number: signal.Signals, moment: float
) -> None:
    out = tmp_path / "out"
    with grading(ROOT / "examples" / "good_numpy", backend, out, "softmax,conv2d") as process:
        time.sleep(moment)
        children = running(process)
        process.send_signal(number)
        time.sleep(0.01)
        process.send_signal(number)  # people press it twice
        _, errors = process.communicate(timeout=30)
        # Before Python has come to our first line, the signal ends it in the system's own way.
        assert process.returncode in (0, 3, -number, 1 if "KeyboardInterrupt" in errors else 3)
        assert (out / "results.json").exists() == (process.returncode == 0)
        nothing_is_left(process, children, backend, out)


@pytest.mark.docker
def test_a_killed_grader_leaves_nothing_for_long(hanging: Path) -> None:
    with grading(hanging, "docker", hanging.parent / "out") as process:
        hung(process, "docker")
        process.kill()
        process.communicate(timeout=10)
        done = subprocess.run(
            [sys.executable, "-m", "grader", "sandbox", "clean"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert "removed" in done.stdout.splitlines()[0]
        assert containers(process.pid, "docker") == []


def test_a_killed_grader_takes_its_processes_with_it_and_its_folder_is_cleaned_away(hanging: Path) -> None:
    with grading(hanging, "process", hanging.parent / "out") as process:
        children = hung(process, "process")
        process.kill()
        process.communicate(timeout=10)
        assert [child for child in psutil.wait_procs(children, timeout=10)[1] if child.status() != "zombie"] == []
        done = subprocess.run(
            [sys.executable, "-m", "grader", "sandbox", "clean"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert "folder" in done.stdout
        assert not [folder for folder in left_folders() if folder.name.startswith(f"{FOLDER_PREFIX}{process.pid}-")]


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_raises_and_the_second_waits(handlers: None) -> None:
    cleaned = False

    def work() -> None:
        nonlocal cleaned
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            cleaned = True

    with interruptible(), pytest.raises(KeyboardInterrupt):
        work()
    assert cleaned
    os.kill(os.getpid(), signal.SIGTERM)  # nor does one at the very end disturb


def test_a_signal_waits_for_an_import_to_end(handlers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that is broken off can leave a lock behind that a thread would wait for without end."""
    (tmp_path / "long_to_import.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(0.1)\ndone = True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    def work() -> None:
        importlib.import_module("long_to_import")
        time.sleep(5)

    with interruptible(), pytest.raises(KeyboardInterrupt):
        work()
    assert sys.modules.pop("long_to_import").done


def test_an_end_that_was_interrupted_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folder: object) -> None:
        raise KeyboardInterrupt

    box = ProcessBox("numpy", "cpu")
    with monkeypatch.context() as patch:
        patch.setattr("sandbox.process.remove_folder", interrupted)
        with pytest.raises(KeyboardInterrupt):
            box.destroy()
    assert Path(box._folder).exists()
    box.destroy()
    assert not Path(box._folder).exists()


def test_without_a_signal_all_is_as_before(handlers: None) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interruptible():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_ignored_signal_stays_ignored(handlers: None) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible():
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    signal.signal(signal.SIGHUP, before)
