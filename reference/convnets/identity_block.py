"""The residual block that keeps its input's shape (notes, section 9)."""

import numpy as np

from grader import Case, Mistake, Topic
from grader.picture import heat
from grader.shapes import check_shapes

from ..batch_norm.batch_norm import (
    batch_norm,
    batch_norm_backward,
    feature_by_feature,
    folded_into_scale_and_shift,
)
from .conv2d import conv2d, conv2d_backward, loop_over_filter_places, loop_over_windows
from .relu import relu, relu_backward


def identity_block(x, params):
    """Send the input through three convolutions, add the untouched input to the result, and rectify the sum.

    x: float array (N, H, W, C), a batch of images or volumes, channels last
    params: dict of float arrays, same dtype as x, of three layers with F1, F2 and C filters:
        W1 (1, 1, C, F1), W2 (f, f, F1, F2) with odd f, W3 (1, 1, F2, C), and for each layer i the convolution's bias
        b{i}, and the scale gamma{i} and shift beta{i} of the batch norm: one number per filter
    returns: float array like x (shape and dtype): relu(main path + x)

    Main path: convolution 1x1, batch norm, ReLU; convolution fxf with pad (f - 1) // 2, batch norm, ReLU; convolution
    1x1, batch norm. All strides are 1, and there is no ReLU between the third batch norm and the addition. Batch norm
    takes the statistics of the batch (over N, H and W, biased variance, N * H * W > 1) with eps = 1e-5 in the root.
    No backward is asked for: this is composed of layers whose gradients are asked for elsewhere, and in PyTorch
    autograd gives it, so the forward must be differentiable there.
    Source: notes, section 9; He, Zhang, Ren and Sun, 2015 (the bottleneck). Raises ValueError for arrays that are
    missing or do not fit together.
    """
    check_block(x, params, {"1": "1 1 C F1", "2": "f f F1 F2", "3": "1 1 F2 C"})
    return relu(main_path(x, params) + x)


def check_block(x, params, filters):
    """Raise ValueError unless params holds for each layer of the given shape a bias, a scale and a shift too."""
    arrays = {f"W{layer}": pattern for layer, pattern in filters.items()}
    for layer, pattern in filters.items():
        arrays |= {f"{name}{layer}": pattern.split()[-1] for name in ("b", "gamma", "beta")}
    if missing := [name for name in arrays if name not in params]:
        raise ValueError(f"params lacks {', '.join(missing)}")
    check_shapes(x=(x, "N H W C"), **{name: (params[name], pattern) for name, pattern in arrays.items()})
    if len(params["W2"]) % 2 == 0:
        raise ValueError(f"W2 {tuple(params['W2'].shape)} has an even side: no padding keeps the shape")


def layer(a, params, i, stride=1, conv=conv2d, norm=batch_norm):
    """Convolve and normalise; the padding (f - 1) // 2 is 0 for a 1x1 filter."""
    W, b, gamma, beta = (params[f"{name}{i}"] for name in ("W", "b", "gamma", "beta"))
    return norm(conv(a, W, b, stride, (len(W) - 1) // 2), gamma, beta)


def main_path(x, params, stride=1, layer=layer):
    a = relu(layer(x, params, 1, stride))
    a = relu(layer(a, params, 2))
    return layer(a, params, 3)


def identity_block_backward(dout, x, params):
    """Differentiate sum(dout * identity_block(x, params)) with respect to x: the oracle of autograd, not a stub.

    dout: float array like the result; the other parameters are those of identity_block
    returns: dx, array like x: what comes through the main path plus what comes along the skip connection
    """
    dsum = relu_backward(dout, main_path(x, params) + x)
    return main_path_backward(dsum, x, params) + dsum


def main_path_backward(dout, x, params, stride=1):
    z1 = layer(x, params, 1, stride)
    z2 = layer(relu(z1), params, 2)
    da2 = layer_backward(dout, relu(z2), params, 3)
    da1 = layer_backward(relu_backward(da2, z2), relu(z1), params, 2)
    return layer_backward(relu_backward(da1, z1), x, params, 1, stride)


def layer_backward(dout, a, params, i, stride=1):
    W, b, gamma, beta = (params[f"{name}{i}"] for name in ("W", "b", "gamma", "beta"))
    pad = (len(W) - 1) // 2
    dz = batch_norm_backward(dout, conv2d(a, W, b, stride, pad), gamma, beta)[0]
    return conv2d_backward(dz, a, W, b, stride, pad)[0]


def identity_block_torch(x, params):
    images = x.permute(0, 3, 1, 2)
    return (main_path_torch(images, params) + images).relu().permute(0, 2, 3, 1)


def main_path_torch(images, params, stride=1):
    a = layer_torch(images, params, 1, stride).relu()
    a = layer_torch(a, params, 2).relu()
    return layer_torch(a, params, 3)


def layer_torch(images, params, i, stride=1):
    from torch.nn.functional import batch_norm, conv2d

    W = params[f"W{i}"].permute(3, 2, 0, 1).contiguous()
    a = conv2d(images, W, params[f"b{i}"], stride, padding=W.shape[-1] // 2)
    return batch_norm(a, None, None, params[f"gamma{i}"], params[f"beta{i}"], training=True, eps=1e-5)


def layer_in_loops(a, params, i, stride=1):
    return layer(a, params, i, stride, loop_over_windows, feature_by_feature)


def layer_without_bias(a, params, i, stride=1):
    """Leave out the bias: the batch norm takes it away again."""
    params = params | {f"b{i}": np.zeros_like(params[f"b{i}"])}
    return layer(a, params, i, stride, loop_over_filter_places, folded_into_scale_and_shift)


def in_loops(x, params):
    return np.where((total := main_path(x, params, layer=layer_in_loops) + x) > 0, total, 0)


def without_biases(x, params):
    return np.maximum(0, x + main_path(x, params, layer=layer_without_bias))


def relu_before_addition(x, params):
    return relu(main_path(x, params)) + x


def relu_on_both_sides_of_addition(x, params):
    return relu(relu(main_path(x, params)) + x)


def without_shortcut(x, params):
    return relu(main_path(x, params))


def without_last_relu(x, params):
    return main_path(x, params) + x


def adds_the_branch_to_itself(x, params):
    return relu(2 * main_path(x, params))


def statistics_per_image(x, params):
    return np.concatenate([identity_block(x[n : n + 1], params) for n in range(len(x))])


def draw_params(rng, f, sizes, dtype="f8", biases=1.0):
    """Draw the parameters of layers; sizes maps each layer to the channels that it takes and gives."""
    params = {}
    for i, (channels, filters) in sizes.items():
        side = f if i == 2 else 1
        params[f"W{i}"] = rng.standard_normal((side, side, channels, filters))
        params[f"b{i}"] = biases * rng.choice([-1, 1], filters) * rng.uniform(0.5, 1, filters)
        params[f"gamma{i}"] = rng.uniform(0.5, 2, filters)
        params[f"beta{i}"] = rng.uniform(-0.5, 1, filters)
    return {name: array.astype(dtype) for name, array in params.items()}


def _inputs(rng, shape, filters, f=3, dtype="f8", biases=1.0):
    sizes = {1: (shape[3], filters[0]), 2: filters, 3: (filters[1], shape[3])}
    x = 2 * rng.standard_normal(shape)
    return {"x": x.astype(dtype), "params": draw_params(rng, f, sizes, dtype, biases)}


def _by_hand(rng):
    """One channel, and filters of one weight: the block is a chain of formulas for four numbers."""
    weights = {f"W{i}": np.full((1, 1, 1, 1), value) for i, value in ((1, 2.0), (2, 1.0), (3, -1.0))}
    rest = {
        f"{name}{i}": np.array([value]) for name, value in (("b", 1.0), ("gamma", 1.0), ("beta", 0.5)) for i in "123"
    }
    return {"x": rng.permutation([-3.0, -1.0, 1.0, 3.0]).reshape(1, 2, 2, 1), "params": weights | rest}


def _small(rng):
    inputs = _inputs(rng, (1, 2, 3, 1), (2, 1))
    return {"x": inputs["x"].round(1), "params": {name: array.round(1) for name, array in inputs["params"].items()}}


def _views(rng):
    inputs = _inputs(rng, (3, 8, 10, 2), (3, 2))
    params = {name: np.asfortranarray(array) for name, array in inputs["params"].items()}
    return {"x": inputs["x"][:, ::2, ::2], "params": params}


TOPIC = Topic(
    forward=identity_block,
    backward=identity_block_backward,
    torch=identity_block_torch,
    wrt=("x",),
    autograd_only=True,
    cases=(
        Case("four numbers", _by_hand, visible=True),
        Case("one small image", _small, visible=True),
        Case("images", lambda rng: _inputs(rng, (3, 6, 5, 4), (2, 3))),
        Case("a filter of 5x5", lambda rng: _inputs(rng, (2, 7, 5, 3), (4, 2), f=5)),
        Case("float32", lambda rng: _inputs(rng, (4, 6, 7, 8), (4, 4), dtype="f4")),
        Case("a slice with a step, and filters with columns first in memory", _views),
        Case(
            "biases of a thousand",
            lambda rng: _inputs(rng, (4, 5, 6, 4), (3, 3), dtype="f4", biases=1000.0),
            aspect="stability",
            gradient=False,  # the offset drowns central differences, which prove the others
        ),
        Case("images of one row", lambda rng: _inputs(rng, (2, 1, 6, 3), (2, 2)), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            relu_before_addition,
            "The last ReLU comes before the addition, so negative sums survive. Add the shortcut first.",
        ),
        Mistake(
            relu_on_both_sides_of_addition,
            "The main path is rectified before the addition as well, and can then only add to the input. "
            "Its last step is the batch norm.",
        ),
        Mistake(
            without_shortcut, "The input is not added: what is left is a chain of three layers, no residual block."
        ),
        Mistake(without_last_relu, "There are negative values: the sum goes through a ReLU of its own."),
        Mistake(
            adds_the_branch_to_itself,
            "The main path is added to itself. If its steps overwrite x, keep the input under another name.",
        ),
        Mistake(
            statistics_per_image,
            "Each image is normalised by its own statistics: batch norm takes them over the whole batch.",
        ),
    ),
    alternates=(in_loops, without_biases),
    valid=lambda x, params: x[..., 0].size > 1,
    picture=lambda inputs, expected, actual: heat(inputs["x"], expected, actual),
)
