"""What a bubblewrap box must not be able to do, asked from inside; and the words for where there is none."""

from __future__ import annotations

import errno
import os
import platform
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from sandbox import bubblewrap
from sandbox.base import Limits, Sandbox, SandboxUnavailable
from sandbox.bpf import REFUSED
from sandbox.local import ENVIRONMENT, kin
from sandbox.rootfs import DEVICES, root
from tests.sandbox.conftest import LIMITS, STUDENT, Client, make, one_module, opener

QUESTIONS = """

def listing(path):
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        return type(error).__name__

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(65536).decode("utf-8", "replace")
    except OSError as error:
        return type(error).__name__

def mounts():
    with open("/proc/self/mountinfo") as file:
        return {line.split()[4]: line.split()[5].split(",") for line in file}

def fill(path):
    written = 0
    try:
        for part in range(100):
            with open(f"{path}/{part}", "wb") as file:
                for _ in range(8):
                    written += file.write(bytes(1 << 20))
    except OSError as error:
        return written, error.strerror
    finally:
        for name in os.listdir(path):
            if os.path.isfile(f"{path}/{name}"):  # the interpreter's own folder may be mounted here
                os.remove(f"{path}/{name}")

def mkdir(path):
    try:
        os.mkdir(path)
    except OSError as error:
        return error.strerror

def names():
    import getpass
    return os.uname().nodename, getpass.getuser()

def ids():
    return [os.getuid(), os.getgid(), *os.getgroups()]

def namespaces():
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in ("ipc", "mnt", "net", "pid", "uts")}

def open_files():
    paths = [f"/proc/self/fd/{fd}" for fd in range(256)]
    return [os.readlink(path) for path in paths if os.path.lexists(path)]
"""
NUMBERS = {name: pair[("x86_64", "aarch64").index(platform.machine())] for name, pair in REFUSED.items()}
SECRET = "a-secret-that-stays-with-the-grader"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = make("bubblewrap", "numpy")
    yield made
    made.close()


@pytest.fixture(scope="module")
def inside(sandbox: Sandbox) -> Iterator[Client]:
    os.environ["GRADER_SECRET"] = SECRET
    starts = opener(sandbox)
    yield next(starts)(STUDENT + QUESTIONS)
    next(starts, None)
    del os.environ["GRADER_SECRET"]


# --- from inside -----------------------------------------------------------------------------------------------------


def test_the_process_has_no_privileges(inside: Client) -> None:
    status = inside.value("status")
    assert isinstance(status, dict)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    ids = inside.value("ids")
    assert isinstance(ids, list) and all(number >= 65534 for number in ids)
    assert inside.value("names") == ("sandbox", "nobody")


def test_there_is_no_network(inside: Client) -> None:
    assert inside.value("interfaces") == ["lo"]
    assert inside.value("connect", host="127.0.0.1", port=2375) == "ConnectionRefusedError"
    assert inside.value("connect", host="192.0.2.1", port=80) == "OSError"
    assert inside.value("vsock") == errno.EPERM


def test_every_namespace_is_the_boxs_own(inside: Client) -> None:
    got = inside.value("namespaces")
    assert isinstance(got, dict)
    assert not set(got.values()) & {os.readlink(f"/proc/self/ns/{name}") for name in got}
    listed = inside.value("listing", path="/proc")
    assert isinstance(listed, list)
    assert len([name for name in listed if name.isdigit()]) == 2  # the worker and its child


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_system_calls_that_no_course_needs_are_refused(inside: Client, name: str) -> None:
    if not NUMBERS[name]:
        pytest.skip("this architecture has no such call")
    assert inside.value("system_call", number=NUMBERS[name]) == [-1, errno.EPERM]


def test_only_tmp_can_be_written(inside: Client) -> None:
    for folder in ("/", "/dev", "/etc", "/usr", "/usr/lib", sys.prefix, sys.base_prefix + "/lib", "/sys"):
        assert inside.value("mkdir", path=f"{folder}/x") in ("Read-only file system", "Permission denied"), folder
    mounts = inside.value("mounts")
    assert isinstance(mounts, dict)
    writable = {path for path, flags in mounts.items() if "ro" not in flags}
    assert writable <= {"/tmp", "/proc", *DEVICES}
    assert all("nosuid" in flags for flags in mounts.values())


def test_tmp_is_small(inside: Client) -> None:
    written, reason = inside.value("fill", path="/tmp")  # type: ignore[misc]
    assert 32 << 20 < written <= bubblewrap.TMP_BYTES and reason == "No space left on device"


def test_files_have_a_size_limit(inside: Client) -> None:
    assert inside.value("write_file", path="/tmp/x", size=100) in ("No space left on device", "File too large")


def holds_python(folder: Path) -> bool:
    paths = (sys.prefix, sys.base_prefix, sys.executable, os.path.realpath(sys.executable))
    return any(Path(path).is_relative_to(folder) for path in paths)


def test_no_file_of_the_machine_is_there_but_python(inside: Client, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    absent = [__file__, str(tmp_path / "file"), os.getcwd() + "/pyproject.toml", bubblewrap.__file__]
    absent += ["/etc/shadow", "/etc/hostname", "/etc/hosts", "/var", "/run", "/boot", "/usr/bin/env", "/bin/sh"]
    absent += [str(entry) for entry in Path.home().iterdir() if not holds_python(entry)]
    for path in absent:
        assert inside.value("exists", path=path) is False, path
    assert set(inside.value("listing", path="/")) <= {  # type: ignore[call-overload]
        *("dev", "etc", "lib", "lib64", "proc", "sys", "tmp", "usr"),
        *(
            Path(path).parts[1]
            for path in (sys.prefix, sys.base_prefix, sys.executable, os.path.realpath(sys.executable))
        ),
    }
    assert inside.value("listing", path="/dev") == sorted(Path(path).name for path in DEVICES)
    passwd = inside.value("read", path="/etc/passwd")
    assert isinstance(passwd, str) and passwd.startswith("nobody:") and passwd.count("\n") == 1


def test_the_environment_is_exactly_as_listed(inside: Client) -> None:
    assert inside.value("environment") == ENVIRONMENT | {"HOME": "/tmp", "PWD": "/tmp"}


def test_the_graders_secret_is_nowhere(inside: Client) -> None:
    for pid in inside.value("listing", path="/proc"):  # type: ignore[attr-defined]
        if pid.isdigit():
            for name in ("environ", "cmdline"):
                assert SECRET not in str(inside.value("read", path=f"/proc/{pid}/{name}"))


def test_no_file_of_ours_is_left_open(inside: Client) -> None:
    links = inside.value("open_files")
    assert isinstance(links, list)
    assert {link.split(":")[0] for link in links} <= {"pipe", "/dev/null"}


def test_the_worker_cannot_be_looked_into(inside: Client) -> None:
    assert inside.value("listing", path="/proc/1/fd") == "PermissionError"
    assert inside.value("read", path="/proc/1/mem") == "PermissionError"
    assert inside.value("read", path="/proc/1/environ") == "PermissionError"


# --- from outside ----------------------------------------------------------------------------------------------------


def test_the_machines_root_is_not_the_boxs_user(inside: Client) -> None:
    inside.works()
    *_, worker, _child = kin(inside.session._box._process.pid)  # type: ignore[attr-defined]
    users = [line.split()[1:] for line in Path(f"/proc/{worker}/status").read_text().splitlines() if "Uid:" in line]
    assert set(users[0]).isdisjoint({"0"})
    assert os.getuid() == 0 or set(users[0]) == {str(os.getuid())}


def test_cpu_time_is_that_of_the_whole_tree(sandbox: Sandbox) -> None:
    client = Client(sandbox.open(one_module(STUDENT), LIMITS))
    client.works()
    before = client.session.cpu_seconds()
    client.value("work", n=3_000_000)
    after = client.session.cpu_seconds()
    client.session.close()
    assert 0 < before < after <= client.session.cpu_seconds()


def test_a_box_is_made_of_folders_of_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home := tmp_path / "home" / "student").mkdir(parents=True)
    for folder in ("bin", "lib", "course"):
        (home / folder).mkdir()
    (home / "pyvenv.cfg").touch()
    (home / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setattr(sys, "prefix", str(home))
    monkeypatch.setattr(sys, "executable", str(home / "bin" / "python"))
    options = root()
    bound = {path for option, path in pairwise(options) if option in ("--ro-bind", "--dev-bind")}
    assert {path for path in bound if Path(path).is_relative_to(tmp_path)} == {f"{home}/lib", f"{home}/pyvenv.cfg"}
    assert not bound & {"/", "/usr", "/etc", "/dev", "/sys", "/home", "/root", str(Path.home()), os.getcwd()}


# --- where there is none ---------------------------------------------------------------------------------------------


def refusal() -> str:
    with pytest.raises(SandboxUnavailable) as caught:
        bubblewrap.BubblewrapSandbox("numpy")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_without_bubblewrap_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.bubblewrap.shutil.which", lambda name: None)
    assert refusal().startswith("no bubblewrap: install the package bubblewrap, or use --sandbox docker")


def test_on_other_machines_there_is_no_filter_and_so_no_box(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(tmp_path, monkeypatch, "exit 0")
    monkeypatch.setattr("sandbox.bubblewrap.platform.machine", lambda: "riscv64")
    assert refusal().startswith("no filter of system calls for riscv64: use --sandbox docker")


def test_an_old_bubblewrap_is_named_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(tmp_path, monkeypatch, "echo 'bwrap: Unknown option --size' >&2; exit 1")
    assert "install bubblewrap 0.7 or newer" in refusal()


def test_blocked_namespaces_are_named_with_the_switch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(tmp_path, monkeypatch, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "apparmor_restrict_unprivileged_userns").write_text("1\n")
    monkeypatch.setattr("sandbox.bubblewrap.SETTINGS", tmp_path)
    monkeypatch.setattr("sandbox.bubblewrap.os.getuid", lambda: 1000)
    words = refusal()
    assert words.startswith(
        "bubblewrap cannot make a sandbox here: bwrap: setting up uid map: Permission denied; AppArmor"
    )
    assert "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`" in words


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    make("bubblewrap", "numpy").close()
    monkeypatch.setitem(bubblewrap.LIBRARIES, "numpy", ("no_such_library",))
    assert "no module no_such_library; install it" in refusal()


def test_a_worker_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = make("bubblewrap", "numpy")
    monkeypatch.setattr("sandbox.bubblewrap.command", lambda framework, device: ("-I", "-c", "import no_such_library"))
    with pytest.raises(SandboxUnavailable, match="No module named 'no_such_library'"):
        sandbox.open(one_module(""), Limits())
    sandbox.close()


def test_every_option_is_on_every_box() -> None:
    make("bubblewrap", "numpy").close()
    with bubblewrap.launch(["-I"]) as (command, _):
        options = command[: command.index("--")]
    assert {"--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"} <= set(options)
    assert {"--die-with-parent", "--new-session", "--as-pid-1", "--seccomp"} <= set(options)
    assert options[options.index("--cap-drop") + 1] == "ALL"
    assert options[-4:] == ["--remount-ro", "/", "--chdir", "/tmp"]
    assert not {"--bind", "--bind-try", "--share-net", "--dev"} & set(options)


def test_a_box_of_bubblewraps_leaves_no_descriptor_open_here(sandbox: Sandbox) -> None:
    before = set(os.listdir("/proc/self/fd"))
    session = sandbox.open(one_module(STUDENT), LIMITS)
    session.close()
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("release", "root", "own"),
    [("6.1.0-13-amd64", False, True), ("5.14.0-70.el9", False, True), ("4.18.0+", False, False), ("4.18", True, True)],
)
def test_processes_are_counted_per_box_where_the_system_can(
    monkeypatch: pytest.MonkeyPatch, release: str, root: bool, own: bool
) -> None:
    monkeypatch.setattr("sandbox.bubblewrap.platform.release", lambda: release)
    monkeypatch.setattr("sandbox.bubblewrap._is_the_machines_root", lambda: root)
    monkeypatch.setattr("sandbox.bubblewrap.beside_others", lambda limits: limits.processes + 1000)
    assert bubblewrap._process_limit(LIMITS) == LIMITS.processes + (0 if own else 1000)
