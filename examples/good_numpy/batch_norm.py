import numpy as np

from common import all_but_last


def _normalized(x, eps):
    axes = all_but_last(x)
    centered = x - x.mean(axis=axes)
    inv_std = 1 / np.sqrt((centered**2).mean(axis=axes) + float(eps))
    return centered * inv_std, inv_std, axes


def batch_norm(x, gamma, beta, eps=1e-5):
    x_hat, _, _ = _normalized(x, eps)
    return (gamma * x_hat + beta).astype(x.dtype)


def batch_norm_backward(dout, x, gamma, beta, eps=1e-5):
    x_hat, inv_std, axes = _normalized(x, eps)
    dbeta = dout.sum(axis=axes)
    dgamma = (dout * x_hat).sum(axis=axes)
    dx_hat = dout * gamma
    dx = inv_std * (dx_hat - dx_hat.mean(axis=axes) - x_hat * (dx_hat * x_hat).mean(axis=axes))
    return dx.astype(x.dtype), dgamma, dbeta


def batch_norm_running(running_mean, running_var, x, momentum=0.9):
    axes = all_but_last(x)
    fresh = 1 - float(momentum)
    new_mean = running_mean + fresh * (x.mean(axis=axes) - running_mean)
    new_var = running_var + fresh * (x.var(axis=axes) - running_var)
    return new_mean, new_var


def batch_norm_inference(x, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / np.sqrt(running_var + float(eps))
    return (x - running_mean) * scale + beta
