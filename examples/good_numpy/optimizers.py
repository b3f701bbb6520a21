import numpy as np


def _towards(old, new, beta):
    """A running average, moved a little towards the new value."""
    return old + (1 - float(beta)) * (new - old)


def adagrad_step(w, dw, cache, lr, eps=1e-8):
    cache = cache + np.square(dw)
    return w - float(lr) * (dw / (np.sqrt(cache) + float(eps))), cache


def rmsprop_step(w, dw, cache, lr, beta=0.9, eps=1e-8):
    cache = _towards(cache, np.square(dw), beta)
    return w - float(lr) * (dw / (np.sqrt(cache) + float(eps))), cache


def adam_step(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    w_new = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    # lr, beta1, ... may be float64 scalars, the parameters stay what they were
    return w_new.astype(w.dtype), m.astype(w.dtype), v.astype(w.dtype)
