"""A container as a box: created with every bound, attached, started, checked from inside, and removed after use."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.base import SandboxUnavailable
from sandbox.cgroup import Cgroup
from sandbox.engine import PROBE_TIMEOUT_S, engine, first_line, left_out
from sandbox.stream import Multiplex, last_line

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

STREAMS = ("stdin", "stdout", "stderr", "stream")
REMOVAL_TRIES, REMOVAL_PAUSE_S = 5, 0.1
CONFLICT, SERVER_ERROR = 409, 500


def start(client: DockerClient, image: str, options: Mapping[str, Any], bury: Callable[[Container], None]) -> DockerBox:
    """Create, attach and start a container; `bury` is handed it after use. Raises SandboxUnavailable."""
    from docker.errors import APIError, DockerException

    container = box = None
    try:
        container = client.containers.create(image, **options)
        if missing := left_out(container, options):
            bury(container)
            raise SandboxUnavailable(f"this engine leaves out {', '.join(missing)}: use another, or another sandbox")
        # Attached before the start, or the first bytes would be lost.
        attached: Any = container.attach_socket(params=dict.fromkeys(STREAMS, 1))
        box = DockerBox(container, attached, bury)
        container.start()
    except (DockerException, OSError) as error:
        if box is not None:
            box.destroy()
        elif container is not None:
            bury(container)
        what = "Docker cannot start a sandbox" if isinstance(error, APIError) else "the Docker engine does not answer"
        raise SandboxUnavailable(f"{what}: {first_line(error)}") from error
    return box


class DockerBox:
    """A container and its attach stream, which carries stdout and stderr in one multiplex."""

    def __init__(self, container: Container, attached: Any, bury: Callable[[Container], None]) -> None:
        self._container, self._attached, self._bury = container, attached, bury
        self._stream = Multiplex(getattr(attached, "_sock", attached))
        self._since = int(time.time())
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

    def trouble(self, ended: bool) -> str:
        """Ask the engine whether it still runs the container, and whether somebody outside has ended it."""
        from docker.errors import DockerException, NotFound

        try:
            with engine(PROBE_TIMEOUT_S) as client:
                state = self._state(client, ended)
                killed = self._killed_by_request(client)
        except NotFound:
            return "the sandbox's container was removed from outside; run again"
        except (SandboxUnavailable, DockerException, OSError) as error:
            return f"the sandbox was lost: {first_line(error)}"
        if killed:
            return "the sandbox's container was killed from outside; run again"
        if state["Paused"]:
            return "the sandbox's container was paused from outside; run again"
        return "the engine dropped the connection to the sandbox; run again" if ended and state["Running"] else ""

    def _state(self, client: DockerClient, ended: bool) -> Mapping[str, Any]:
        """Return the container's state; its stream may end a moment before the engine takes note of its end."""
        end = time.monotonic() + PROBE_TIMEOUT_S
        while True:
            state: Mapping[str, Any] = client.containers.get(str(self._container.id)).attrs["State"]
            if not (ended and state["Running"]) or time.monotonic() > end:
                return state
            time.sleep(0.02)

    def _killed_by_request(self, client: DockerClient) -> bool:
        """Whether the engine was asked to kill or to stop the container, which no code inside can do."""
        filters = {"container": str(self._container.id), "event": "kill"}
        soon = int(time.time()) + 1  # the engine takes whole seconds, and answers when they are over
        with contextlib.closing(client.events(since=self._since, until=soon, filters=filters, decode=True)) as events:
            return any(True for _ in events)

    def destroy(self) -> None:
        if self._destroyed:
            return
        # The engine cannot end a container whose output lies unread in an open stream.
        self._stream.shut()
        # The response owns the socket's file; closing the socket first would leave it a dead file to flush.
        self._attached._response.close()
        self._attached.close()
        self._stream.close()
        self._bury(self._container)
        self._destroyed = True  # last, so that an end that was interrupted is begun again

    def _files(self) -> Cgroup:
        if self._cgroup is None:
            self._container.reload()
            self._cgroup = Cgroup(self._container.attrs["State"].get("Pid", 0), str(self._container.id))
        return self._cgroup


def remove(container: Container) -> None:
    """Kill and remove a container; one that is gone, or on its way, is no error. Raises DockerException."""
    from docker.errors import APIError, NotFound

    for tries_left in reversed(range(REMOVAL_TRIES)):
        try:
            container.remove(force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code == CONFLICT:  # a removal is already on its way
                return
            # Podman's answer about a container that is just ending by itself.
            if error.status_code != SERVER_ERROR or not tries_left:
                raise
            time.sleep(REMOVAL_PAUSE_S)
        else:
            return
