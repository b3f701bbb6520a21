"""What goes wrong around a submission: it is said to be our fault, it is never a zero, and a re-run completes."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.errors import APIError

from grader.model import Report
from grader.pipeline import Request, grade, prepare
from sandbox import session
from sandbox.base import Limits, Sandbox, SandboxUnavailable, Session, Source
from sandbox.docker import DockerSandbox
from sandbox.engine import SOCKET, connect, engine, image_id
from sandbox.leftovers import RUN_LABEL
from sandbox.process import ProcessSandbox
from tests.engine_proxy import EngineProxy
from tests.sandbox.conftest import make

# When a connection is refused, the engine's client leaves the socket to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
ROOT = Path(__file__).parent.parent
FUNCTIONS = ("softmax", "relu", "conv2d")


def graded(sandbox: Sandbox, at_half_time: Callable[[], None] = lambda: None) -> Report:
    """Grade three right functions; in the middle of the run something happens."""
    prepared = prepare(Request(ROOT / "examples" / "good_numpy", ROOT, functions=FUNCTIONS))
    happened = False

    def progress(done: int, count: int, function: str) -> None:
        nonlocal happened
        if 2 * done >= count and not happened:
            happened = True
            at_half_time()

    return grade(prepared, sandbox, progress)


def is_complete(report: Report) -> bool:
    return report.outcome == "graded" and report.hundredths == report.max_hundredths


def lost(report: Report) -> list[str]:
    """Return the functions without a grade, once it is certain that no other has lost a point."""
    assert all(f.hundredths in (None, f.max_hundredths) for f in report.functions)
    return [function.name for function in report.functions if function.hundredths is None]


@pytest.fixture
def docker() -> Iterator[DockerSandbox]:
    sandbox = make("docker", "numpy")
    assert isinstance(sandbox, DockerSandbox)
    yield sandbox
    sandbox.close()


@pytest.fixture
def proxy(docker: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineProxy]:
    path = os.environ.get("DOCKER_HOST", f"unix://{SOCKET}").removeprefix("unix://")
    between = EngineProxy(tmp_path / "engine.sock", path)
    monkeypatch.setenv("DOCKER_HOST", between.host)
    yield between
    between.die()


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the host give a silent box up after seconds."""
    monkeypatch.setattr(session, "GRACE_S", 0.5)
    limits = Limits(load_deadline_s=2.0)
    monkeypatch.setattr("grader.pipeline.Limits.for_framework", lambda framework, device="cpu": limits)


def each_container(sandbox: DockerSandbox, what: str) -> int:
    """Do something to all of the sandbox's containers, as another client of the engine would; return to how many."""
    reached = 0
    with engine() as client:
        for container in client.containers.list(ignore_removed=True, filters={"label": f"{RUN_LABEL}={sandbox._run}"}):
            with contextlib.suppress(APIError):  # one that is just ending
                getattr(container, what)(**({"force": True} if what == "remove" else {}))
                reached += 1
    return reached


@pytest.mark.docker
@pytest.mark.parametrize("what", ["kill", "stop", "remove", "pause"])
def test_a_container_that_is_ended_from_outside_costs_nothing(
    docker: DockerSandbox, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    assert is_complete(
        graded(docker, lambda: pytest.fail("nothing ended") if not each_container(docker, what) else None)
    )


@pytest.mark.docker
def test_containers_that_are_killed_again_and_again_are_a_fault(
    docker: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = docker.open

    def open_and_lose(source: Source, limits: Limits) -> Session:
        new = opened(source, limits)
        each_container(docker, "kill")
        return new

    with monkeypatch.context() as patched:

        def from_now_on() -> None:
            patched.setattr(docker, "open", open_and_lose)
            each_container(docker, "kill")

        report = graded(docker, from_now_on)
    assert report.outcome == "partial" and lost(report)
    assert "outside" in report.faults[0] or "did not start" in report.faults[0]
    assert is_complete(graded(docker))


@pytest.mark.docker
def test_an_engine_that_dies_is_a_fault_and_a_rerun_completes(proxy: EngineProxy, docker: DockerSandbox) -> None:
    sandbox = DockerSandbox("numpy")
    report = graded(sandbox, proxy.die)
    sandbox.close()
    assert report.outcome == "partial" and lost(report)
    assert report.faults[0].startswith("the Docker engine does not answer: ")
    assert is_complete(graded(docker))


@pytest.mark.docker
def test_an_engine_that_hangs_is_a_fault_in_bounded_time(proxy: EngineProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    monkeypatch.setattr("sandbox.docker.connect", lambda: connect(timeout_s=2))
    sandbox = DockerSandbox("numpy")
    begin = time.monotonic()
    report = graded(sandbox, proxy.fall_silent)
    proxy.die()
    sandbox.close()
    assert report.outcome == "partial" and lost(report)
    assert report.faults[0].startswith("the Docker engine does not answer: ")
    assert time.monotonic() - begin < 120


@pytest.mark.docker
def test_an_image_without_python_is_one_line(docker: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    with engine() as client:
        client.api.import_image_from_data(archive.getvalue(), repository="kernel-grader-wrong", tag="numpy")
        monkeypatch.setattr("sandbox.engine.REPOSITORY", "kernel-grader-wrong")
        sandbox = DockerSandbox("numpy")
        try:
            report = graded(sandbox)
        finally:
            sandbox.close()
            client.images.remove(image_id(client, "numpy"), force=True)
    assert report.outcome == "fault" and set(lost(report)) == set(FUNCTIONS)
    assert report.faults[0].startswith("Docker cannot start a sandbox") and "python3" in report.faults[0]


@pytest.mark.docker
def test_a_clock_that_jumps_changes_nothing(docker: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    for jump_s in (6 * 3600, -6 * 3600):
        report = graded(docker, lambda jump_s=jump_s: monkeypatch.setattr(time, "time", lambda: real() + jump_s))
        assert is_complete(report)


def test_a_worker_that_is_killed_from_outside_costs_nothing() -> None:
    sandbox = ProcessSandbox()
    started = []
    box_of = sandbox._pool._start
    sandbox._pool._start = lambda *kind: started.append(box_of(*kind)) or started[-1]
    assert is_complete(graded(sandbox, lambda: started[-1]._process.kill()))
    sandbox.close()


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader", "run", "examples/good_numpy", "--only", "softmax", "--sandbox"]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, **more)  # type: ignore[call-overload]


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    out = tmp_path / "out"
    # Python would cut its own compiled files short, and read them ever after.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = run("process", "--out", str(out), preexec_fn=little_room, env=environment)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith(f"grader: cannot write the results to {out}: ")
    assert not (out / "results.json").exists()
    assert not [file for file in out.iterdir() if file.name.startswith(".")]
    assert run("process", "--out", str(out)).returncode == 0
    assert (out / "results.json").exists()


def test_no_room_for_a_box_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    sandbox = ProcessSandbox()
    report = graded(sandbox)
    sandbox.close()
    assert report.outcome == "fault"
    assert report.faults[0] == "the sandbox has no room for its folder: No space left on device"


def test_no_engine_is_one_line_and_no_grade(tmp_path: Path) -> None:
    done = run("docker", "--out", str(tmp_path / "out"), env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_image_is_one_line_and_no_grade(docker: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.engine.REPOSITORY", "kernel-grader-none")
    with pytest.raises(SandboxUnavailable, match="grader sandbox build"):
        DockerSandbox("numpy")
