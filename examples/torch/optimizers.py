import torch


def adagrad_step(w, dw, cache, lr, eps=1e-8):
    cache = torch.addcmul(cache, dw, dw)
    return torch.addcdiv(w, dw, cache.sqrt() + eps, value=-float(lr)), cache


def rmsprop_step(w, dw, cache, lr, beta=0.9, eps=1e-8):
    cache = torch.lerp(dw.square(), cache, float(beta))
    return torch.addcdiv(w, dw, cache.sqrt() + eps, value=-float(lr)), cache


def adam_step(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = torch.lerp(dw, m, beta1) if isinstance(beta1, float) else beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw.square()
    step = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    return w - lr * step, m, v
