"""A real Dask cluster: a scheduler and two worker processes, of which one is killed in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from grader.batch import remote
from grader.batch.cluster import Cluster
from grader.batch.find import HaltedError
from grader.batch.model import Setup
from grader.pipeline import Request
from tests.batch.conftest import GOOD, ROOT, batch, command, records

distributed = pytest.importorskip("distributed")
TIMES = {"seconds", "cpu_seconds", "duration_s", "started", "key"}


@contextmanager
def process(*words: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    with log.open("wb") as file:
        started = subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, stdout=file, stderr=file, env=environment)
    try:
        yield started
    finally:
        children = psutil.Process(started.pid).children(recursive=True) if started.poll() is None else []
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
        for child in psutil.wait_procs(children, timeout=10)[1]:
            child.kill()


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and workers on loopback; yield the address and the worker processes."""
    with ExitStack() as stack:
        file = folder / "scheduler.json"
        words = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        stack.enter_context(process(*words, "--scheduler-file", str(file), log=folder / "scheduler.log"))
        until(file.exists)
        until(lambda: file.read_text().strip().endswith("}"))
        address = json.loads(file.read_text())["address"]
        words = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        yield (
            address,
            [
                stack.enter_context(
                    process(*words, "--local-directory", str(folder), log=folder / f"worker{number}.log")
                )
                for number in range(workers)
            ],
        )


def until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def timeless(value):
    """Leave out what no two gradings share, and nothing else."""
    if isinstance(value, dict):
        return {name: timeless(child) for name, child in value.items() if name not in TIMES}
    return [timeless(child) for child in value] if isinstance(value, list) else value


def contents(out: Path) -> dict[str, object]:
    """Return every file of a batch, but for times: JSON as it is, of the pages only that they are there."""
    return {
        path.relative_to(out).as_posix(): timeless(json.loads(path.read_bytes()))
        if path.suffix == ".json"
        else path.read_bytes()
        if path.suffix == ".csv"
        else None
        for path in out.rglob("*")
        if path.is_file()
    }


def test_a_cluster_gives_the_files_that_this_machine_gives(klass, tmp_path):
    batch(klass, "--jobs", 2)
    shutil.move(tmp_path / "out", tmp_path / "local")
    with cluster(tmp_path) as (address, _):
        done = batch(klass, "--scheduler", address)
        assert done.returncode == 0, done.stderr
        assert "5 graded now" in done.stdout
        assert "0 graded now" in batch(klass, "--scheduler", address).stdout
    assert contents(tmp_path / "out") == contents(tmp_path / "local")


@pytest.mark.parametrize("backend", ["process", pytest.param("docker", marks=pytest.mark.docker)])
def test_a_worker_killed_in_the_middle_costs_nothing(klass, tmp_path, backend):
    for letter in "fghijklm":
        (klass / letter).mkdir()
        (klass / letter / "hw.py").write_text("import time\ntime.sleep(0.5)\n" + GOOD)
    with cluster(tmp_path) as (address, workers):
        words = command(klass, "--scheduler", address, backend=backend)
        running = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with running:
            until(lambda: len(records(klass)) >= 4)
            os.kill(workers[0].pid, signal.SIGKILL)
            said, errors = running.communicate(timeout=120)
        assert running.returncode == 0, errors
    assert "13 submissions: 13 graded now" in said
    assert [record["state"] for record in records(klass).values()].count("graded") == 12


def test_a_worker_with_another_course_ends_the_batch_before_it_begins(klass, tmp_path):
    course = tmp_path / "course"
    for part in ("reference/softmax_classifier", "assignments/softmax_classifier"):
        shutil.copytree(ROOT / part, course / part)
    with cluster(tmp_path, workers=1) as (address, _):
        setup = setup_for(klass, course)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("grader.batch.cluster.course_digest", lambda root: "another course")
            with pytest.raises(
                HaltedError, match=r"the worker tcp://127.0.0.1:\d+ has the course in .* and not another"
            ):
                Cluster(setup, address)
        with distributed.Client(address, set_as_default=False) as client:
            task = remote.Task(setup, {"the engine": "0.0"})
            with pytest.raises(HaltedError, match=r"a worker has the engine .*, and not 0\.0"):
                client.submit(remote.grade, task, None).result()


def setup_for(klass: Path, course: Path) -> Setup:
    return Setup(Request(klass, course, (), ("relu",)), "process", "")


def test_a_scheduler_that_does_not_answer_is_said(klass, monkeypatch):
    monkeypatch.setattr("grader.batch.cluster.CONNECT_S", 1)
    with pytest.raises(HaltedError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1: "):
        Cluster(setup_for(klass, ROOT), "tcp://127.0.0.1:1")


def test_a_cluster_without_workers_is_said(klass, tmp_path, monkeypatch):
    monkeypatch.setattr("grader.batch.cluster.WORKER_S", 1)
    with cluster(tmp_path, workers=0) as (address, _), pytest.raises(HaltedError, match="has no workers: start some"):
        Cluster(setup_for(klass, ROOT), address)


def test_what_is_no_address_is_a_wrong_request(klass):
    done = batch(klass, "--scheduler", "localhost")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "'localhost' is no address such as tcp://HOST:8786" in done.stderr
