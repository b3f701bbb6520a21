"""Sandboxes for the tests: one per backend, and sessions that hold the student code of `student_code.py`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import program
from sandbox.base import (
    Call,
    Chunk,
    Crashed,
    Device,
    Framework,
    Limits,
    Module,
    Reply,
    Sandbox,
    SandboxUnavailable,
    Session,
    Source,
    Value,
    Values,
)
from sandbox.engine import image_id
from sandbox.select import choose

STANDIN = Path(__file__).with_name("standin_device.py")
STUDENT = Path(__file__).with_name("student_code.py").read_text()
LIMITS = Limits(memory_bytes=512 << 20, processes=40, load_deadline_s=3.0)

Open = Callable[..., "Client"]


def required(backend: str) -> bool:
    return os.environ.get(f"KERNEL_GRADER_REQUIRE_{backend.upper()}") == "1"


def make(name: str, framework: Framework, device: Device = "cpu") -> Sandbox:
    try:
        return choose(name, framework, device=device)  # type: ignore[arg-type]
    except SandboxUnavailable as error:
        if required(name):
            pytest.fail(f"{name} is required here: {error}")
        pytest.skip(str(error))


@contextmanager
def stand_in(more: str = "") -> Iterator[None]:
    """Give the boxes that are started meanwhile the stand-in for a card, and `more` lines; no option can do that."""
    real = program._text
    texts = {"devices": STANDIN.read_text() + more, "real_devices": real("devices")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "FILES", ("real_devices", *program.FILES))
        patch.setattr(program, "_text", lambda name: texts.get(name) or real(name))
        # The container asks for no card, and its torch is the one for the CPU.
        patch.setattr("sandbox.docker.device_requests", lambda device: [])
        patch.setattr("sandbox.docker.image_id", lambda client, framework, device: image_id(client, framework))
        program.command.cache_clear()
        yield
    program.command.cache_clear()


class Client:
    """A session with short words for calls."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def call(
        self, function: str, deadline_s: float = 5.0, group: str = "g", module: str = "hw", **arguments: Value
    ) -> Reply:
        return self.session.call(Call(group, module, function, arguments), deadline_s)

    def value(self, function: str, **arguments: object) -> object:
        reply = self.call(function, **arguments)  # type: ignore[arg-type]
        assert isinstance(reply, Values), reply
        return reply.value

    def works(self) -> bool:
        """Whether the next call of the same group gets its right answer."""
        return self.value("ping") == "pong"

    def lost(self) -> bool:
        reply = self.call("ping")
        return isinstance(reply, Crashed) and reply.box_lost


@pytest.fixture(scope="session", params=["process", "bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
def backend(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    sandbox = make(request.param, "numpy")
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session", params=["process", "bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
def torch_backend(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    pytest.importorskip("torch")
    sandbox = make(request.param, "torch")
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session")
def docker() -> Iterator[Sandbox]:
    sandbox = make("docker", "numpy")
    yield sandbox
    sandbox.close()


def one_module(text: str, framework: Framework = "numpy") -> Source:
    return Source((Module("hw", (Chunk("hw.py", 1, text),)),), framework)


def opener(sandbox: Sandbox) -> Iterator[Open]:
    clients: list[Client] = []

    def start(source: Source | str = STUDENT, limits: Limits = LIMITS) -> Client:
        given = one_module(source) if isinstance(source, str) else source
        clients.append(Client(sandbox.open(given, limits)))
        return clients[-1]

    yield start
    for client in clients:
        client.session.close()


@pytest.fixture
def fresh(backend: Sandbox) -> Iterator[Open]:
    """Open sessions of one's own, for tests that lose their box or bring their own source."""
    yield from opener(backend)


@pytest.fixture(scope="module")
def shared(backend: Sandbox) -> Iterator[Client]:
    """Share one session; each test has a group, and so a child, of its own."""
    starts = opener(backend)
    yield next(starts)()
    next(starts, None)


@pytest.fixture
def box(shared: Client, request: pytest.FixtureRequest) -> Client:
    """A client whose calls all belong to the test's own group."""

    class Own(Client):
        def call(self, function: str, deadline_s: float = 5.0, group: str = "", **arguments: Value) -> Reply:
            return super().call(function, deadline_s, group or request.node.name[:80], **arguments)

    return Own(shared.session)


@pytest.fixture
def docker_box(docker: Sandbox) -> Iterator[Client]:
    starts = opener(docker)
    yield next(starts)()
    next(starts, None)
