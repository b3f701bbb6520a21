"""The Docker backend: each box is a container without network, without privileges, and used once."""

from __future__ import annotations

import contextlib
import json
import math
import secrets
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.base import Framework, Limits, SandboxUnavailable, Session, Source
from sandbox.cgroup import Cgroup
from sandbox.dialects import is_podman, podman_options
from sandbox.engine import connect, image_id, left_out
from sandbox.pool import Pool
from sandbox.program import command
from sandbox.stream import Multiplex, last_line

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

NOBODY = "65534:65534"
RUN_LABEL, DEADLINE_LABEL = "kernel-grader.run", "kernel-grader.deadline"
LIFETIME_S = 4 * 3600  # a container older than this belongs to a grader that is gone
REMOVAL_TRIES, REMOVAL_PAUSE_S = 5, 0.1
STREAMS = ("stdin", "stdout", "stderr", "stream")


class DockerSandbox:
    """Containers of the local engine, from images that hold Python, NumPy and torch and nothing of ours."""

    name = "docker"
    guarantees = (
        "Runs the code in a container without network, privileges or files of this machine, "
        "with memory, processes, CPU and time bounded; shares this machine's kernel."
    )

    def __init__(self, framework: Framework = "numpy") -> None:
        self._run = secrets.token_hex(8)
        self._client = connect()
        try:
            self._images: dict[Framework, str] = {framework: image_id(self._client, framework)}
            self._podman = is_podman(self._client.version())
        except BaseException:
            self._client.close()
            raise
        self._pool = Pool(self._start, in_background=True)
        self._reaping: threading.Thread | None = None

    def warm(self, framework: Framework, limits: Limits) -> None:
        """Start a container ahead of its source, in the background."""
        self._pool.warm(framework, limits)

    def open(self, source: Source, limits: Limits) -> Session:
        """Return a session on a started container; does not wait for the worker in it."""
        from sandbox.session import StreamSession

        return StreamSession(self._pool.take(source.framework, limits), source, limits)

    def _start(self, framework: Framework, limits: Limits) -> DockerBox:
        if framework not in self._images:
            self._images[framework] = image_id(self._client, framework)
        options = container_options(framework, limits, self._run)
        options = podman_options(options) if self._podman else options
        box = start(self._client, self._images[framework], options)
        if self._reaping is None:
            self._reaping = threading.Thread(target=self._reap, name="reap", daemon=True)
            self._reaping.start()
        return box

    def _reap(self) -> None:
        from docker.errors import DockerException

        with contextlib.suppress(DockerException, OSError):  # the next grader tries again
            reap(self._client)

    def close(self) -> None:
        """Remove what sessions left behind and close the connection to the engine."""
        from docker.errors import DockerException

        if (box := self._pool.drain()) is not None:
            box.destroy()
        if self._reaping is not None:
            self._reaping.join()
        # What an ailing engine does not remove now, the next grader's reap() will.
        with contextlib.suppress(DockerException, OSError):
            self._remove_all()
        self._client.close()

    def _remove_all(self) -> None:
        for container in self._client.containers.list(
            all=True, ignore_removed=True, filters={"label": f"{RUN_LABEL}={self._run}"}
        ):
            _remove(container)


def container_options(framework: Framework, limits: Limits, run: str) -> dict[str, Any]:
    """Return the options of every container: what the box must not have, and the bounds of what it has."""
    from docker.types import LogConfig, Ulimit

    return {
        "entrypoint": ["python3", *command(framework)],
        "command": [],
        "stdin_open": True,
        "tty": False,
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m,nr_inodes=4096,mode=1777"},  # noqa: S108 - in the box
        "working_dir": "/tmp",  # noqa: S108 - in the box
        "user": NOBODY,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={_seccomp()}"],
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "pids_limit": limits.processes,
        "nano_cpus": 1_000_000_000,
        "ulimits": [
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="nofile", soft=256, hard=256),
            Ulimit(name="fsize", soft=64 << 20, hard=64 << 20),
        ],
        "init": True,
        "ipc_mode": "none",
        "log_config": LogConfig(type="none"),
        "hostname": "sandbox",
        "oom_score_adj": 500,
        "healthcheck": {"test": ["NONE"]},
        "auto_remove": False,
        "labels": {RUN_LABEL: run, DEADLINE_LABEL: str(math.ceil(time.time()) + LIFETIME_S)},
        "environment": {
            "HOME": "/tmp",  # noqa: S108 - in the box
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
        },
    }


def reap(client: DockerClient) -> None:
    """Remove the containers of graders that ended without removing them."""
    for container in client.containers.list(all=True, ignore_removed=True, filters={"label": DEADLINE_LABEL}):
        deadline = container.labels.get(DEADLINE_LABEL, "")
        if not deadline.isdigit() or int(deadline) < time.time():
            _remove(container)


def start(client: DockerClient, image: str, options: dict[str, Any]) -> DockerBox:
    """Create, attach and start a container. Raises SandboxUnavailable when the engine refuses."""
    from docker.errors import DockerException

    container = box = None
    try:
        container = client.containers.create(image, **options)
        if missing := left_out(container, options):
            raise DockerException(f"this engine leaves out {', '.join(missing)}")
        # Attached before the start, or the first bytes would be lost.
        attached: Any = container.attach_socket(params=dict.fromkeys(STREAMS, 1))
        box = DockerBox(container, Multiplex(getattr(attached, "_sock", attached)), attached)
        container.start()
    except (DockerException, OSError) as error:
        if box is not None:
            box.destroy()
        elif container is not None:
            _remove(container)
        raise SandboxUnavailable(f"Docker cannot start a sandbox: {str(error).splitlines()[0]}") from error
    return box


class DockerBox:
    """A container and its attach stream, which carries stdout and stderr in one multiplex."""

    def __init__(self, container: Container, stream: Multiplex, attached: Any) -> None:
        self._container, self._stream, self._attached = container, stream, attached
        self._cgroup: Cgroup | None = None
        self._cpu_seconds = 0.0
        self._kills = 0
        self._destroyed = False

    def send(self, buffers: Sequence[bytes | bytearray | memoryview], deadline: float) -> None:
        self._stream.send(buffers, deadline)

    def receive_into(self, room: memoryview, deadline: float) -> int:
        return self._stream.receive_into(room, deadline)

    def cpu_seconds(self) -> float:
        """Return the container's CPU time: from its cgroup where that is local, else from the engine."""
        if self._destroyed:
            return self._cpu_seconds
        seconds = self._files().cpu_seconds()
        if seconds is None:
            stats: Any = self._container.stats(stream=False, one_shot=True)
            seconds = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        self._cpu_seconds = max(self._cpu_seconds, seconds)
        return self._cpu_seconds

    def memory_kills(self) -> int:
        """Return the cgroup's count of kills; of a container that has ended, what the engine remembers."""
        from docker.errors import DockerException

        if self._destroyed:
            return self._kills
        kills = None
        with contextlib.suppress(DockerException, OSError):
            kills = self._files().memory_kills()
            if kills is None:
                self._container.reload()
                kills = self._kills + bool(self._container.attrs["State"].get("OOMKilled"))
        self._kills = max(self._kills, kills or 0)
        return self._kills

    def last_words(self) -> str:
        return last_line(self._stream.errors)

    def destroy(self) -> None:
        from docker.errors import DockerException

        if self._destroyed:
            return
        self._destroyed = True
        # The engine cannot end a container whose output lies unread in an open stream.
        self._stream.shut()
        # The response owns the socket's file; closing the socket first would leave it a dead file to flush.
        self._attached._response.close()
        self._attached.close()
        self._stream.close()
        # What cannot be removed now, close() or the next grader's reap() removes.
        with contextlib.suppress(DockerException, OSError):
            _remove(self._container)

    def _files(self) -> Cgroup:
        if self._cgroup is None:
            self._container.reload()
            self._cgroup = Cgroup(self._container.attrs["State"].get("Pid", 0), str(self._container.id))
        return self._cgroup


def _remove(container: Container) -> None:
    from docker.errors import APIError, NotFound

    for tries_left in reversed(range(REMOVAL_TRIES)):
        try:
            container.remove(force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code == 409:  # a removal is already on its way
                return
            # Podman's answer about a container that is just ending by itself.
            if error.status_code != 500 or not tries_left:
                raise
            time.sleep(REMOVAL_PAUSE_S)
        else:
            return


@cache
def _seccomp() -> str:
    return json.dumps(json.loads((Path(__file__).parent / "seccomp.json").read_text(encoding="utf-8")))
