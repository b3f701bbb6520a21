"""One step of Adam (notes, section 7)."""

import numpy as np

from grader import Case, Mistake, Topic


def adam_step(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """Take one step of Adam and return the new parameters and both running averages.

    w: float array of any shape, the parameters
    dw: float array like w, the gradient of the loss at w
    m: float array like w, the running average of the gradients as the last step returned it; zeros before the first
    v: float array like w, the running average of the squared gradients, likewise
    t: integer, the number of this step; the first step has t = 1
    lr: positive number, the learning rate
    beta1, beta2: numbers in [0, 1), how much of the old m and v is kept
    eps: positive number that keeps the division away from 0
    returns: (w, m, v), each like w (shape and dtype), with element by element
        m = beta1 * m + (1 - beta1) * dw
        v = beta2 * v + (1 - beta2) * dw^2
        w = w - lr * m_hat / (sqrt(v_hat) + eps)   where m_hat = m / (1 - beta1^t) and v_hat = v / (1 - beta2^t)

    The step uses the new m and v. eps stands outside the root and is added after the bias correction. The m and v
    that are returned are not bias-corrected. The arrays given are left as they are, and the gradient is not clipped.
    Source: notes, section 7 (use Adam); Kingma and Ba, 2015, algorithm 1.
    """
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step_torch(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), m, v


def correction_in_step_size(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = m + (1 - beta1) * (dw - m)
    v = v + (1 - beta2) * (dw * dw - v)
    root = (1 - beta2**t) ** 0.5
    return w - lr * root / (1 - beta1**t) * m / (np.sqrt(v) + eps * root), m, v


def element_by_element(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    out = np.empty_like(w), np.empty_like(m), np.empty_like(v)
    for i in np.ndindex(w.shape):
        mean = beta1 * float(m[i]) + (1 - beta1) * float(dw[i])
        square = beta2 * float(v[i]) + (1 - beta2) * float(dw[i]) ** 2
        step = mean / (1 - beta1**t) / ((square / (1 - beta2**t)) ** 0.5 + eps)
        out[0][i], out[1][i], out[2][i] = float(w[i]) - lr * step, mean, square
    return out


def no_bias_correction(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (np.sqrt(v) + eps), m, v


def v_not_corrected(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v) + eps), m, v


def v_corrected_by_root(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / np.sqrt(1 - beta2**t)) + eps), m, v


def correction_ignores_t(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1) / (np.sqrt(v / (1 - beta2)) + eps), m, v


def t_counted_from_zero(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_step(w, dw, m, v, t + 1, lr, beta1, beta2, eps)


def stores_corrected_averages(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    w, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w, m / (1 - beta1**t), v / (1 - beta2**t)


def steps_with_old_averages(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, new_m, new_v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), new_m, new_v


def eps_inside_root(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps), m, v


def eps_before_correction(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps), m, v


def without_eps(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_step(w, dw, m, v, t, lr, beta1, beta2, eps=0)


def gradient_not_squared(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, _ = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    v = beta2 * v + (1 - beta2) * np.abs(dw)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def root_forgotten(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / (v / (1 - beta2**t) + eps), m, v


def decay_swapped(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = (1 - beta1) * m + beta1 * dw
    v = (1 - beta2) * v + beta2 * dw**2
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def betas_swapped(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_step(w, dw, m, v, t, lr, beta2, beta1, eps)


def betas_fixed(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_step(w, dw, m, v, t, lr, eps=eps)


def clips_gradient(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_step(w, np.clip(dw, -1, 1), m, v, t, lr, beta1, beta2, eps)


def climbs(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    new_w, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return 2 * w - new_w, m, v


def averages_swapped(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    w, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w, v, m


def _after_some_steps(rng, shape, t, scale=0.5, dtype="f8", lr=0.1, **rest):
    """Bring m and v to where t - 1 steps with gradients of this scale leave them, then ask for step t."""
    beta1, beta2 = rest.get("beta1", 0.9), rest.get("beta2", 0.999)
    m, v = np.zeros(shape), np.zeros(shape)
    gradients = scale * rng.standard_normal((t, *shape))
    for dw in gradients[:-1]:
        m, v = beta1 * m + (1 - beta1) * dw, beta2 * v + (1 - beta2) * dw**2
    arrays = {"w": rng.standard_normal(shape), "dw": gradients[-1], "m": m, "v": v}
    return {name: array.astype(dtype) for name, array in arrays.items()} | {"t": t, "lr": lr} | rest


def _first_step(rng):
    w, dw = rng.integers(-3, 4, (2, 3)).astype("f8"), rng.choice([-2.0, -0.5, 0.5, 1.0, 4.0], (2, 3))
    return {"w": w, "dw": dw, "m": np.zeros((2, 3)), "v": np.zeros((2, 3)), "t": 1, "lr": 0.1}


def _second_step(rng):
    dw, before = rng.permutation([-4.0, -1.0, 2.0]), rng.permutation([-3.0, 1.0, 2.0])
    w = rng.integers(-3, 4, 3).astype("f8")
    return {"w": w, "dw": dw, "m": 0.5 * before, "v": 0.25 * before**2, "t": 2, "lr": 0.1, "beta1": 0.5, "beta2": 0.75}


def _tiny_gradients(rng, scale, t):
    return _after_some_steps(rng, (3, 4), t, scale * 10 ** rng.uniform(-1, 1, (3, 4)))


def _some_gradients_zero(rng):
    inputs = _after_some_steps(rng, (2, 4), 3)
    for name in ("dw", "m", "v"):
        inputs[name][:, 1] = 0
    return inputs


TOPIC = Topic(
    forward=adam_step,
    torch=adam_step_torch,
    cases=(
        Case("first step", _first_step, visible=True),
        Case("second step of a vector", _second_step, visible=True),
        Case("fifth step of a matrix", lambda rng: _after_some_steps(rng, (4, 3), 5)),
        Case("step 200", lambda rng: _after_some_steps(rng, (5, 2), 200)),
        Case("large gradients", lambda rng: _after_some_steps(rng, (3, 3), 4, scale=40.0)),
        Case("other betas and eps", lambda rng: _after_some_steps(rng, (3, 5), 3, beta1=0.7, beta2=0.95, eps=1e-3)),
        Case("float32", lambda rng: _after_some_steps(rng, (6, 4), 7, dtype="f4")),
        Case("gradients around 1e-5", lambda rng: _tiny_gradients(rng, 1e-5, 6), aspect="stability"),
        Case("gradients around 1e-8", lambda rng: _tiny_gradients(rng, 1e-8, 2), aspect="stability"),
        Case("some gradients are always 0", _some_gradients_zero, aspect="edge"),
        Case("one parameter", lambda rng: _after_some_steps(rng, (1,), 2), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            no_bias_correction,
            "The averages start at 0, so at first they are too small. Both must be corrected for that.",
        ),
        Mistake(v_not_corrected, "Only m is corrected for its start at 0: v needs it too, with its own beta."),
        Mistake(
            v_corrected_by_root,
            "The correction of v is divided by a root of its own. "
            "Correct v first; the only root is then taken of the corrected value.",
        ),
        Mistake(
            correction_ignores_t,
            "The correction is the same at every step. It fades as t grows: the betas come with a power.",
        ),
        Mistake(
            t_counted_from_zero,
            "The correction is one step ahead: t counts from 1, and the t that is given is the one of this step.",
        ),
        Mistake(
            stores_corrected_averages,
            "The m and v that come back are the corrected ones. "
            "The next step builds on the plain averages; use the corrected ones for this update only.",
        ),
        Mistake(
            steps_with_old_averages,
            "The parameters move before m and v have seen the new gradient: update the averages first.",
        ),
        Mistake(eps_inside_root, "eps is under the root, where it outweighs small gradients. It belongs outside."),
        Mistake(
            eps_before_correction,
            "eps is added to the root of the uncorrected v, so the correction scales eps too. Correct v first.",
        ),
        Mistake(without_eps, "A parameter that never had a gradient gives 0/0: eps is there to prevent it."),
        Mistake(gradient_not_squared, "v averages the squares of the gradients, not their sizes."),
        Mistake(root_forgotten, "The step is divided by the average square; its root is meant."),
        Mistake(
            decay_swapped,
            "The weights of old and new are exchanged: beta is how much of the old average is kept.",
        ),
        Mistake(betas_swapped, "beta1 belongs to the gradients and beta2 to their squares: here it is the other way."),
        Mistake(betas_fixed, "beta1 and beta2 are parameters: use the values that the caller gives, not fixed ones."),
        Mistake(clips_gradient, "Large gradients are cut off. Adam does not clip; only gradients below 1 hide it."),
        Mistake(climbs, "The step goes uphill: the loss falls against the direction of the gradient."),
        Mistake(averages_swapped, "m and v come back in the wrong order: (w, m, v) is asked for."),
    ),
    alternates=(correction_in_step_size, element_by_element),
)
