"""The bubblewrap backend: each box has namespaces of its own, a read-only root and a filter of system calls."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox import bpf
from sandbox.base import Device, Framework, Limits, SandboxUnavailable
from sandbox.confinement import privileges, reach, refuse
from sandbox.local import ENVIRONMENT, LocalBox, LocalSandbox, beside_others, kin
from sandbox.program import command
from sandbox.rootfs import root
from sandbox.stream import last_line

NOBODY = 65534
# Nobody allots these user numbers, so each box can have one that no other process has.
FIRST_UID, UIDS = 0x7000_0000, 1 << 28
CAPABILITIES_TO_CHANGE_USER = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
TMP_BYTES = 64 << 20
COUNTS_PER_NAMESPACE = (5, 14)  # the first Linux that counts a user's processes in each user namespace
PROBE_TIMEOUT_S = 20.0
END_S = 5.0
PROBE = """
import sys
for name in sys.argv[1:]:
    if not any(finder.find_spec(name, None) for finder in sys.meta_path):
        sys.exit("no module " + name)
"""
LIBRARIES: dict[Framework, tuple[str, ...]] = {"numpy": ("numpy",), "torch": ("numpy", "torch")}
SETTINGS = Path("/proc/sys")
SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor blocks", "0"),
    ("kernel/unprivileged_userns_clone", "0", "this system blocks", "1"),
    ("user/max_user_namespaces", "0", "this system blocks", "15000"),
)
INSTEAD = "use --sandbox docker or --sandbox process"


class BubblewrapSandbox(LocalSandbox):
    """Boxes that bubblewrap makes; no daemon, no image: they see this machine's Python and nothing else of it."""

    name = "bubblewrap"
    guarantees = (
        "Runs the code without network, privileges or files of this machine, with processes, time and the memory "
        "of each process bounded; does not bound the memory and CPU of all processes together, "
        "and shares this machine's kernel."
    )

    def __init__(self, framework: Framework = "numpy") -> None:
        """Probe with a box that starts Python and looks for the libraries. Raises SandboxUnavailable."""
        probe(framework)
        super().__init__(BubblewrapBox, _process_limit)

    def _check(self, box: LocalBox, facts: Mapping[str, Any]) -> None:
        refuse(box, [*reach(facts), *privileges(facts)])


class BubblewrapBox(LocalBox):
    """bubblewrap's monitor outside, and the worker inside as the namespace's init.

    An init of bubblewrap's own would be a process that the code may trace: of its user, and without its limits.
    The worker is not to be traced, and no signal from inside ends or stops it.
    """

    def __init__(self, framework: Framework, device: Device) -> None:
        with launch(command(framework, device)) as (arguments, files):
            super().__init__(arguments, ENVIRONMENT | {"HOME": "/tmp"}, files=files)  # noqa: S108 - in the box

    def _end(self) -> None:
        """End the worker, and with it, by the system's hand, all that runs in its namespace."""
        if family := [*kin(self._process.pid)]:
            for pid in family:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            # The monitor ends when the last process of the namespace has.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
        self._end_group()


def probe(framework: Framework) -> None:
    """Start Python in a box and look for the libraries. Raises SandboxUnavailable with what to do."""
    if sys.platform != "linux":
        raise SandboxUnavailable(f"bubblewrap needs Linux: {INSTEAD}")
    try:
        with launch(["-I", "-c", PROBE, *LIBRARIES[framework]]) as (arguments, files):
            done = subprocess.run(  # noqa: S603 - our own program, no shell
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
                pass_fds=files,
                timeout=PROBE_TIMEOUT_S,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxUnavailable(f"bubblewrap does not start: {error}; {INSTEAD}") from error
    if done.returncode:
        words = last_line(done.stderr) or f"exit code {done.returncode}"
        raise SandboxUnavailable(f"bubblewrap cannot make a sandbox here: {words}; {_remedy(words)}")


@contextmanager
def launch(python: Sequence[str]) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Yield the command that runs Python in a box, and the files that it must inherit.

    Raises SandboxUnavailable when bubblewrap or a filter for this machine's system calls is missing.
    """
    program, rules = shutil.which("bwrap"), bpf.program(platform.machine())
    if program is None:
        raise SandboxUnavailable(f"no bubblewrap: install the package bubblewrap, or {INSTEAD}")
    if rules is None:
        raise SandboxUnavailable(f"no filter of system calls for {platform.machine()}: {INSTEAD}")
    uid, namespaces, before = _user()
    files = (_file(rules), _file(f"nobody:x:{uid}:{uid}::/tmp:/bin/false\n".encode()))
    try:
        options = [
            *namespaces,
            *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
            *("--hostname", "sandbox", "--die-with-parent", "--new-session", "--as-pid-1", "--seccomp", str(files[0])),
            # Before the root's parts: the interpreter may itself lie below the temporary folder.
            *("--proc", "/proc", "--size", str(TMP_BYTES), "--perms", "1777", "--tmpfs", "/tmp"),  # noqa: S108
            *root(*before[:1]),
            *("--file", str(files[1]), "/etc/passwd"),
            # Last, or what is mounted by bubblewrap itself would stay writable.
            *("--remount-ro", "/", "--chdir", "/tmp"),  # noqa: S108 - in the box
        ]
        yield [program, *options, "--", *before, sys.executable, *python], files
    finally:
        for file in files:
            os.close(file)


def _user() -> tuple[int, list[str], list[str]]:
    """Return the user number in the box, bubblewrap's options for it, and the command that changes to it.

    For an ordinary user a user namespace does it. The machine's root would stay root in one, whatever it is called
    there: exempt from the limit of processes, and owner of the system's files. So the box gets a user of its own.
    """
    if not _is_the_machines_root():
        return NOBODY, ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY), "--cap-drop", "ALL"], []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise SandboxUnavailable("no setpriv, which bubblewrap needs under root: install the package util-linux")
    uid = FIRST_UID + secrets.randbelow(UIDS)
    kept = [option for name in CAPABILITIES_TO_CHANGE_USER for option in ("--cap-add", name)]
    change = [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    return uid, ["--cap-drop", "ALL", *kept], change


def _is_the_machines_root() -> bool:
    """Return whether this is root, and not what a user namespace calls so."""
    return os.getuid() == 0 and Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]


def _file(content: bytes) -> int:
    file = os.memfd_create("sandbox")
    os.write(file, content)
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _remedy(words: str) -> str:
    if words.startswith("no module"):
        return "install it into the Python that runs the grader"
    if "nknown option" in words:
        return f"it is too old: install bubblewrap 0.7 or newer, or {INSTEAD}"
    for path, value, who, remedy in SWITCHES:
        with contextlib.suppress(OSError):
            if (SETTINGS / path).read_text().strip() == value and os.getuid() != 0:
                name = path.replace("/", ".")
                return f"{who} user namespaces: ask for `sudo sysctl {name}={remedy}`, or {INSTEAD}"
    return INSTEAD


def _process_limit(limits: Limits) -> int:
    """Return the limit in the system's terms: the box's user has no other process, or is counted per namespace."""
    release = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
    own = _is_the_machines_root() or release >= COUNTS_PER_NAMESPACE
    return limits.processes if own else beside_others(limits)
