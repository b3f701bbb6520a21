"""The path of a card, through whole boxes, with a stand-in for the card: no GPU was there, in CI or anywhere else.

What is shown is the order of things (placed, synchronised, fetched) and that nothing reads a result too early; what a
real driver needs of a box, and how long a real card takes, is not. `make gpu-test` asks those where there is a card.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sandbox.base import (
    Block,
    Call,
    Chunk,
    Function,
    Limits,
    Module,
    Raised,
    Refused,
    Reply,
    Rng,
    Sandbox,
    Session,
    Source,
    Tensor,
    Value,
    Values,
)
from tests.sandbox.conftest import Client, make, stand_in

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

STUDENT = """
import torch
import threading

def where(x, items):
    return [x.device.type, items[0].device.type, items[1]["a"].device.type]

def strides(x):
    return list(x.stride())

def softmax(z):
    return torch.softmax(z, -1)

def affine(X, W, b):
    return X @ W + b, X.shape[0]

def in_place(x):
    x += 1
    return x

def untouched(x):
    return x * 2

def half(x):
    return x.to(torch.bfloat16)

def mixes(x):
    return x + torch.ones(len(x))

def draw(x, rng):
    return torch.rand(3, generator=rng, device=x.device)

def on_the_host(x):
    return torch.ones(2)

def double(x):
    return x * 2

def threaded(x):
    threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()
    return x * 2
"""
VARY = "def vary(rng, x):\n    return {'x': x * (1 + rng.random())}\n"
SOURCE = Source((Module("hw", (Chunk("hw.py", 1, STUDENT),)), Module("_vary", (Chunk("vary", 1, VARY),))), "torch")
LIMITS = Limits.for_framework("torch", "cuda")


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def card(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox whose boxes have the stand-in where they would have a card."""
    with stand_in():
        made = make(request.param, "torch", "cuda")
        yield made
        made.close()


@pytest.fixture(scope="module")
def client(card: Sandbox) -> Iterator[Client]:
    session = card.open(SOURCE, LIMITS)
    yield Client(session)
    session.close()


@pytest.fixture
def session(card: Sandbox) -> Iterator[Session]:
    session = card.open(SOURCE, LIMITS)
    yield session
    session.close()


def events(reply: Reply) -> list[str]:
    assert isinstance(reply, Values), reply
    return reply.printed.split()


def step(session: Session, function: str, block: Block, **arguments: Value) -> Reply:
    return session.call(Call("speed", "hw", function, arguments, block=block), 20.0)


# --- values and gradients ----------------------------------------------------------------------------------------


def test_arguments_are_on_the_device_wherever_they_are_nested(client: Client) -> None:
    got = client.value("where", x=np.ones(2), items=[np.ones(1), {"a": np.ones(1)}])
    assert got == ["standin", "standin", "standin"]


@pytest.mark.parametrize(
    ("array", "strides"),
    [(np.ones((2, 3)), [3, 1]), (np.ones((2, 3), order="F"), [1, 2]), (np.ones((2, 6))[:, ::2], [6, 2])],
)
def test_arguments_keep_their_layout(client: Client, array: np.ndarray, strides: list[int]) -> None:
    assert client.value("strides", x=array) == strides


def test_a_result_is_waited_for_and_then_fetched(client: Client) -> None:
    reply = client.call("softmax", z=np.array([[0.0, 0.0]], np.float32))
    assert isinstance(reply, Values) and isinstance(reply.value, Tensor)
    assert (reply.value.dtype, reply.value.array.tolist()) == ("float32", [[0.5, 0.5]])
    assert events(reply).index("place") < events(reply).index("fetch") < len(events(reply)) - 1
    assert events(reply)[events(reply).index("fetch") + 1] == "synchronise"


def test_bfloat16_and_results_on_the_host_arrive(client: Client) -> None:
    half, host = client.value("half", x=np.array([3.14159], np.float32)), client.value("on_the_host", x=np.ones(1))
    assert isinstance(half, Tensor) and (half.dtype, half.array.tolist()) == ("bfloat16", [3.140625])
    assert isinstance(host, Tensor) and host.array.tolist() == [1, 1]


def test_changed_arguments_are_named(client: Client) -> None:
    changed, kept = client.call("in_place", x=np.zeros(3)), client.call("untouched", x=np.zeros(3))
    assert isinstance(changed, Values) and changed.changed == ("x",)
    assert isinstance(kept, Values) and kept.changed == ()


def test_a_tensor_of_the_host_cannot_be_mixed_in(client: Client) -> None:
    reply = client.call("mixes", x=np.zeros(3))
    assert isinstance(reply, Raised) and "same device" in reply.message


def test_draws_follow_from_the_seed(client: Client) -> None:
    one, same, other = (client.value("draw", x=np.ones(1), rng=Rng(seed)) for seed in (1, 1, 2))
    assert isinstance(one, Tensor) and isinstance(same, Tensor) and isinstance(other, Tensor)
    assert np.array_equal(one.array, same.array) and not np.array_equal(one.array, other.array)


def test_gradients_are_those_of_autograd_on_the_device(client: Client) -> None:
    rng = np.random.default_rng(0)
    X, W, b, dout = (rng.standard_normal(s) for s in [(4, 3), (3, 2), (2,), (4, 2)])
    given: dict[str, Value] = {"X": X, "W": W, "b": b}
    reply = client.session.call(Call("g", "hw", "affine", given, dout=(dout, None), wrt=("b", "X", "W")), 20.0)
    assert isinstance(reply, Values) and isinstance(reply.value, tuple)
    for got, expected in zip(reply.value, (dout.sum(0), dout @ W.T, X.T @ dout), strict=True):
        assert isinstance(got, Tensor) and np.allclose(got.array, expected)


# --- timed blocks ------------------------------------------------------------------------------------------------


def test_inputs_are_placed_and_waited_for_before_the_block_and_results_before_its_end(session: Session) -> None:
    x = np.arange(1.0, 4.0)
    step(session, "double", Block("base", vary=Function("_vary", "vary")), x=x)
    ready = step(session, "double", Block("ready", seed=1, repeat=3))
    run = step(session, "double", Block("run", seed=1, repeat=3))
    assert events(ready) == ["place"] * 3 + ["synchronise"]
    assert events(run) == ["synchronise"]
    projected = step(session, "double", Block("project", seed=5))
    assert isinstance(projected, Values) and isinstance(projected.value, list)
    norms = [row[1] for row in projected.value]
    rng = np.random.default_rng(1)
    assert norms == pytest.approx([2 * np.linalg.norm(x) * (1 + rng.random()) for _ in range(3)])


def test_of_a_large_result_the_chosen_elements_leave_the_device(session: Session) -> None:
    x = np.random.default_rng(0).random(10_000)
    step(session, "double", Block("base", vary=Function("_vary", "vary")), x=x)
    step(session, "double", Block("ready", seed=1))
    step(session, "double", Block("run", seed=1))
    reply = step(session, "double", Block("project", seed=5))
    chosen = np.random.default_rng(5).integers(0, 10_000, 4096)
    expected = 2 * (1 + np.random.default_rng(1).random()) * np.linalg.norm(x[chosen])
    assert isinstance(reply, Values) and isinstance(reply.value, list)
    assert reply.value[0][:2] == pytest.approx([10_000, expected])


def test_the_devices_own_threads_are_no_reason_to_end_a_process_but_the_students_are(session: Session) -> None:
    for function, kept in (("double", True), ("threaded", False)):
        step(session, function, Block("base", vary=Function("_vary", "vary")), x=np.ones(3))
        step(session, function, Block("ready", seed=1))
        step(session, function, Block("run", seed=1))
        reply = step(session, function, Block("project", seed=5))
        assert isinstance(reply, Values if kept else Refused), (function, reply)
