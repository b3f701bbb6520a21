"""The residual block that changes its input's shape (notes, section 9)."""

import numpy as np

from grader import Case, Mistake, Topic
from grader.picture import heat

from .conv2d import check_windows, conv2d
from .identity_block import (
    check_block,
    draw_params,
    layer,
    layer_backward,
    layer_in_loops,
    layer_torch,
    layer_without_bias,
    main_path,
    main_path_backward,
    main_path_torch,
)
from .relu import relu, relu_backward


def convolutional_block(x, params, stride):
    """Send the input through three convolutions, add a projection of the input to the result, and rectify the sum.

    x: float array (N, H, W, C), a batch of images or volumes, channels last
    params: dict of float arrays, same dtype as x, of three layers with F1, F2 and F3 filters and the shortcut "s":
        W1 (1, 1, C, F1), W2 (f, f, F1, F2) with odd f, W3 (1, 1, F2, F3), Ws (1, 1, C, F3), and for each i in
        1, 2, 3, s the convolution's bias b{i}, and the scale gamma{i} and shift beta{i} of the batch norm: one number
        per filter
    stride: integer >= 1, the step of the first convolution and of the one on the shortcut; the others have stride 1
    returns: float array (N, H_out, W_out, F3), same dtype as x, H_out = (H - 1) // stride + 1, likewise W_out:
        relu(main path + shortcut)

    Main path: convolution 1x1 with the stride, batch norm, ReLU; convolution fxf with pad (f - 1) // 2, batch norm,
    ReLU; convolution 1x1, batch norm. Shortcut: convolution 1x1 with the stride, batch norm, and no ReLU. Batch norm
    takes the statistics of the batch (over N, H and W, biased variance, N * H_out * W_out > 1) with eps = 1e-5 in the
    root. Some libraries put the stride on the fxf convolution instead; the course follows the paper.
    No backward is asked for: in PyTorch autograd gives it, so the forward must be differentiable there.
    Source: notes, section 9; He, Zhang, Ren and Sun, 2015 (the bottleneck with a projection). Raises ValueError for
    arrays that are missing or do not fit together, and for a stride below 1.
    """
    check_block(x, params, {"1": "1 1 C F1", "2": "f f F1 F2", "3": "1 1 F2 F3", "s": "1 1 C F3"})
    check_windows(x, 1, stride)
    return relu(main_path(x, params, stride) + layer(x, params, "s", stride))


def convolutional_block_backward(dout, x, params, stride):
    """Differentiate sum(dout * convolutional_block(...)) with respect to x: the oracle of autograd, not a stub.

    dout: float array like the result; the other parameters are those of convolutional_block
    returns: dx, array like x: what comes through the main path plus what comes through the projection
    """
    dsum = relu_backward(dout, main_path(x, params, stride) + layer(x, params, "s", stride))
    return main_path_backward(dsum, x, params, stride) + layer_backward(dsum, x, params, "s", stride)


def convolutional_block_torch(x, params, stride):
    images = x.permute(0, 3, 1, 2)
    total = main_path_torch(images, params, stride) + layer_torch(images, params, "s", stride)
    return total.relu().permute(0, 2, 3, 1)


def in_loops(x, params, stride):
    total = main_path(x, params, stride, layer_in_loops) + layer_in_loops(x, params, "s", stride)
    return np.where(total > 0, total, 0)


def thinned_out_first(x, params, stride):
    """A 1x1 convolution with a stride sees only every stride-th pixel: drop the others at once."""
    x = x[:, ::stride, ::stride]
    return np.maximum(0, layer_without_bias(x, params, "s") + main_path(x, params, layer=layer_without_bias))


def relu_before_addition(x, params, stride):
    return relu(main_path(x, params, stride)) + layer(x, params, "s", stride)


def relu_on_the_shortcut(x, params, stride):
    return relu(main_path(x, params, stride) + relu(layer(x, params, "s", stride)))


def without_last_relu(x, params, stride):
    return main_path(x, params, stride) + layer(x, params, "s", stride)


def shortcut_not_normalised(x, params, stride):
    return relu(main_path(x, params, stride) + conv2d(x, params["Ws"], params["bs"], stride, 0))


def stride_on_the_second(x, params, stride):
    a = relu(layer(x, params, 1))
    a = relu(layer(a, params, 2, stride))
    return relu(layer(a, params, 3) + layer(x, params, "s", stride))


def shortcut_from_the_corner(x, params, stride):
    """Make the shortcut's size right by cutting it, not by stepping."""
    main = main_path(x, params, stride)
    return relu(main + layer(x[:, : main.shape[1], : main.shape[2]], params, "s"))


def _inputs(rng, shape, filters, stride, f=3, dtype="f8", biases=1.0):
    first, second, third = filters
    sizes = {1: (shape[3], first), 2: (first, second), 3: (second, third), "s": (shape[3], third)}
    x = 2 * rng.standard_normal(shape)
    return {"x": x.astype(dtype), "params": draw_params(rng, f, sizes, dtype, biases), "stride": stride}


def _by_hand(rng):
    """One channel, and filters of one weight: with stride 2 six of the twelve numbers count."""
    values = {"W1": 2.0, "W2": 1.0, "W3": -1.0, "Ws": 3.0}
    weights = {name: np.full((1, 1, 1, 1), value) for name, value in values.items()}
    rest = {
        f"{name}{i}": np.array([value]) for name, value in (("b", 1.0), ("gamma", 1.0), ("beta", 0.5)) for i in "123s"
    }
    x = rng.permutation(np.arange(-6.0, 6.0)).reshape(1, 3, 4, 1)
    return {"x": x, "params": weights | rest, "stride": 2}


def _small(rng):
    inputs = _inputs(rng, (1, 3, 3, 1), (1, 2, 2), 2)
    params = {name: array.round(1) for name, array in inputs["params"].items()}
    return inputs | {"x": inputs["x"].round(1), "params": params}


def _views(rng):
    inputs = _inputs(rng, (3, 12, 10, 2), (3, 2, 3), 2)
    params = {name: np.asfortranarray(array) for name, array in inputs["params"].items()}
    return inputs | {"x": inputs["x"][:, ::2, ::2], "params": params}


TOPIC = Topic(
    forward=convolutional_block,
    backward=convolutional_block_backward,
    torch=convolutional_block_torch,
    wrt=("x",),
    autograd_only=True,
    cases=(
        Case("twelve numbers", _by_hand, visible=True),
        Case("one small image", _small, visible=True),
        Case("stride 1", lambda rng: _inputs(rng, (2, 5, 4, 3), (2, 3, 5), 1)),
        Case("stride 2", lambda rng: _inputs(rng, (3, 7, 6, 4), (2, 3, 6), 2)),
        Case("stride 3 and a filter of 5x5", lambda rng: _inputs(rng, (3, 10, 8, 2), (3, 2, 4), 3, f=5)),
        Case("float32", lambda rng: _inputs(rng, (4, 8, 9, 6), (4, 4, 8), 2, dtype="f4")),
        Case("a slice with a step, and filters with columns first in memory", _views),
        Case(
            "biases of a thousand",
            lambda rng: _inputs(rng, (4, 7, 8, 4), (3, 3, 5), 2, dtype="f4", biases=1000.0),
            aspect="stability",
            gradient=False,  # the offset drowns central differences, which prove the others
        ),
        Case("images of one row", lambda rng: _inputs(rng, (3, 1, 9, 3), (2, 2, 4), 2), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            relu_before_addition,
            "The last ReLU comes before the addition, so negative sums survive. Add the shortcut first.",
        ),
        Mistake(
            relu_on_the_shortcut,
            "The shortcut is rectified before the addition and loses its negative half: "
            "it is a projection of the input and nothing more.",
        ),
        Mistake(without_last_relu, "There are negative values: the sum goes through a ReLU of its own."),
        Mistake(
            shortcut_not_normalised,
            "The projection is added as it is. The shortcut has a batch norm of its own.",
        ),
        Mistake(
            stride_on_the_second,
            "The main path takes its large steps in the fxf convolution, as some libraries do. "
            "Here the first convolution has the stride.",
        ),
        Mistake(
            shortcut_from_the_corner,
            "The shortcut shows only the upper left part of the image: it must take the same steps as the main path.",
        ),
    ),
    alternates=(in_loops, thinned_out_first),
    valid=lambda x, params, stride: x[:, ::stride, ::stride, 0].size > 1,
    picture=lambda inputs, expected, actual: heat(inputs["x"], expected, actual),
)
