"""What a container must not be able to do, asked from inside; and what the backend leaves behind: nothing."""

from __future__ import annotations

import errno
import platform
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.base import STEADY_MEMORY, Limits, Sandbox, SandboxUnavailable
from sandbox.container import remove
from sandbox.docker import DockerSandbox, container_options
from sandbox.engine import connect, engine, image_id, left_out, probe_docker
from sandbox.leftovers import RUN_LABEL, reap
from tests.sandbox.conftest import LIMITS, STUDENT, Client, one_module

if TYPE_CHECKING:
    from docker.models.containers import Container

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
    assert docker_box.value("writable_folders") == ["/tmp"]


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
    ours = {"PATH", "HOSTNAME", "HOME", "PYTHONHASHSEED", "LC_CTYPE", *STEADY_MEMORY} | thread_counts
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
    assert options["read_only"] and not options["init"] and not options["tty"] and not options["auto_remove"]
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


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("security_opt", ["seccomp=unconfined"], "it can gain privileges, its system calls are not filtered"),
        ("user", "0:0", "it runs as root, it can write to other places than /tmp"),
        ("cap_drop", [], "it has capabilities"),
        ("read_only", False, "its root is writable"),
        ("tmpfs", {"/tmp": "rw,mode=1777", "/run": "rw,mode=1777"}, "it can write to other places than /tmp"),
        ("network_mode", "host", "it has a network"),
        ("mem_limit", 0, "its memory is not limited"),
        ("pids_limit", -1, "its processes are not limited"),
    ],
)
def test_a_container_that_is_weaker_than_asked_for_is_refused(
    docker: Sandbox, monkeypatch: pytest.MonkeyPatch, option: str, value: object, words: str
) -> None:
    def weaker(*given: Any) -> dict[str, Any]:
        swap = {"memswap_limit": 0} if option == "mem_limit" else {}
        return container_options(*given) | {option: value} | swap

    monkeypatch.setattr("sandbox.docker.container_options", weaker)
    sandbox = DockerSandbox("numpy")
    monkeypatch.setattr("sandbox.container.left_out", lambda container, options: [])
    with pytest.raises(SandboxUnavailable, match=f"^the sandbox is not confined: {words};"):
        sandbox.open(one_module(STUDENT), LIMITS)
    sandbox.close()


def test_an_unknown_runtime_is_one_line(docker: Sandbox) -> None:
    sandbox = DockerSandbox("numpy", runtime="no-such-runtime")
    with pytest.raises(SandboxUnavailable, match=r"^Docker cannot start a sandbox: .*no-such-runtime"):
        sandbox.open(one_module(STUDENT), LIMITS)
    sandbox.close()


@pytest.fixture
def containers(docker: Sandbox) -> Iterator[Callable[..., Container]]:
    """Containers that were made and never started."""
    client = connect()
    made: list[Container] = []

    def make(**labels: str) -> Container:
        named = {f"kernel-grader.{name}": value for name, value in labels.items()}
        made.append(client.containers.create(image_id(client, "numpy"), "true", network_mode="none", labels=named))
        return made[-1]

    yield make
    for container in made:
        remove(container)
    client.close()


def test_leftovers_are_removed_and_nothing_else(containers: Callable[..., Container]) -> None:
    late, young = containers(deadline="1"), containers(deadline=str(int(time.time()) + 600))
    with engine() as client:
        reap(client)
        there = {container.id for container in client.containers.list(all=True, ignore_removed=True)}
    assert late.id not in there and young.id in there


def test_a_missing_image_is_one_line_that_says_what_to_do(docker: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.engine.REPOSITORY", "kernel-grader-no-such")
    with pytest.raises(SandboxUnavailable, match=r"^no sandbox image kernel-grader-no-such:torch: run `grader sandbox"):
        DockerSandbox("torch")


def test_the_probe_tells_what_the_engine_is(docker: Sandbox) -> None:
    facts = probe_docker()
    assert facts.problem == "" and facts.version and facts.seccomp
    assert facts.cgroup_version in ("1", "2")
    assert facts.images["kernel-grader-sandbox:numpy"].startswith("sha256:")
