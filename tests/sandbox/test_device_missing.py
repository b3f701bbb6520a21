"""Where there is no card, or none any more: one line that says what to do, and never the student's fault."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sandbox.base import Call, Limits, SandboxUnavailable
from sandbox.docker import container_options
from sandbox.engine import image_id, left_out
from sandbox.select import choose
from tests.sandbox.conftest import make, one_module, stand_in

pytestmark = pytest.mark.torch

OPENS_ONCE = """
import os


class StandIn(StandIn):
    def require(self):
        if os.path.exists("opened"):
            raise RuntimeError("all CUDA-capable devices are busy")
        open("opened", "w").close()
        super().require()
"""
STUDENT = "def double(x):\n    return x * 2\n"
LIMITS = Limits.for_framework("torch", "cuda")


def test_without_a_card_the_process_sandbox_says_so() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a card")
    with pytest.raises(SandboxUnavailable, match=r"no GPU in the sandbox: .*use --device cpu"):
        choose("process", "torch", device="cuda")


def test_bubblewrap_has_no_gpu() -> None:
    with pytest.raises(SandboxUnavailable, match="no GPU: use --sandbox docker or --sandbox process"):
        choose("bubblewrap", "torch", device="cuda")


def test_a_card_that_is_lost_is_our_fault() -> None:
    """The first process opens the device, as a box does when it starts; the second cannot any more."""
    with stand_in(OPENS_ONCE):
        sandbox = make("process", "torch", "cuda")
        session = sandbox.open(one_module(STUDENT, "torch"), LIMITS)
        with pytest.raises(SandboxUnavailable, match="the sandbox has lost its GPU: all CUDA-capable devices are busy"):
            session.call(Call("g", "hw", "double", {"x": np.ones(1)}), 20.0)
        sandbox.close()


def test_a_container_asks_for_one_card_only_when_it_is_to_have_one() -> None:
    (asked,) = container_options("torch", LIMITS, "run")["device_requests"]
    assert (asked["Count"], asked["DeviceIDs"], asked["Capabilities"]) == (1, [], [["gpu", "compute", "utility"]])
    assert container_options("torch", Limits.for_framework("torch"), "run")["device_requests"] == []


@pytest.mark.docker
def test_an_engine_without_the_toolkit_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    make("docker", "torch").close()
    monkeypatch.setattr("sandbox.docker.image_id", lambda client, framework, device: image_id(client, framework))
    with pytest.raises(SandboxUnavailable, match="NVIDIA Container Toolkit, or use --device cpu"):
        choose("docker", "torch", device="cuda")


def test_an_engine_that_leaves_the_card_out_is_told_apart() -> None:
    options = {"device_requests": container_options("torch", LIMITS, "run")["device_requests"]}
    without = SimpleNamespace(attrs={"HostConfig": {"DeviceRequests": None}})
    spelled = SimpleNamespace(attrs={"HostConfig": {"DeviceRequests": [{"Count": 1}]}})
    assert left_out(without, options) == ["device_requests"]  # type: ignore[arg-type]
    assert left_out(spelled, options) == []  # type: ignore[arg-type]
