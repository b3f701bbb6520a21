"""`--runtime runsc`: boxes with a kernel of their own; where they differ is in engines.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.base import OutOfMemory, SandboxUnavailable, TimedOut
from sandbox.docker import GVISOR, DockerSandbox
from sandbox.engine import engine
from tests.sandbox.conftest import LIMITS, STUDENT, Open, make, one_module, opener

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def gvisor() -> Iterator[DockerSandbox]:
    make("docker", "numpy").close()
    with engine() as client:
        if GVISOR not in client.info()["Runtimes"]:
            pytest.skip(f"this engine knows no runtime {GVISOR}")
    sandbox = DockerSandbox("numpy", runtime=GVISOR)
    try:
        sandbox.open(one_module(STUDENT), LIMITS).close()
        yield sandbox
    except SandboxUnavailable as error:
        # A machine that gVisor itself cannot run on; a box that starts and is refused would be our failure.
        if not str(error).startswith("Docker cannot start a sandbox"):
            raise
        pytest.skip(str(error))
    finally:
        sandbox.close()


@pytest.fixture
def start(gvisor: DockerSandbox) -> Iterator[Open]:
    yield from opener(gvisor)


def test_a_box_answers_and_outlives_a_hang(start: Open) -> None:
    client = start()
    assert client.value("ping") == "pong"
    assert client.call("hang", deadline_s=1.0) == TimedOut(1.0)
    assert client.works()


def test_too_much_memory_costs_the_box_and_nothing_else(start: Open) -> None:
    assert isinstance(start().call("eat_arrays", deadline_s=30.0), OutOfMemory)
    assert start().works()


def test_the_reports_line_says_whose_kernel_it_is(gvisor: DockerSandbox) -> None:
    assert "a kernel of its own (gVisor)" in gvisor.guarantees and gvisor.details["runtime"] == GVISOR
