"""The first child of a box is there before its source is, and is not missed when it has died."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from sandbox.base import Sandbox
from sandbox.processes import descendants, lives
from tests.sandbox.conftest import Client, Open, make, opener

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no table of processes to look at")
PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def process() -> Iterator[Sandbox]:
    sandbox = make("process", "numpy")
    yield sandbox
    sandbox.close()


@pytest.fixture
def start(process: Sandbox) -> Iterator[Open]:
    yield from opener(process)


def waiting(start: Open) -> tuple[Client, int]:
    """Return a session whose source has not been sent, and the process that waits for it."""
    before = set(descendants(os.getpid()))
    client = start()
    end = time.monotonic() + PATIENCE_S
    while len(new := set(descendants(os.getpid())) - before) < 2:
        assert time.monotonic() < end, "no child waits"
        time.sleep(0.01)
    (child,) = new & {pid for worker in new for pid in descendants(worker)}
    return client, child


def test_the_child_that_waits_answers_the_first_group_only(start: Open) -> None:
    client, child = waiting(start)
    assert client.value("process_id") == child
    assert client.call("process_id", group="another").value != child


def test_a_child_that_died_while_it_waited_is_replaced(start: Open) -> None:
    client, child = waiting(start)
    os.kill(child, signal.SIGKILL)
    while lives(child):
        time.sleep(0.01)
    assert client.value("process_id") != child
    assert client.works()
