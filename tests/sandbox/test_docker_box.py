"""What a container must not be able to do, asked from inside; and what the backend leaves behind: nothing."""

from __future__ import annotations

import errno
import platform
import time

import pytest

from sandbox.base import Limits, Sandbox, SandboxUnavailable
from sandbox.docker import DEADLINE_LABEL, RUN_LABEL, DockerSandbox, container_options, reap
from sandbox.engine import connect, image_id, left_out, probe_docker
from tests.sandbox.conftest import LIMITS, STUDENT, Client, one_module

pytestmark = pytest.mark.docker

IO_URING_SETUP = 425  # the same number on every architecture
UNSHARE = {"x86_64": 272, "aarch64": 97}[platform.machine()]
PTRACE = {"x86_64": 101, "aarch64": 117}[platform.machine()]
KEYCTL = {"x86_64": 250, "aarch64": 219}[platform.machine()]


def test_the_process_has_no_privileges(docker_box: Client) -> None:
    status = docker_box.value("status")
    assert isinstance(status, dict)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65534"] * 4


def test_there_is_no_network(docker_box: Client) -> None:
    assert docker_box.value("interfaces") == ["lo"]
    assert docker_box.value("connect", host="127.0.0.1", port=2375) == "ConnectionRefusedError"
    assert docker_box.value("connect", host="192.0.2.1", port=80) == "OSError"


def test_sockets_to_the_hypervisor_are_refused(docker_box: Client) -> None:
    assert docker_box.value("vsock") == errno.EPERM


@pytest.mark.parametrize("number", [IO_URING_SETUP, UNSHARE, PTRACE, KEYCTL])
def test_system_calls_that_no_course_needs_are_refused(docker_box: Client, number: int) -> None:
    assert docker_box.value("system_call", number=number) == [-1, errno.EPERM]


def test_the_root_is_read_only_and_tmp_is_small(docker_box: Client) -> None:
    assert docker_box.value("write_file", path="/usr/x", size=1) == "Read-only file system"
    assert docker_box.value("write_file", path="/dev/shm/x", size=1) is not None
    assert docker_box.value("write_file", path="/tmp/x", size=1) == "written"
    assert docker_box.value("write_file", path="/tmp/x", size=100) in ("No space left on device", "File too large")


def test_there_is_no_other_place_to_write_to(docker_box: Client) -> None:
    assert docker_box.value("writable_folders") == ["/dev/mqueue", "/tmp"]


def test_no_file_of_the_host_is_there(docker_box: Client) -> None:
    for path in ("/work", "/var/run/docker.sock", __file__, "/.dockerenv/secret", "/home/student"):
        assert docker_box.value("exists", path=path) is False


def test_processes_are_counted(docker_box: Client) -> None:
    assert docker_box.value("control_groups") == {"pids": str(LIMITS.processes)}


def test_the_environment_is_explicit(docker_box: Client) -> None:
    got = docker_box.value("environment")
    assert isinstance(got, dict)
    thread_counts = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    of_official_images = {"LANG", "GPG_KEY", "PYTHON_VERSION", "PYTHON_SHA256"}
    ours = {"PATH", "HOSTNAME", "HOME", "PYTHONHASHSEED", "LC_CTYPE"} | thread_counts
    of_podman = {"TERM", "container"}
    assert set(got) <= ours | of_official_images | of_podman
    assert got["HOSTNAME"] == "sandbox" and got["HOME"] == "/tmp"


def test_cpu_time_is_read_from_the_control_group(docker_box: Client) -> None:
    docker_box.works()
    before = docker_box.session.cpu_seconds()
    docker_box.value("work", n=3_000_000)
    after = docker_box.session.cpu_seconds()
    docker_box.session.close()
    assert 0 < before < after <= docker_box.session.cpu_seconds()


def test_every_option_is_on_every_container() -> None:
    options = container_options("torch", Limits.for_framework("torch"), "run")
    assert options["network_mode"] == options["ipc_mode"] == "none"
    assert options["read_only"] and options["init"] and not options["tty"] and not options["auto_remove"]
    assert options["cap_drop"] == ["ALL"] and "cap_add" not in options and "privileged" not in options
    assert options["mem_limit"] == options["memswap_limit"] == 3 << 30 and options["pids_limit"] == 128
    assert options["security_opt"][0] == "no-new-privileges:true"
    assert options["security_opt"][1].startswith("seccomp={")
    assert not {"volumes", "mounts", "devices", "ports", "links", "volumes_from"} & set(options)


@pytest.mark.parametrize("option", ["mem_limit", "pids_limit", "nano_cpus", "read_only", "network_mode", "runtime"])
def test_an_engine_that_leaves_an_option_out_is_not_used(docker: Sandbox, option: str) -> None:
    client = connect()
    options = {"network_mode": "none", "read_only": True, "mem_limit": 64 << 20, "pids_limit": 8, "nano_cpus": 10**9}
    made = client.containers.create(image_id(client, "numpy"), "true", **options)
    try:
        assert left_out(made, options) == []
        assert left_out(made, options | {option: "something else"}) == [option]
    finally:
        made.remove(force=True)
        client.close()


def test_sessions_leave_no_container_behind(docker: Sandbox) -> None:
    sandbox = DockerSandbox("numpy")
    closed = Client(sandbox.open(one_module(STUDENT), LIMITS))
    flooding = Client(sandbox.open(one_module(STUDENT), LIMITS))
    assert closed.works() and flooding.works()
    closed.session.close()
    run = sandbox._run
    flooding.session._box._stream.close()  # type: ignore[attr-defined]
    sandbox.close()
    client = connect()
    try:
        assert client.containers.list(all=True, ignore_removed=True, filters={"label": f"{RUN_LABEL}={run}"}) == []
    finally:
        flooding.session.close()
        client.close()


def test_containers_past_their_deadline_are_reaped_and_others_are_not(docker: Sandbox) -> None:
    client = connect()
    try:
        image = image_id(client, "numpy")
        made = [
            client.containers.create(image, "true", network_mode="none", labels={DEADLINE_LABEL: str(deadline)})
            for deadline in (int(time.time()) - 10, int(time.time()) + 600)
        ]
        reap(client)
        left = {container.id for container in client.containers.list(all=True, ignore_removed=True)}
        made[1].remove(force=True)
        assert made[0].id not in left and made[1].id in left
    finally:
        client.close()


def test_a_missing_image_is_one_line_that_says_what_to_do(docker: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.engine.REPOSITORY", "kernel-grader-no-such")
    with pytest.raises(SandboxUnavailable, match=r"^no sandbox image kernel-grader-no-such:torch: run `grader sandbox"):
        DockerSandbox("torch")


def test_the_probe_tells_what_the_engine_is(docker: Sandbox) -> None:
    facts = probe_docker()
    assert facts.problem == "" and facts.version and facts.seccomp
    assert facts.cgroup_version in ("1", "2")
    assert facts.images["kernel-grader-sandbox:numpy"].startswith("sha256:")
