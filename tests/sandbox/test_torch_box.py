"""Tensors and gradients through a box that has torch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sandbox.base import Call, Limits, Raised, Refused, Reply, Rng, Sandbox, Tensor, Value, Values
from tests.sandbox.conftest import Client, one_module

pytestmark = pytest.mark.torch

STUDENT = """
import numpy as np
import torch

calls = 0

def softmax(z):
    return torch.softmax(z, -1)

def affine(X, W, b):
    return X @ W + b, X.shape[0]

def detached(z):
    return torch.from_numpy(np.exp(z.detach().numpy()))

def ignores(a, b):
    return a * 2

def penalty(weights, lam):
    return lam * sum((w * w).sum() for w in weights.values())

def kinds(x, n, rng, items):
    return [str(x.dtype), x.requires_grad, *(type(v).__name__ for v in (x, n, rng, items[0]))]

def requires(z):
    return z * float(z.requires_grad)

def half(x):
    return x.to(torch.bfloat16)

def parameter():
    return torch.nn.Parameter(torch.ones(2))

def views():
    x = torch.arange(6.).reshape(2, 3)
    return x.T, x[:, ::2], torch.tensor(3), x[0].expand(2, 3), torch.tensor([1 + 2j]).conj(), torch.tensor([True])

def sparse():
    return torch.eye(3).to_sparse()

def array():
    return np.ones(3)

def draw(rng):
    return torch.randn(4, generator=rng)

def in_place(x):
    x.add_(1)
    return x

def much():
    return torch.zeros(1 << 40)

def count():
    global calls
    calls += 1
    return calls
"""


@pytest.fixture(scope="module")
def client(torch_backend: Sandbox) -> Iterator[Client]:
    session = torch_backend.open(one_module(STUDENT, "torch"), Limits.for_framework("torch"))
    yield Client(session)
    session.close()


def array_of(value: Value) -> np.ndarray:
    assert isinstance(value, Tensor), value
    return value.array


def gradient(client: Client, function: str, dout: Value, wrt: tuple[str, ...], **arguments: Value) -> Reply:
    return client.session.call(Call("g", "hw", function, arguments, dout=dout, wrt=wrt), 20.0)


def test_tensors_in_and_out(client: Client) -> None:
    got = client.value("softmax", z=np.array([[0.0, 0.0]], np.float32))
    assert isinstance(got, Tensor) and got.dtype == "float32" and got.array.tolist() == [[0.5, 0.5]]


def test_arguments_become_tensors_that_need_no_gradient(client: Client) -> None:
    got = client.value("kinds", x=np.zeros(2), n=3, rng=Rng(1), items=[np.zeros(1)])
    assert got == ["torch.float64", False, "Tensor", "int", "Generator", "Tensor"]


def test_views_are_normalised(client: Client) -> None:
    got = client.value("views")
    assert isinstance(got, tuple)
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    expected = (x.T, x[:, ::2], np.array(3), np.stack([x[0], x[0]]), np.array([1 - 2j], np.complex64), np.array([True]))
    for a, b in zip(got, expected, strict=True):
        assert array_of(a).dtype == b.dtype and np.array_equal(array_of(a), b)


def test_bfloat16_arrives_widened_under_its_own_name(client: Client) -> None:
    got = client.value("half", x=np.array([1.0, 1.00390625, 3.14159], np.float32))
    assert isinstance(got, Tensor) and got.dtype == "bfloat16"
    assert got.array.dtype == np.float32 and got.array[2] == 3.140625


def test_parameters_and_arrays_are_taken_and_sparse_tensors_are_not(client: Client) -> None:
    assert array_of(client.value("parameter")).tolist() == [1, 1]  # type: ignore[arg-type]
    assert isinstance(client.value("array"), np.ndarray)
    reply = client.call("sparse")
    assert isinstance(reply, Refused) and "torch.sparse_coo" in reply.reason


def test_generators_are_made_from_their_seed(client: Client) -> None:
    torch = pytest.importorskip("torch")
    expected = torch.randn(4, generator=torch.Generator().manual_seed(5)).numpy()
    assert np.array_equal(array_of(client.value("draw", rng=Rng(5))), expected)  # type: ignore[arg-type]


def test_changed_tensors_are_named(client: Client) -> None:
    reply = client.call("in_place", x=np.zeros(3))
    assert isinstance(reply, Values) and reply.changed == ("x",)


def test_calls_of_a_group_share_a_child(client: Client) -> None:
    assert [client.value("count"), client.value("count")] == [1, 2]


def test_gradients_come_in_the_order_of_the_names(client: Client) -> None:
    rng = np.random.default_rng(0)
    X, W, b, dout = (rng.standard_normal(s) for s in [(4, 3), (3, 2), (2,), (4, 2)])
    reply = gradient(client, "affine", (dout, None), ("b", "X", "W"), X=X, W=W, b=b)
    assert isinstance(reply, Values) and isinstance(reply.value, tuple)
    for got, expected in zip(reply.value, (dout.sum(0), dout @ W.T, X.T @ dout), strict=True):
        assert np.allclose(array_of(got), expected)


def test_a_single_gradient_comes_bare(client: Client) -> None:
    reply = gradient(client, "softmax", np.ones((1, 3)), ("z",), z=np.zeros((1, 3)))
    assert isinstance(reply, Values) and np.allclose(array_of(reply.value), 0)


def test_gradients_of_nested_arguments_keep_their_structure(client: Client) -> None:
    weights: Value = {"a": np.ones((2, 2)), "b": np.full(3, 2.0)}
    reply = gradient(client, "penalty", np.array(1.0), ("weights",), weights=weights, lam=0.5)
    assert isinstance(reply, Values) and isinstance(reply.value, dict)
    assert array_of(reply.value["a"]).tolist() == [[1, 1], [1, 1]] and array_of(reply.value["b"]).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("detached", {"z": np.zeros(2)}, "does not depend on z through autograd; do not detach or convert to NumPy"),
        ("ignores", {"a": np.zeros(2), "b": np.zeros(2)}, "does not depend on b through autograd"),
        ("array", {}, "type ndarray, not a torch.Tensor"),
        ("softmax", {"z": np.zeros(5)}, "shape (5,) where (2,) is expected"),
    ],
)
def test_missing_gradients_are_told_in_words(
    client: Client, function: str, arguments: dict[str, Value], words: str
) -> None:
    reply = gradient(client, function, np.ones(2), tuple(arguments), **arguments)
    assert isinstance(reply, Raised) and reply.error == "GradientError" and words in reply.message


def test_a_tensor_that_is_too_large_is_out_of_memory(client: Client) -> None:
    reply = client.call("much")
    assert type(reply).__name__ == "OutOfMemory"
    assert client.value("count") == 1
