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
    Arrays of different shapes, a beta outside [0, 1) and a t below 1 are a ValueError.
    Source: notes, section 7 (use Adam); Kingma and Ba, 2015, algorithm 1.
    """
    _check(w, dw, m, v, t, beta1, beta2)
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step_torch(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _check(w, dw, m, v, t, beta1, beta2)
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    return w - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps), m, v


def _check(w, dw, m, v, t, beta1, beta2):
    if not w.shape == dw.shape == m.shape == v.shape:
        raise ValueError(f"w, dw, m and v must have one shape, not {[tuple(a.shape) for a in (w, dw, m, v)]}")
    if t < 1:
        raise ValueError(f"t is {t}; the first step has t = 1")
    if not (0 <= beta1 < 1 and 0 <= beta2 < 1):
        raise ValueError(f"beta1 is {beta1} and beta2 is {beta2}; both must be at least 0 and below 1")


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


def correction_ignores_t(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1) / (np.sqrt(v / (1 - beta2)) + eps), m, v


def t_counted_from_zero(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_step(w, dw, m, v, t + 1, lr, beta1, beta2, eps)


def stores_corrected_averages(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    w, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w, m / (1 - beta1**t), v / (1 - beta2**t)


def eps_inside_root(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    _, m, v = adam_step(w, dw, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps), m, v


def decay_swapped(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = (1 - beta1) * m + beta1 * dw
    v = (1 - beta2) * v + beta2 * dw**2
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def clips_gradient(w, dw, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_step(w, np.clip(dw, -1, 1), m, v, t, lr, beta1, beta2, eps)


def _after_some_steps(rng, shape, t, scale=0.5, dtype="f8", lr=0.1, **rest):
    """Bring m and v to where t - 1 steps with gradients of this scale leave them, then ask for step t."""
    beta1, beta2 = rest.get("beta1", 0.9), rest.get("beta2", 0.999)
    m, v = np.zeros(shape), np.zeros(shape)
    gradients = scale * rng.standard_normal((t, *shape))
    for dw in gradients[:-1]:
        m, v = beta1 * m + (1 - beta1) * dw, beta2 * v + (1 - beta2) * dw**2
    arrays = {"w": rng.standard_normal(shape), "dw": gradients[-1], "m": m, "v": v}
    return {name: array.astype(dtype) for name, array in arrays.items()} | {"t": t, "lr": lr} | rest


def _other_layouts(rng):
    inputs = _after_some_steps(rng, (6, 8), 5)
    sliced = {name: inputs[name][::2, ::2] for name in ("w", "dw", "m", "v")}
    return inputs | sliced | {"w": np.asfortranarray(sliced["w"])}


def _first_step(rng):
    w, dw = rng.integers(-3, 4, (2, 3)).astype("f8"), rng.choice([-2.0, -0.5, 0.5, 1.0, 4.0], (2, 3))
    return {"w": w, "dw": dw, "m": np.zeros((2, 3)), "v": np.zeros((2, 3)), "t": 1, "lr": 0.1}


def _second_step(rng):
    dw, before = rng.permutation([-4.0, -1.0, 2.0]), rng.permutation([-3.0, 1.0, 2.0])
    w = rng.integers(-3, 4, 3).astype("f8")
    return {"w": w, "dw": dw, "m": 0.5 * before, "v": 0.25 * before**2, "t": 2, "lr": 0.1, "beta1": 0.5, "beta2": 0.75}


def _some_gradients_zero(rng):
    inputs = _after_some_steps(rng, (2, 4), 3)
    return inputs | {name: inputs[name] * np.array([1.0, 0.0, 1.0, 1.0]) for name in ("dw", "m", "v")}


def _is_reached(m, v, t, **rest):
    """Tell whether steps can lead to these averages: none before the first, and no mean without a mean square."""
    return bool(((v > 0) | (m == 0)).all() and (t > 1 or not (m.any() or v.any())))


TOPIC = Topic(
    forward=adam_step,
    torch=adam_step_torch,
    cases=(
        Case("first step", _first_step, visible=True),
        Case("second step of a vector", _second_step, visible=True),
        Case("other memory layouts", _other_layouts),
        Case("step 200", lambda rng: _after_some_steps(rng, (5, 2), 200)),
        Case("large gradients", lambda rng: _after_some_steps(rng, (3, 3), 4, 40.0, beta1=0.7, beta2=0.95, eps=1e-3)),
        Case("float32", lambda rng: _after_some_steps(rng, (6, 4), 7, dtype="f4")),
        Case("gradients around 1e-5", lambda rng: _after_some_steps(rng, (3, 4), 6, 1e-5), aspect="stability"),
        Case("gradients around 1e-8", lambda rng: _after_some_steps(rng, (3, 4), 2, 1e-8), aspect="stability"),
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
        Mistake(eps_inside_root, "eps is under the root, where it outweighs small gradients. It belongs outside."),
        Mistake(decay_swapped, "The weights of old and new are exchanged: beta is how much of the old is kept."),
        Mistake(clips_gradient, "Large gradients are cut off. Adam does not clip; only gradients below 1 hide it."),
    ),
    alternates=(correction_in_step_size, element_by_element),
    valid=_is_reached,
)
