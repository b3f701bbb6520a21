"""Choosing a backend, the fake one, and the words for what is not there."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from sandbox.base import Call, Crashed, Limits, Missing, Raised, Refused, Rng, SandboxUnavailable, TimedOut, Values
from sandbox.engine import probe_docker
from sandbox.fake import FakeSandbox
from sandbox.images import build_images
from sandbox.select import choose, own_code
from tests.sandbox.conftest import make, one_module


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.bubblewrap.shutil.which", lambda name: None)


def test_auto_falls_back_to_process(no_engine: None, no_bubblewrap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert choose("auto", "numpy").name == "process"
    assert own_code() == "process"


def test_auto_does_not_fall_back_to_process_on_a_runner(
    no_engine: None, no_bubblewrap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert own_code() == "auto"
    with pytest.raises(SandboxUnavailable, match="could find the job's tokens"):
        choose("auto", "numpy")
    assert choose("process", "numpy").name == "process"


def test_auto_takes_bubblewrap_before_process(no_engine: None) -> None:
    make("bubblewrap", "numpy").close()  # skips where it does not work
    assert choose("auto", "numpy").name == "bubblewrap"


def test_a_runtime_is_docker_or_nothing(no_engine: None) -> None:
    with pytest.raises(SandboxUnavailable, match="no Docker engine"):
        choose("auto", "numpy", "runsc")
    with pytest.raises(SandboxUnavailable, match="has no runtimes: use --sandbox docker"):
        choose("process", "numpy", "runsc")


@pytest.mark.docker
def test_auto_takes_docker_where_it_works(docker: object) -> None:
    sandbox = choose("auto", "numpy")
    assert sandbox.name == "docker"
    sandbox.close()


def test_docker_without_an_engine_is_one_line_and_quick(no_engine: None) -> None:
    begin = time.process_time()
    with pytest.raises(SandboxUnavailable, match=r"^no Docker engine: .*no.sock does not exist") as caught:
        choose("docker", "numpy")
    assert "\n" not in str(caught.value)
    assert probe_docker().problem == str(caught.value)
    assert time.process_time() - begin < 0.5


def test_images_cannot_be_built_without_an_engine(no_engine: None) -> None:
    with pytest.raises(SandboxUnavailable, match="no Docker engine"):
        list(build_images("python:3.11-slim"))


def test_other_backends_say_what_to_use() -> None:
    with pytest.raises(SandboxUnavailable, match="use "):
        choose("chroot", "numpy")  # type: ignore[arg-type]


def test_every_backend_says_what_it_protects(no_engine: None) -> None:
    assert "not protect" in choose("process", "numpy").guarantees


def test_the_process_sandbox_tells_why_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.process.command", lambda framework, device: ("-I", "-c", "import no_such_library"))
    sandbox = choose("process", "numpy")
    with pytest.raises(SandboxUnavailable, match="No module named 'no_such_library'"):
        sandbox.open(one_module(""), Limits())
    sandbox.close()


def test_the_fake_answers_from_its_table() -> None:
    table = {
        "double": lambda x: x * 2,
        "draw": lambda rng: rng.random(),
        "slow": TimedOut(1.0),
        "bad": ValueError("no"),
        "odd": lambda: {1, 2},
        "scalar": lambda: np.float32(2),
    }
    session = FakeSandbox(table).open(one_module(""), Limits())

    def call(name: str, **arguments: object) -> object:
        return session.call(Call("g", "hw", name, arguments), 1.0)  # type: ignore[arg-type]

    doubled = call("double", x=np.ones(2, np.float32))
    assert isinstance(doubled, Values) and isinstance(doubled.value, np.ndarray)
    assert doubled.value.dtype == np.float32 and doubled.value.tolist() == [2, 2]
    assert call("draw", rng=Rng(1)) == Values(np.random.default_rng(1).random())
    assert call("slow") == TimedOut(1.0)
    assert call("bad") == Raised("ValueError", "no")
    assert isinstance(call("odd"), Refused)
    assert call("absent") == Missing("hw has no function absent")
    scalar = call("scalar")
    assert isinstance(scalar, Values) and isinstance(scalar.value, np.ndarray) and scalar.value.shape == ()
    session.close()
    assert call("double", x=1) == Crashed("the session is closed", box_lost=True)
