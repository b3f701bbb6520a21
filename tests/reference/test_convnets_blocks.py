"""Residual blocks from first principles: by hand, loops in plain Python, what a shortcut must do, autograd."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grader import oracle
from grader.course import load_course

NAMES = ("identity_block", "convolutional_block")
TOPICS = load_course(Path(__file__).parents[2], NAMES).topics
identity_block, convolutional_block = (TOPICS[name].forward for name in NAMES)


@pytest.fixture
def rng():
    return np.random.default_rng(13)


def draw_params(rng, channels, f, filters, shortcut=False):
    first, second, third = filters
    layers = {"1": (1, channels, first), "2": (f, first, second), "3": (1, second, third)}
    layers |= {"s": (1, channels, third)} if shortcut else {}
    params = {}
    for i, (side, inputs, outputs) in layers.items():
        params[f"W{i}"] = rng.standard_normal((side, side, inputs, outputs))
        params |= {f"{name}{i}": rng.standard_normal(outputs) for name in ("b", "gamma", "beta")}
    return params


def layer_in_plain_python(x, params, i, stride=1):
    """Convolve and normalise number by number, from the definitions."""
    W, b, gamma, beta = (params[f"{name}{i}"] for name in ("W", "b", "gamma", "beta"))
    n_images, height, width, channels = x.shape
    f, pad = len(W), (len(W) - 1) // 2
    rows, cols = ((n + 2 * pad - f) // stride + 1 for n in (height, width))
    out = np.zeros((n_images, rows, cols, W.shape[3]))
    for k in range(W.shape[3]):
        for n, r, s in itertools.product(range(n_images), range(rows), range(cols)):
            total = b[k]
            for p, q, c in itertools.product(range(f), range(f), range(channels)):
                row, col = r * stride + p - pad, s * stride + q - pad
                if 0 <= row < height and 0 <= col < width:
                    total += x[n, row, col, c] * W[p, q, c, k]
            out[n, r, s, k] = total
        values = out[..., k].ravel().tolist()
        mean = math.fsum(values) / len(values)
        variance = math.fsum((value - mean) ** 2 for value in values) / len(values)
        for at in np.ndindex(out.shape[:3]):
            out[(*at, k)] = gamma[k] * (out[(*at, k)] - mean) / math.sqrt(variance + 1e-5) + beta[k]
    return out


def block_in_plain_python(x, params, stride=1):
    a = layer_in_plain_python(x, params, 1, stride)
    a = layer_in_plain_python(np.where(a > 0, a, 0), params, 2)
    a = layer_in_plain_python(np.where(a > 0, a, 0), params, 3)
    total = a + (layer_in_plain_python(x, params, "s", stride) if "Ws" in params else x)
    return np.where(total > 0, total, 0)


@pytest.mark.parametrize("f", [1, 3, 5])
def test_identity_block_from_the_definitions(f, rng):
    x, params = rng.standard_normal((2, 4, 5, 3)), draw_params(rng, 3, f, (2, 4, 3))
    assert_allclose(identity_block(x, params), block_in_plain_python(x, params), atol=1e-12)


@pytest.mark.parametrize(("f", "stride"), [(3, 1), (3, 2), (5, 2), (1, 3)])
def test_convolutional_block_from_the_definitions(f, stride, rng):
    x, params = rng.standard_normal((2, 5, 6, 3)), draw_params(rng, 3, f, (2, 4, 5), shortcut=True)
    out = convolutional_block(x, params, stride)
    assert out.shape == (2, -(-5 // stride), -(-6 // stride), 5)
    assert_allclose(out, block_in_plain_python(x, params, stride), atol=1e-12)


def test_identity_block_by_hand():
    """Of two numbers -1 and 1 batch norm makes -1 and 1, up to eps: the chain can be followed on paper."""
    x = np.array([-1.0, 1.0]).reshape(1, 1, 2, 1)
    one = {f"{name}{i}": np.ones((1, 1, 1, 1) if name == "W" else 1) for name in ("W", "b", "gamma") for i in "123"}
    params = one | {f"beta{i}": np.zeros(1) for i in "123"}
    # -1, 1 -> ReLU 0, 1 -> batch norm -1, 1 -> ReLU 0, 1 -> batch norm -1, 1 -> plus x: -2, 2 -> ReLU 0, 2
    assert_allclose(identity_block(x, params).ravel(), [0, 2], atol=1e-4)
    params["gamma3"] = np.array([-3.0])
    # the main path is 3, -3 now: sums 2 and -2
    assert_allclose(identity_block(x, params).ravel(), [2, 0], atol=2e-4)


def test_a_main_path_of_zeros_leaves_the_identity(rng):
    """That is what the block is for: gamma3 = beta3 = 0 makes it the identity on what is not negative."""
    x, params = rng.uniform(0, 2, (2, 4, 5, 3)), draw_params(rng, 3, 3, (2, 4, 3))
    params |= {"gamma3": np.zeros(3), "beta3": np.zeros(3)}
    assert_array_equal(identity_block(x, params), x)


def test_a_dead_shortcut_leaves_the_main_path(rng):
    x, params = rng.standard_normal((2, 4, 5, 3)), draw_params(rng, 3, 3, (2, 4, 5), shortcut=True)
    params |= {"gammas": np.zeros(5), "betas": np.full(5, 2.0)}
    other = params | {"Ws": rng.standard_normal((1, 1, 3, 5)), "bs": rng.standard_normal(5)}
    assert_array_equal(convolutional_block(x, params, 2), convolutional_block(x, other, 2))


def test_the_biases_of_the_convolutions_make_no_difference(rng):
    x, params = rng.standard_normal((2, 4, 5, 3)), draw_params(rng, 3, 3, (2, 4, 3))
    other = params | {f"b{i}": rng.standard_normal(params[f"b{i}"].shape) for i in "123"}
    assert_allclose(identity_block(x, other), identity_block(x, params), atol=1e-12)


def test_with_a_stride_pixels_between_the_steps_count_for_nothing(rng):
    x, params = rng.standard_normal((2, 5, 6, 3)), draw_params(rng, 3, 3, (2, 4, 5), shortcut=True)
    other = rng.standard_normal(x.shape)
    other[:, ::2, ::2] = x[:, ::2, ::2]
    assert_array_equal(convolutional_block(other, params, 2), convolutional_block(x, params, 2))


def test_the_layout_in_memory_does_not_matter(rng):
    x, params = rng.standard_normal((4, 8, 10, 6)), draw_params(rng, 3, 3, (2, 4, 3))
    x = x[::2, ::2, ::2, ::2]
    fortran = {name: np.asfortranarray(array) for name, array in params.items()}
    assert_allclose(identity_block(np.asfortranarray(x), fortran), identity_block(x.copy(), params), atol=1e-13)


def test_the_parameters_stay_as_they_are(rng):
    for name in NAMES:
        for case in TOPICS[name].cases:
            inputs = oracle.case_inputs(TOPICS[name], case, "one")
            before = {key: array.copy() for key, array in inputs["params"].items()}
            TOPICS[name].forward(**inputs)
            assert list(inputs["params"]) == list(before)
            for key, array in inputs["params"].items():
                assert_array_equal(array, before[key])


@pytest.mark.torch
@pytest.mark.parametrize("name", NAMES)
def test_autograd_gives_the_slopes_of_the_reference(name, rng):
    """The torch version is differentiable in x and in every parameter, with the slopes of the NumPy version."""
    torch = pytest.importorskip("torch")
    shortcut = name == "convolutional_block"
    rest = {"stride": 2} if shortcut else {}
    x, params = rng.standard_normal((2, 3, 4, 2)), draw_params(rng, 2, 3, (2, 3, 2), shortcut)
    tensors = {key: torch.from_numpy(array.copy()).requires_grad_() for key, array in {"x": x, **params}.items()}
    out = TOPICS[name].torch(tensors["x"], {key: tensors[key] for key in params}, **rest)
    dout = rng.standard_normal(out.shape)
    (out * torch.from_numpy(dout)).sum().backward()
    for key, array in {"x": x, **params}.items():
        for at in rng.permutation(list(np.ndindex(array.shape)))[:4]:
            sums = []
            for step in (1e-6, -1e-6):
                moved = array.copy()
                moved[tuple(at)] += step
                arguments = {"x": moved, "params": params} if key == "x" else {"x": x, "params": params | {key: moved}}
                sums.append((dout * TOPICS[name].forward(**arguments, **rest)).sum())
            slope = (sums[0] - sums[1]) / 2e-6
            assert_allclose(tensors[key].grad[tuple(at)].item(), slope, rtol=1e-5, atol=1e-7, err_msg=key)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"W1": None}, "params lacks W1$"),
        ({"b2": None, "beta3": None}, "params lacks b2, beta3$"),
        ({"W1": np.ones((3, 3, 3, 2))}, r"W1 \(3, 3, 3, 2\) do not fit: 1 is 3 and must be 1"),
        ({"W2": np.ones((2, 2, 2, 4))}, r"W2 \(2, 2, 2, 4\) has an even side"),
        ({"W2": np.ones((3, 1, 2, 4))}, "f is 1 and must be 3"),
        ({"W2": np.ones((3, 3, 5, 4))}, r"W2 \(3, 3, 5, 4\) and W1 \(1, 1, 3, 2\)"),
        ({"W3": np.ones((1, 1, 4, 2))}, r"W3 \(1, 1, 4, 2\) and x \(2, 4, 5, 3\)"),
        ({"b2": np.ones(3)}, r"b2 \(3,\)"),
        ({"gamma1": np.ones((1, 2))}, r"gamma1 has shape \(1, 2\)"),
    ],
    ids=str,
)
def test_bad_parameters_of_the_identity_block_are_named(change, words, rng):
    x, params = rng.standard_normal((2, 4, 5, 3)), draw_params(rng, 3, 3, (2, 4, 3))
    params = {name: array for name, array in (params | change).items() if array is not None}
    with pytest.raises(ValueError, match=words):
        identity_block(x, params)


def test_bad_input_of_the_blocks_is_named(rng):
    x, params = rng.standard_normal((2, 4, 5, 3)), draw_params(rng, 3, 3, (2, 4, 5), shortcut=True)
    with pytest.raises(ValueError, match="stride is 0"):
        convolutional_block(x, params, 0)
    with pytest.raises(ValueError, match=r"x has shape \(4, 5, 3\)"):
        convolutional_block(x[0], params, 1)
    with pytest.raises(ValueError, match="params lacks Ws"):
        convolutional_block(x, {name: array for name, array in params.items() if name != "Ws"}, 1)
    with pytest.raises(ValueError, match=r"Ws \(1, 1, 3, 4\)"):
        convolutional_block(x, params | {"Ws": np.ones((1, 1, 3, 4))}, 1)


def channels_first(x, params, stride):
    """Write the block with channels first and einsum, as a student who thinks in another layout would."""

    def layer(a, i, step):
        W, gamma, beta = (params[f"{name}{i}"] for name in ("W", "gamma", "beta"))
        pad = len(W) // 2
        a = np.pad(a, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        views = np.lib.stride_tricks.sliding_window_view(a, W.shape[:2], axis=(2, 3))[:, :, ::step, ::step]
        a = np.einsum("ncrsij,ijck->nkrs", views, W) + params[f"b{i}"][:, None, None]
        a = a - a.mean((0, 2, 3), keepdims=True)
        a = a / np.sqrt((a * a).mean((0, 2, 3), keepdims=True) + 1e-5)
        return a * gamma[:, None, None] + beta[:, None, None]

    a = x.transpose(0, 3, 1, 2)
    main = layer(layer(layer(a, 1, stride).clip(0), 2, 1).clip(0), 3, 1)
    return (main + layer(a, "s", stride)).clip(0).transpose(0, 2, 3, 1)


def test_another_layout_passes(failed_cases):
    assert failed_cases(TOPICS["convolutional_block"], channels_first) == set()
