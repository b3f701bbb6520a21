import torch


def _statistics(x):
    """Variance and mean of each feature over everything but the last axis."""
    return torch.var_mean(x, dim=tuple(range(x.dim() - 1)), correction=0)


def batch_norm(x, gamma, beta, eps=1e-5):
    var, mu = _statistics(x)
    return gamma * (x - mu) * torch.rsqrt(var + eps) + beta


def batch_norm_running(running_mean, running_var, x, momentum=0.9):
    var, mu = _statistics(x)
    return torch.lerp(mu, running_mean, float(momentum)), torch.lerp(var, running_var, float(momentum))


def batch_norm_inference(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return torch.addcmul(beta, gamma * (x - running_mean), torch.rsqrt(running_var + eps))
