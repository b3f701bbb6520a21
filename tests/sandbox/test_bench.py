"""Timed work in a box: fresh inputs for every call, projections afterwards, and a cost that is read outside."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from sandbox.base import Block, Call, Chunk, Function, Module, Raised, Refused, Source, Value, Values
from sandbox.bench import _projected
from tests.sandbox.conftest import Client, Open

VARY = """
import numpy as np

def vary(rng, x, n):
    return {"x": x * rng.random(x.shape[-1]), "n": n}

def constant(rng, x, n):
    return {"x": x[:], "n": n}
"""
STUDENT = """
import os, subprocess, sys, threading
import numpy as np

seen = []
kept = np.empty((2, 3))

def double(x, n):
    seen.append(x.copy())
    return n * x

def distinct(x, n):
    return np.array(len({a.tobytes() for a in seen}))

def forks(x, n):
    if not os.fork():
        os._exit(0)
    return x

def runs(x, n):
    subprocess.run([sys.executable, "-I", "-S", "-c", ""])
    return x

def threads(x, n):
    thread = threading.Thread(target=seen.append, args=(x,))
    thread.start()
    thread.join()
    return x

def reuses(x, n):
    kept[:] = x
    return kept

def spoils(x, n):
    other = x * n
    x[:] = 0
    return other

def lazy(x, n):
    class Later(np.ndarray):
        pass
    return x.view(Later)

def pair(x, n):
    return x + 1, float(x.sum())

def work(x, n):
    total = 0.0
    for i in range(200_000):
        total += i
    return x
"""
BASE: dict[str, Value] = {"x": np.arange(1.0, 7.0).reshape(2, 3), "n": 2}


def opened(fresh: Open) -> Client:
    modules = (("hw", STUDENT), ("_vary", VARY))
    return fresh(Source(tuple(Module(name, (Chunk(f"{name}.py", 1, text),)) for name, text in modules)))


def step(client: Client, function: str, block: Block, **arguments: Value) -> object:
    reply = client.session.call(Call("speed", "hw", function, arguments, block=block), 5.0)
    return reply.value if isinstance(reply, Values) else reply


def varied(seed: int, count: int) -> list[np.ndarray]:
    rng, x = np.random.default_rng(seed), BASE["x"]
    assert isinstance(x, np.ndarray)
    return [x * rng.random(3) for _ in range(count)]


def signs(rng: np.random.Generator, size: int) -> np.ndarray:
    return 2.0 * np.unpackbits(np.frombuffer(rng.bytes(size // 8 + 1), np.uint8), count=size) - 1


def projected(array: np.ndarray, seed: int) -> list[float]:
    random = signs(np.random.default_rng(seed), array.size)
    return [array.size, float(np.linalg.norm(array)), float(array.reshape(-1) @ random)]


def test_each_call_gets_inputs_of_its_own_and_is_answered_for(fresh: Open) -> None:
    client = opened(fresh)
    assert step(client, "double", Block("base", vary=Function("_vary", "vary")), **BASE) is None
    assert step(client, "double", Block("run", seed=7, repeat=3)) is None
    got = step(client, "double", Block("project", seed=100))
    assert got == [pytest.approx(projected(2 * x, 100 + i)) for i, x in enumerate(varied(7, 3))]
    assert step(client, "distinct", Block("run", seed=8)) is None
    assert step(client, "distinct", Block("project")) == [pytest.approx(projected(np.array([3.0]), 0))]


def test_idling_does_everything_but_the_call(fresh: Open) -> None:
    client = opened(fresh)
    step(client, "double", Block("base", vary=Function("_vary", "vary")), **BASE)
    step(client, "double", Block("run", seed=7))
    before = step(client, "double", Block("project", seed=1))
    assert step(client, "double", Block("idle", seed=9, repeat=2)) is None
    idled = step(client, "double", Block("project", seed=1))
    assert isinstance(idled, list) and isinstance(before, list)
    assert len(idled) == 2 and idled[0] == before[0]
    step(client, "distinct", Block("run", seed=1))
    assert step(client, "distinct", Block("project")) == [pytest.approx(projected(np.array([1.0]), 0))]


def test_results_of_several_parts_are_projected_part_by_part(fresh: Open) -> None:
    client = opened(fresh)
    step(client, "pair", Block("base", vary=Function("_vary", "vary")), **BASE)
    step(client, "pair", Block("run", seed=7))
    (x,) = varied(7, 1)
    rng = np.random.default_rng(3)
    first, second = signs(rng, 6), signs(rng, 1)
    expected = [6.0, np.linalg.norm(x + 1), (x + 1).reshape(-1) @ first, 1.0, abs(x.sum()), x.sum() * second[0]]
    assert step(client, "pair", Block("project", seed=3)) == [pytest.approx(expected)]


def test_what_is_no_plain_array_is_refused_before_the_projection(fresh: Open) -> None:
    client = opened(fresh)
    step(client, "lazy", Block("base", vary=Function("_vary", "vary")), **BASE)
    reply = step(client, "lazy", Block("run"))
    assert isinstance(reply, Refused) and "Later" in reply.reason


def test_a_step_out_of_order_is_refused(fresh: Open) -> None:
    reply = step(opened(fresh), "double", Block("run"))
    assert isinstance(reply, Refused) and "no base arguments" in reply.reason


def test_the_work_shows_in_the_ledger(fresh: Open) -> None:
    client = opened(fresh)
    step(client, "work", Block("base", vary=Function("_vary", "vary")), **BASE)
    step(client, "work", Block("run"))
    before = client.session.cpu_seconds()
    step(client, "work", Block("idle", repeat=4))
    between = client.session.cpu_seconds()
    step(client, "work", Block("run", repeat=4))
    assert client.session.cpu_seconds() - between > 5 * (between - before) >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux filters system calls")
@pytest.mark.parametrize("function", ["forks", "runs"])
def test_timed_work_starts_no_processes(fresh: Open, function: str) -> None:
    """One that nobody waits for would take its seconds with it; other calls may start them."""
    client = opened(fresh)
    step(client, function, Block("base", vary=Function("_vary", "vary")), **BASE)
    reply = step(client, function, Block("run"))
    assert isinstance(reply, Raised) and reply.error == "PermissionError"
    assert isinstance(client.session.call(Call("g", "hw", function, BASE), 5.0), Values)


def test_threads_that_were_joined_are_no_threads_left_behind(fresh: Open) -> None:
    client = opened(fresh)
    step(client, "threads", Block("base", vary=Function("_vary", "vary")), **BASE)
    for seed in range(20):
        assert step(client, "threads", Block("run", seed=seed, repeat=2)) is None
        assert isinstance(step(client, "threads", Block("project")), list)


def test_results_are_those_of_the_moment_they_were_returned(fresh: Open) -> None:
    client = opened(fresh)
    step(client, "reuses", Block("base", vary=Function("_vary", "vary")), **BASE)
    step(client, "reuses", Block("run", seed=7, repeat=3))
    got = step(client, "reuses", Block("project", seed=100))
    assert got == [pytest.approx(projected(x, 100 + i)) for i, x in enumerate(varied(7, 3))]


def test_the_base_cannot_be_spoilt(fresh: Open) -> None:
    client = opened(fresh)
    step(client, "spoils", Block("base", vary=Function("_vary", "constant")), **BASE)
    step(client, "spoils", Block("run", repeat=3))
    x = BASE["x"]
    assert isinstance(x, np.ndarray)
    got = step(client, "spoils", Block("project"))
    assert got == [pytest.approx(projected(2 * x, i)) for i in range(3)]


def test_a_projection_has_full_rank() -> None:
    """Of a product of matrices it costs no less than the product."""
    n = 24
    cells = np.eye(n * n).reshape(n * n, n, n)
    products = [list(_projected([cell], 5))[2] for cell in cells]
    assert np.linalg.matrix_rank(np.reshape(products, (n, n))) == n
    assert np.abs(products) == pytest.approx(1)


def test_a_projection_without_results_is_refused(fresh: Open) -> None:
    reply = step(opened(fresh), "double", Block("project"))
    assert isinstance(reply, Refused) and "no base arguments" in reply.reason
