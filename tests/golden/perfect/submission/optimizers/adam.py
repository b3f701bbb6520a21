from numpy import sqrt


def adam_step(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = m + (1 - beta1) * (dw - m)
    v = v + (1 - beta2) * (dw * dw - v)
    step = (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * step, m, v
