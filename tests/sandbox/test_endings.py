"""What is left of a box on this machine after its session, or after its grader was killed: nothing."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.base import Sandbox, TimedOut
from sandbox.processes import descendants, lives, sweep
from tests.sandbox.conftest import Open, make, opener

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no table of processes to look at")

PATIENCE_S = 30.0
STUDENT = """
import os, signal, sys, time

def scatter(token, program):
    # A session of its own, no parents, another folder, no environment.
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            os.execve(sys.executable, [sys.executable, "-I", "-c", program, token], {})
        os._exit(0)
    os.wait()
    time.sleep(0.5)

def hang(token, program):
    scatter(token, program)
    time.sleep(600)

def stop(token, program):
    scatter(token, program)
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(600)
"""
SLEEP = "import time; time.sleep(600)"
FORK_AWAY = "import os, time\nwhile True:\n    time.sleep(0.002)\n    if os.fork(): os._exit(0)"
GRADER = """
import json, sys
from sandbox.select import choose
from tests.sandbox.conftest import LIMITS, Client, one_module

given = json.load(sys.stdin)
sandbox = choose(given["backend"], "numpy")
print("chosen", flush=True)
client = Client(sandbox.open(one_module(given["student"]), LIMITS))
client.call(given["function"], deadline_s=600.0, token=given["token"], program=given["program"])
"""


@pytest.fixture(params=["process", "bubblewrap"])
def local(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    sandbox = make(request.param, "numpy")
    yield sandbox
    sandbox.close()


@pytest.fixture
def start(local: Sandbox) -> Iterator[Open]:
    yield from opener(local)


@pytest.fixture
def token() -> Iterator[str]:
    """A word on the command line of what a test leaves, by which it is found wherever it went."""
    word = secrets.token_hex(16)
    yield word
    for pid in bearing(word):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def grader(local: Sandbox, token: str, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a grader whose submission leaves a daemon and then does what the named function does."""
    started = []

    def begin(function: str) -> subprocess.Popen[str]:
        given = {"backend": local.name, "student": STUDENT, "function": function, "token": token, "program": SLEEP}
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        process = subprocess.Popen(
            [sys.executable, "-c", GRADER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        assert process.stdin is not None and process.stdout is not None
        with process.stdin as stdin, process.stdout as stdout:
            json.dump(given, stdin)
            stdin.close()
            assert stdout.readline() == "chosen\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def running() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and lives(int(entry.name))]


def bearing(token: str) -> list[int]:
    """Return the living processes with the token on their command line."""
    found = []
    for pid in running():
        with contextlib.suppress(OSError):
            if token.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def soon(condition: Callable[[], object]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("function", ["hang", "stop"])
def test_nothing_outlives_a_grader_that_is_killed(
    grader: Callable[[str], subprocess.Popen[str]], local: Sandbox, token: str, function: str
) -> None:
    process = grader(function)
    assert soon(lambda: bearing(token))
    family = [*descendants(process.pid)]
    assert set(bearing(token)) < set(family)
    if function == "stop" and local.name == "process":
        assert soon(lambda: any(_stopped(pid) for pid in family))
    process.kill()
    process.wait()
    assert soon(lambda: not any(map(lives, family)))
    assert not bearing(token)


@pytest.mark.parametrize("pause_s", [0.0, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.03, 0.1])
def test_nothing_outlives_a_grader_that_is_killed_while_a_box_starts(
    grader: Callable[[str], subprocess.Popen[str]], pause_s: float
) -> None:
    process = grader("hang")
    assert soon(lambda: [*descendants(process.pid)])
    time.sleep(pause_s)
    family = {*descendants(process.pid)}
    process.kill()
    process.wait()

    def left() -> list[int]:
        # What was born since then is still of the session that the first of the box has made.
        return [pid for pid in running() if pid in family or _session(pid) in family]

    assert soon(lambda: not left())
    time.sleep(0.2)  # a listing can miss what is born while it is made
    assert not left()


@pytest.mark.parametrize("program", [SLEEP, FORK_AWAY], ids=["sleeping", "forking away"])
def test_a_daemon_without_environment_ends_with_its_call(start: Open, token: str, program: str) -> None:
    client = start(STUDENT)
    assert isinstance(client.call("hang", deadline_s=2.0, token=token, program=program), TimedOut)
    assert not bearing(token)


@pytest.mark.parametrize("program", [SLEEP, FORK_AWAY], ids=["sleeping", "forking away"])
@pytest.mark.parametrize("function", ["hang", "stop"])
def test_a_daemon_without_environment_ends_with_its_session(
    start: Open, token: str, function: str, program: str
) -> None:
    client = start(STUDENT)
    call = threading.Thread(target=client.call, args=(function, 600.0), kwargs={"token": token, "program": program})
    call.start()
    assert soon(lambda: bearing(token))
    client.session.close()
    call.join()
    assert not bearing(token)


def test_a_session_leaves_no_process_and_no_file(
    local: Sandbox, start: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client = start(STUDENT)
    pid = client.session._box._process.pid  # type: ignore[attr-defined]
    family = [pid, *descendants(pid)]
    assert all(map(lives, family))
    assert len([*tmp_path.iterdir()]) == (local.name == "process")
    client.session.close()
    assert not any(map(lives, family))
    assert not [*tmp_path.iterdir()]


def test_a_sweep_looks_again_for_what_its_victims_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    assert soon(lambda: not lives(dead.pid))
    born_since = subprocess.Popen([sys.executable, "-c", SLEEP])
    first = iter([[dead.pid]])
    monkeypatch.setattr("sandbox.processes.descendants", lambda root: next(first, [dead.pid, born_since.pid]))
    assert sweep(os.getpid())
    assert not lives(born_since.pid)
    dead.wait()
    born_since.wait()


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False
