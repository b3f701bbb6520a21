import torch
import torch.nn.functional as F

from batch_norm import batch_norm


def relu(x):
    return torch.relu(x)


def zero_pad(x, pad):
    return F.pad(x, (0, 0, pad, pad, pad, pad))


def conv_single_step(window, W, b):
    return torch.einsum("ijc,ijc->", window, W) + b


def _channels_first(x):
    return x.permute(0, 3, 1, 2).contiguous()


def _channels_last(x):
    return x.permute(0, 2, 3, 1)


def conv2d(x, W, b, stride, pad):
    filters = W.permute(3, 2, 0, 1).contiguous()
    return _channels_last(F.conv2d(_channels_first(x), filters, b, stride=stride, padding=pad))


def max_pool(x, f, stride):
    return _channels_last(F.max_pool2d(_channels_first(x), f, stride))


def avg_pool(x, f, stride):
    return _channels_last(F.avg_pool2d(_channels_first(x), f, stride))


def _conv_norm(x, params, which, stride=1):
    W = params["W" + which]
    z = conv2d(x, W, params["b" + which], stride, (W.shape[0] - 1) // 2)
    return batch_norm(z, params["gamma" + which], params["beta" + which])


def _residual(x, params, stride):
    a = _conv_norm(x, params, "1", stride).relu()
    a = _conv_norm(a, params, "2").relu()
    return _conv_norm(a, params, "3")


def identity_block(x, params):
    return (x + _residual(x, params, 1)).relu()


def convolutional_block(x, params, stride):
    shortcut = _conv_norm(x, params, "s", stride)
    return (shortcut + _residual(x, params, stride)).relu()
