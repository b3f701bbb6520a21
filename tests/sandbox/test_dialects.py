"""Options of a container in the words of other engines and runtimes: nothing that bounds a box is lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.base import Limits
from sandbox.dialects import gvisor_options, is_podman, podman_options
from sandbox.docker import container_options


@pytest.fixture
def options() -> dict[str, Any]:
    pytest.importorskip("docker")
    return container_options("numpy", Limits.for_framework("numpy"), "run")


def test_an_engine_tells_whether_it_is_podman() -> None:
    assert is_podman({"Components": [{"Name": "Conmon"}, {"Name": "Podman Engine"}]})
    assert not is_podman({"Components": [{"Name": "Engine"}]}) and not is_podman({"Components": None})


def test_podman_is_given_the_profile_as_a_file(options: dict[str, Any]) -> None:
    given = podman_options(options)["security_opt"]
    assert given[0] == options["security_opt"][0] and len(given) == 2
    assert Path(given[1].removeprefix("seccomp=")).read_text().startswith("{")


def test_podman_opens_no_place_to_write_to_but_tmp(options: dict[str, Any]) -> None:
    given = podman_options(options)["tmpfs"]
    assert set(given) == {"/tmp", "/run", "/var/tmp", "/dev/mqueue"}
    assert all(given[path].startswith("ro,noexec,") for path in given if path != "/tmp")
    assert given["/tmp"] == "rw,noexec,nosuid,nodev,size=64m,mode=1777"


def test_podman_gets_every_other_option_as_it_is(options: dict[str, Any]) -> None:
    given = podman_options(options)
    assert {name for name in options if given[name] != options[name]} == {"security_opt", "tmpfs"}
    assert given.keys() == options.keys()


def test_gvisor_bounds_processes_inside_and_its_own_threads_outside(options: dict[str, Any]) -> None:
    given = gvisor_options(options)
    assert {name for name in options if given[name] != options[name]} == {"pids_limit", "ulimits"}
    assert given["ulimits"][:-1] == options["ulimits"]
    processes = given["ulimits"][-1]
    assert (processes.name, processes.soft, processes.hard) == ("nproc", 64, 64)
    assert 64 < given["pids_limit"] <= 1000
