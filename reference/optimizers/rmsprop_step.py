"""One step of RMSprop (notes, section 7)."""

import numpy as np

from grader import Case, Mistake, Topic


def rmsprop_step(w, dw, cache, lr, beta=0.9, eps=1e-8):
    """Take one step of RMSprop and return the new parameters and the new running average of squared gradients.

    w: float array of any shape, the parameters
    dw: float array like w, the gradient of the loss at w
    cache: float array like w, the running average as the last step returned it; zeros before the first
    lr: positive number, the learning rate
    beta: number in [0, 1), how much of the old average is kept
    eps: positive number that keeps the division away from 0
    returns: (w, cache), each like w (shape and dtype), with element by element
        cache = beta * cache + (1 - beta) * dw^2
        w = w - lr * dw / (sqrt(cache) + eps)

    The step uses the new cache, and eps stands outside the root. There is no bias correction and no momentum. The
    arrays given are left as they are. Arrays of different shapes and a beta outside [0, 1) are a ValueError.
    Source: notes, section 7 (add RMSprop); Tieleman and Hinton, 2012.
    """
    _check(w, dw, cache, beta)
    cache = beta * cache + (1 - beta) * dw**2
    return w - lr * dw / (np.sqrt(cache) + eps), cache


def rmsprop_step_torch(w, dw, cache, lr, beta=0.9, eps=1e-8):
    _check(w, dw, cache, beta)
    cache = beta * cache + (1 - beta) * dw**2
    return w - lr * dw / (cache.sqrt() + eps), cache


def _check(w, dw, cache, beta):
    if not w.shape == dw.shape == cache.shape:
        raise ValueError(f"w {tuple(w.shape)}, dw {tuple(dw.shape)} and cache {tuple(cache.shape)} must have one shape")
    if not 0 <= beta < 1:
        raise ValueError(f"beta is {beta}; it must be at least 0 and below 1")


def moves_towards_the_square(w, dw, cache, lr, beta=0.9, eps=1e-8):
    average = cache + (1 - beta) * (dw * dw - cache)
    return w - lr / (average**0.5 + eps) * dw, average


def element_by_element(w, dw, cache, lr, beta=0.9, eps=1e-8):
    new_w, new_cache = np.empty_like(w), np.empty_like(cache)
    for i in np.ndindex(w.shape):
        average = beta * float(cache[i]) + (1 - beta) * float(dw[i]) * float(dw[i])
        new_w[i], new_cache[i] = float(w[i]) - lr * float(dw[i]) / (average**0.5 + eps), average
    return new_w, new_cache


def accumulates_like_adagrad(w, dw, cache, lr, beta=0.9, eps=1e-8):
    cache = cache + dw**2
    return w - lr * dw / (np.sqrt(cache) + eps), cache


def decay_swapped(w, dw, cache, lr, beta=0.9, eps=1e-8):
    cache = (1 - beta) * cache + beta * dw**2
    return w - lr * dw / (np.sqrt(cache) + eps), cache


def gradient_not_squared(w, dw, cache, lr, beta=0.9, eps=1e-8):
    cache = beta * cache + (1 - beta) * np.abs(dw)
    return w - lr * dw / (np.sqrt(cache) + eps), cache


def beta_fixed(w, dw, cache, lr, beta=0.9, eps=1e-8):
    return rmsprop_step(w, dw, cache, lr, eps=eps)


def steps_with_old_cache(w, dw, cache, lr, beta=0.9, eps=1e-8):
    return w - lr * dw / (np.sqrt(cache) + eps), rmsprop_step(w, dw, cache, lr, beta)[1]


def eps_inside_root(w, dw, cache, lr, beta=0.9, eps=1e-8):
    cache = beta * cache + (1 - beta) * dw**2
    return w - lr * dw / np.sqrt(cache + eps), cache


def _first_step(rng):
    w, dw = rng.integers(-3, 4, (2, 3)).astype("f8"), rng.choice([-4.0, -2.0, -0.5, 0.5, 2.0], (2, 3))
    return {"w": w, "dw": dw, "cache": np.zeros((2, 3)), "lr": 0.1, "beta": 0.75}  # the root of 1 - beta is 1/2


def _whole_roots(rng):
    pairs = rng.permuted([[1.0, 7.0], [7.0, 1.0], [7.0, 17.0]], axis=0)  # their mean squares are 25, 25 and 169
    signs = rng.choice([-1.0, 1.0], 3)
    state = {"w": rng.integers(-3, 4, 3).astype("f8"), "dw": signs * pairs[:, 0], "cache": pairs[:, 1] ** 2}
    return state | {"lr": 0.5, "beta": 0.5}


def _after_some_steps(rng, shape, steps, scale=0.5, dtype="f8", **rest):
    gradients, cache = scale * rng.standard_normal((steps, *shape)), np.zeros(shape)
    for dw in gradients[:-1]:
        cache = 0.9 * cache + 0.1 * dw**2
    arrays = {"w": rng.standard_normal(shape), "dw": gradients[-1], "cache": cache}
    return {name: array.astype(dtype) for name, array in arrays.items()} | {"lr": 0.1} | rest


def _other_layouts(rng):
    inputs = _after_some_steps(rng, (6, 8), 4)
    sliced = {name: inputs[name][::2, ::2] for name in ("w", "dw", "cache")}
    return inputs | sliced | {"w": np.asfortranarray(sliced["w"])}


def _never_a_gradient(rng):
    inputs = _after_some_steps(rng, (2, 4), 3, beta=0.0)  # where there is a gradient, the step has the length lr
    return inputs | {name: inputs[name] * np.array([1.0, 0.0, 1.0, 1.0]) for name in ("dw", "cache")}


TOPIC = Topic(
    forward=rmsprop_step,
    torch=rmsprop_step_torch,
    cases=(
        Case("first step", _first_step, visible=True),
        Case("a later step of three parameters", _whole_roots, visible=True),
        Case("large gradients and another eps", lambda rng: _after_some_steps(rng, (4, 3), 20, 40.0, eps=0.1)),
        Case("float32", lambda rng: _after_some_steps(rng, (6, 4), 5, dtype="f4", beta=0.99)),
        Case("other memory layouts", _other_layouts),
        Case("gradients around 1e-5", lambda rng: _after_some_steps(rng, (3, 4), 3, 1e-5), aspect="stability"),
        Case("gradients around 1e-8", lambda rng: _after_some_steps(rng, (3, 4), 3, 1e-8), aspect="stability"),
        Case("some gradients are always 0", _never_a_gradient, aspect="edge"),
        Case("one parameter", lambda rng: _after_some_steps(rng, (1,), 2), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            accumulates_like_adagrad,
            "The cache is a sum that only grows, which is AdaGrad. In RMSprop old squares fade, so that the steps of "
            "a long training do not shrink to nothing.",
        ),
        Mistake(decay_swapped, "The weights of old and new are exchanged: beta is how much of the old average stays."),
        Mistake(
            gradient_not_squared,
            "The cache averages the sizes of the gradients. The name says what is meant: root, mean, square.",
        ),
        Mistake(beta_fixed, "beta is a parameter: use the value that the caller gives, not a fixed one."),
        Mistake(
            steps_with_old_cache,
            "The step is scaled before the cache has seen this gradient, so the first one is divided by eps alone.",
        ),
        Mistake(eps_inside_root, "eps is under the root, where it outweighs small gradients. It belongs outside."),
    ),
    alternates=(moves_towards_the_square, element_by_element),
)
