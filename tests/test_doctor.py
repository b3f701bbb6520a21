"""The doctor and its canary: what holds is said to hold, what does not is a failure."""

from __future__ import annotations

import re

import numpy as np
import pytest

from grader import doctor
from grader.canary import canary
from grader.doctor import Finding
from sandbox.base import OutOfMemory, SandboxUnavailable, TimedOut
from sandbox.engine import EngineFacts
from sandbox.fake import FakeSandbox
from sandbox.select import choose

HELD = {
    "versions": lambda: ["3.11.2", np.__version__],
    "network": list,
    "write": list,
    "memory": OutOfMemory(1),
    "loop": TimedOut(0.5),
}


class Claiming(FakeSandbox):
    def __init__(self, answers, name="docker"):
        super().__init__(answers)
        self.name = name


def seen(answers, name="docker"):
    return {sighting.what: (sighting.held, sighting.detail) for sighting in canary(Claiming(answers, name), "numpy")}


def test_all_that_is_stopped_is_said_to_hold():
    assert {what: held for what, (held, _) in seen(HELD).items()} == dict.fromkeys(
        ["answer", "network", "write", "memory", "loop"], True
    )


@pytest.mark.parametrize(
    ("what", "answer", "words"),
    [
        ("network", lambda: "sent", "NOT refused: .*sent"),
        ("network", lambda: ["eth0"], "NOT refused: .*eth0"),
        ("write", lambda: ["/etc"], "NOT refused: .*/etc"),
        ("memory", lambda: 134217728.0, "NOT bounded"),
        ("loop", lambda: None, "NOT ended"),
    ],
)
def test_what_gets_through_is_named(what, answer, words):
    held, detail = seen({**HELD, what: answer})[what]
    assert held is False and re.search(words, detail)


def test_an_image_with_another_numpy_is_to_be_built_again():
    held, detail = seen({**HELD, "versions": lambda: ["3.11.2", "1.26.4"]})["answer"]
    assert not held and "build the image again" in detail


def test_of_the_process_backend_no_walls_are_expected():
    got = seen({**HELD, "network": lambda: "sent"}, "process")
    assert got["network"] == (None, "not bounded by this backend") and got["loop"][0] is True


@pytest.mark.parametrize("backend", ["process", pytest.param("docker", marks=pytest.mark.docker)])
def test_the_canary_survives_nowhere(backend):
    try:
        sandbox = choose(backend, "numpy")
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    try:
        held = [sighting.held for sighting in canary(sandbox, "numpy")]
    finally:
        sandbox.close()
    assert held == [True, *([None, None] if backend == "process" else [True, True]), True, True]


def found(monkeypatch, **facts) -> list[Finding]:
    monkeypatch.setattr(doctor, "probe_docker", lambda: EngineFacts(**facts))
    return list(doctor._engine())


def test_old_engines_and_runtimes_are_named(monkeypatch):
    engine, runc = found(monkeypatch, version="19.3.5", seccomp=True, runtimes={"runc": "1.1.5+ds1"})
    assert engine.state == runc.state == "warn"
    assert "older than 20.10" in engine.detail and "CVE-2024-21626" in runc.detail


def test_current_engines_are_fine(monkeypatch):
    findings = found(monkeypatch, version="28.0.1", seccomp=True, runtimes={"runc": "1.2.5", "crun": "0.17"})
    assert [finding.state for finding in findings] == ["ok", "ok", "ok"]


def test_an_engine_without_a_filter_of_system_calls_is_said_to_be_one(monkeypatch):
    (engine,) = found(monkeypatch, version="28.0.1", seccomp=False)
    assert engine.state == "warn" and "seccomp OFF" in engine.detail


def test_leftovers_come_with_the_command_that_removes_them(monkeypatch):
    monkeypatch.setattr(doctor, "left_containers", lambda: 2)
    monkeypatch.setattr(doctor, "left_folders", list)
    (finding,) = doctor._leftovers()
    assert finding.state == "warn"
    assert finding.detail == "2 containers and no folder of graders that were killed: run `grader sandbox clean`"
