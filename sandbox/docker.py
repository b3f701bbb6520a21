"""The Docker backend: each box is a container without network, without privileges, and used once."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.base import STEADY_MEMORY, Device, Framework, Limits, SandboxUnavailable, Session, Source
from sandbox.confinement import WRITABLE, bounds, privileges, reach, refuse
from sandbox.container import DockerBox, remove, start
from sandbox.dialects import CLOSED, gvisor_options, is_podman, podman_options
from sandbox.engine import connect, image_id
from sandbox.leftovers import DEADLINE_LABEL, OWNER_LABEL, RUN_LABEL, new_run, owner, reap
from sandbox.pool import Pool
from sandbox.program import command

if TYPE_CHECKING:
    from docker.models.containers import Container

NOBODY = "65534:65534"
LIFETIME_S = 4 * 3600  # a container older than this belongs to a grader that is gone
STARTERS = 2
GVISOR = "runsc"


class DockerSandbox:
    """Containers of an engine, from images that hold Python, NumPy and torch and nothing of ours.

    `runtime` names another runtime of the engine than its default: "runsc" is gVisor's.
    """

    name = "docker"

    def __init__(self, framework: Framework = "numpy", runtime: str = "", device: Device = "cpu") -> None:
        self._run, self._runtime = new_run(), runtime
        self._client = connect()
        try:
            self._images = {(framework, device): image_id(self._client, framework, device)}
            self._podman = is_podman(self._client.version())
        except BaseException:
            self._client.close()
            raise
        self._pool = Pool(self._start, STARTERS)
        self._undertaker = ThreadPoolExecutor(1, thread_name_prefix="undertaker")
        self._reaped = False

    @property
    def guarantees(self) -> str:
        """One sentence: what this backend protects and what it does not."""
        kernel = "has a kernel of its own (gVisor)" if self._runtime == GVISOR else "shares this machine's kernel"
        return (
            "Runs the code in a container without network, privileges or files of this machine, "
            f"with memory, processes, CPU and time bounded; {kernel}."
        )

    @property
    def details(self) -> Mapping[str, str]:
        """The images by framework, and the engine's runtime where another than its default was asked for."""
        images = {
            f"image for {framework if device == 'cpu' else device}": image
            for (framework, device), image in self._images.items()
        }
        return images | ({"runtime": self._runtime} if self._runtime else {})

    def warm(self, framework: Framework, limits: Limits, keep: int = 0) -> None:
        """Start a container ahead of its source, or keep so many waiting."""
        self._pool.warm(framework, limits, keep)

    def open(self, source: Source, limits: Limits) -> Session:
        """Return a session on a container whose worker is ready. Raises SandboxUnavailable."""
        from sandbox.session import StreamSession  # with it comes NumPy, which the start of a box need not wait for

        return StreamSession(self._pool.take(source.framework, limits), source, limits)

    def close(self) -> None:
        """Remove every container of this sandbox and close the connection to the engine."""
        self._pool.close()
        self._undertaker.shutdown()
        from docker.errors import DockerException

        ours: Any = {"label": f"{RUN_LABEL}={self._run}"}
        # What an ailing engine does not remove now, the next grader's reap() will.
        with contextlib.suppress(DockerException, OSError):
            for container in self._client.containers.list(all=True, ignore_removed=True, filters=ours):
                remove(container)
        self._client.close()

    def _start(self, framework: Framework, limits: Limits) -> DockerBox:
        image = framework, limits.device
        if image not in self._images:
            self._images[image] = image_id(self._client, *image)
        options = container_options(framework, limits, self._run)
        if self._podman:
            options = podman_options(options)
        if self._runtime:
            options |= {"runtime": self._runtime}
        if self._runtime == GVISOR:
            options = gvisor_options(options)
        try:
            box = start(self._client, self._images[image], options, self._bury)
        except SandboxUnavailable as error:
            if limits.device == "cpu" or "device driver" not in str(error):
                raise
            raise SandboxUnavailable(f"{error}: install the NVIDIA Container Toolkit, or use --device cpu") from error
        if not self._reaped:
            self._reaped = True
            self._undertaker.submit(self._reap)
        from sandbox.session import await_ready

        facts = await_ready(box)
        # A kernel of its own does not show what the host's does for it.
        shown = [] if self._runtime == GVISOR else [*privileges(facts), *bounds(facts, limits)]
        refuse(box, [*reach(facts), *shown])
        return box

    def _bury(self, container: Container) -> None:
        """Remove a container in the background; nobody needs to wait for it but close()."""
        from docker.errors import DockerException

        def removal() -> None:
            with contextlib.suppress(DockerException, OSError):  # close() tries again
                remove(container)

        self._undertaker.submit(removal)

    def _reap(self) -> None:
        from docker.errors import DockerException

        with contextlib.suppress(DockerException, OSError):  # the next grader tries again
            reap(self._client)


def container_options(framework: Framework, limits: Limits, run: str) -> dict[str, Any]:
    """Return the options of every container: what the box must not have, and the bounds of what it has."""
    from docker.types import LogConfig, Ulimit

    return {
        "entrypoint": ["python3", *command(framework, limits.device)],
        "command": [],
        "stdin_open": True,
        "tty": False,
        "network_mode": "none",
        "read_only": True,
        # The engine mounts a file system of message queues, and makes it writable for everybody.
        "tmpfs": {WRITABLE: "rw,noexec,nosuid,nodev,size=64m,nr_inodes=4096,mode=1777", "/dev/mqueue": CLOSED},
        "working_dir": WRITABLE,
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
        # The worker is the first process of its namespace: nothing inside can signal, stop or trace it, whereas an init
        # of the engine's could be traced by the student's code, being of the same user, and holds the same streams.
        "init": False,
        "ipc_mode": "none",
        "log_config": LogConfig(type="none"),
        "hostname": "sandbox",
        "oom_score_adj": 500,
        "healthcheck": {"test": ["NONE"]},
        "auto_remove": False,
        "device_requests": device_requests(limits.device),
        "labels": {RUN_LABEL: run, OWNER_LABEL: owner(), DEADLINE_LABEL: str(math.ceil(time.time()) + LIFETIME_S)},
        "environment": {
            "HOME": WRITABLE,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            **STEADY_MEMORY,
        },
    }


def device_requests(device: Device) -> list[Any]:
    """Return what the engine's `--gpus` asks for: one card, and of its driver what computes; nothing on the CPU."""
    from docker.types import DeviceRequest

    return [] if device == "cpu" else [DeviceRequest(count=1, capabilities=[["gpu", "compute", "utility"]])]


@cache
def _seccomp() -> str:
    return json.dumps(json.loads((Path(__file__).parent / "seccomp.json").read_text(encoding="utf-8")))
