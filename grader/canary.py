"""Four small crimes that a sandbox must stop, tried in a real box: network, writing, memory, time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sandbox.base import Call, Chunk, Framework, Limits, Module, OutOfMemory, Reply, Sandbox, Source, TimedOut, Values

DEADLINE_S = 0.5
LIMITS = Limits(memory_bytes=512 << 20, processes=32, load_deadline_s=10.0)
SOURCE = '''
import os, socket, sys
import numpy as np

def versions():
    return [sys.version.split()[0], np.__version__]

def network():
    """Return the interfaces other than the loopback, or the fact that a packet left."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"canary", ("192.0.2.1", 9))
        return "sent"
    except OSError:
        return [name for _, name in socket.if_nameindex() if name != "lo"]

def write():
    """Return the places outside the temporary folder where a file could be made."""
    made = []
    for folder in ("/", "/etc", "/usr", "/var/tmp", "/dev/shm", "/run", "/home", os.path.expanduser("~root")):
        path = os.path.join(folder, "kernel-grader-canary")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except OSError:
            continue
        os.unlink(path)
        made.append(folder)
    return made

def memory():
    return float(np.ones(1 << 27).sum())

def loop():
    while True:
        pass
'''
CONFINES = ("docker", "bubblewrap")


@dataclass(frozen=True, slots=True)
class Sighting:
    """What became of one attempt: `held` is None where the backend promises nothing."""

    what: str
    held: bool | None
    detail: str


def canary(sandbox: Sandbox, framework: Framework) -> Iterator[Sighting]:
    """Try every crime in one box; of torch, whose box differs in its libraries only, just whether it answers.

    Raises SandboxUnavailable when no box can be had.
    """
    session = sandbox.open(Source((Module("canary", (Chunk("canary.py", 1, SOURCE),)),), framework), LIMITS)
    try:
        begin = time.monotonic()
        yield _versions(session.call(Call("versions", "canary", "versions", {}), 10 * DEADLINE_S))
        if framework == "torch":
            return
        for name in ("network", "write"):
            reply = session.call(Call(name, "canary", name, {}), DEADLINE_S)
            held = isinstance(reply, Values) and reply.value == []
            if sandbox.name in CONFINES:
                yield Sighting(name, held, "refused" if held else f"NOT refused: {_told(reply)}")
            else:
                yield Sighting(name, None, "not bounded by this backend")
        reply = session.call(Call("memory", "canary", "memory", {}), 10 * DEADLINE_S)
        held = isinstance(reply, OutOfMemory)
        yield Sighting("memory", held, "1 GiB refused" if held else f"NOT bounded: {_told(reply)}")
        reply = session.call(Call("loop", "canary", "loop", {}), DEADLINE_S)
        held = isinstance(reply, TimedOut)
        took = f"ended after {DEADLINE_S} s; the canary took {time.monotonic() - begin:.1f} s"
        yield Sighting("loop", held, took if held else f"NOT ended: {_told(reply)}")
    finally:
        session.close()


def _versions(reply: Reply) -> Sighting:
    """Results of another NumPy may differ from the references' by more than rounding."""
    if not (isinstance(reply, Values) and type(reply.value) is list and len(reply.value) == 2):
        return Sighting("answer", False, f"the box does not answer: {_told(reply)}")
    python, numpy = reply.value
    same = str(numpy).split(".")[:2] == np.__version__.split(".")[:2]
    advice = "" if same else f", here {np.__version__}: build the image again"
    return Sighting("answer", same, f"Python {python!s:.20}, NumPy {numpy!s:.20}{advice}")


def _told(reply: Reply) -> str:
    return str(reply)[:80]
