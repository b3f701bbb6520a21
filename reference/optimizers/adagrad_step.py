"""One step of AdaGrad (notes, section 2)."""

import numpy as np

from grader import Case, Mistake, Topic


def adagrad_step(w, dw, cache, lr, eps=1e-8):
    """Take one step of AdaGrad and return the new parameters and the new sum of squared gradients.

    w: float array of any shape, the parameters
    dw: float array like w, the gradient of the loss at w
    cache: float array like w, the sum of the squared gradients of all earlier steps; zeros before the first
    lr: positive number, the learning rate
    eps: positive number that keeps the division away from 0
    returns: (w, cache), each like w (shape and dtype), with element by element
        cache = cache + dw^2
        w = w - lr * dw / (sqrt(cache) + eps)

    The step uses the new cache, and eps stands outside the root. Nothing in the cache ever fades. There is no
    momentum, although the notes speak of it: earlier gradients set the length of a parameter's step, never its sign.
    The arrays given are left as they are. Arrays of different shapes are a ValueError.
    Source: notes, section 2; Duchi, Hazan and Singer, 2011.
    """
    _check(w, dw, cache)
    cache = cache + dw**2
    return w - lr * dw / (np.sqrt(cache) + eps), cache


def adagrad_step_torch(w, dw, cache, lr, eps=1e-8):
    _check(w, dw, cache)
    cache = cache + dw**2
    return w - lr * dw / (cache.sqrt() + eps), cache


def _check(w, dw, cache):
    if not w.shape == dw.shape == cache.shape:
        raise ValueError(f"w {tuple(w.shape)}, dw {tuple(dw.shape)} and cache {tuple(cache.shape)} must have one shape")


def rate_per_parameter(w, dw, cache, lr, eps=1e-8):
    total = np.square(dw) + cache
    rates = lr / (total**0.5 + eps)
    return w - rates * dw, total


def element_by_element(w, dw, cache, lr, eps=1e-8):
    new_w, new_cache = np.empty_like(w), np.empty_like(cache)
    for i in np.ndindex(w.shape):
        total = float(cache[i]) + float(dw[i]) * float(dw[i])
        new_w[i], new_cache[i] = float(w[i]) - lr * float(dw[i]) / (total**0.5 + eps), total
    return new_w, new_cache


def forgets_earlier_gradients(w, dw, cache, lr, eps=1e-8):
    return adagrad_step(w, dw, np.zeros_like(cache), lr, eps)


def averages_the_squares(w, dw, cache, lr, eps=1e-8):
    cache = 0.9 * cache + 0.1 * dw**2
    return w - lr * dw / (np.sqrt(cache) + eps), cache


def momentum_instead(w, dw, cache, lr, eps=1e-8):
    cache = 0.9 * cache + dw
    return w - lr * cache, cache


def steps_with_old_cache(w, dw, cache, lr, eps=1e-8):
    return w - lr * dw / (np.sqrt(cache) + eps), cache + dw**2


def root_forgotten(w, dw, cache, lr, eps=1e-8):
    cache = cache + dw**2
    return w - lr * dw / (cache + eps), cache


def eps_inside_root(w, dw, cache, lr, eps=1e-8):
    cache = cache + dw**2
    return w - lr * dw / np.sqrt(cache + eps), cache


def _first_step(rng):
    w, dw = rng.integers(-3, 4, (2, 3)).astype("f8"), rng.choice([-4.0, -2.0, -0.5, 0.5, 2.0], (2, 3))
    return {"w": w, "dw": dw, "cache": np.zeros((2, 3)), "lr": 0.1}


def _whole_roots(rng):
    legs = rng.permuted([[3.0, 4.0], [4.0, 3.0], [5.0, 12.0]], axis=0)  # both squares add up to a square
    signs = rng.choice([-1.0, 1.0], 3)
    return {"w": rng.integers(-3, 4, 3).astype("f8"), "dw": signs * legs[:, 0], "cache": legs[:, 1] ** 2, "lr": 0.5}


def _after_some_steps(rng, shape, steps, scale=0.5, dtype="f8", **rest):
    gradients = scale * rng.standard_normal((steps, *shape))
    cache = (gradients[:-1] ** 2).sum(axis=0)
    arrays = {"w": rng.standard_normal(shape), "dw": gradients[-1], "cache": cache}
    return {name: array.astype(dtype) for name, array in arrays.items()} | {"lr": 0.1} | rest


def _other_layouts(rng):
    inputs = _after_some_steps(rng, (6, 8), 4)
    sliced = {name: inputs[name][::2, ::2] for name in ("w", "dw", "cache")}
    return inputs | sliced | {"w": np.asfortranarray(sliced["w"])}


def _never_a_gradient(rng):
    inputs = _after_some_steps(rng, (2, 4), 3)
    return inputs | {name: inputs[name] * np.array([1.0, 0.0, 1.0, 1.0]) for name in ("dw", "cache")}


TOPIC = Topic(
    forward=adagrad_step,
    torch=adagrad_step_torch,
    cases=(
        Case("first step", _first_step, visible=True),
        Case("a later step of three parameters", _whole_roots, visible=True),
        Case("large gradients and another eps", lambda rng: _after_some_steps(rng, (4, 3), 20, 40.0, eps=0.1)),
        Case("float32", lambda rng: _after_some_steps(rng, (6, 4), 5, dtype="f4")),
        Case("other memory layouts", _other_layouts),
        Case("gradients around 1e-5", lambda rng: _after_some_steps(rng, (3, 4), 3, 1e-5), aspect="stability"),
        Case("gradients around 1e-8", lambda rng: _after_some_steps(rng, (3, 4), 3, 1e-8), aspect="stability"),
        Case("some gradients are always 0", _never_a_gradient, aspect="edge"),
        Case("one parameter", lambda rng: _after_some_steps(rng, (1,), 2), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            forgets_earlier_gradients,
            "The cache starts afresh at every step. It is a memory: this step's squares come on top of the old ones.",
        ),
        Mistake(
            averages_the_squares,
            "The cache is a running average, which is RMSprop. In AdaGrad it is a sum: nothing in it is scaled down.",
        ),
        Mistake(
            momentum_instead,
            "This is momentum: it collects gradients and steps along them. "
            "AdaGrad collects their squares, only to set the length of each parameter's step.",
        ),
        Mistake(
            steps_with_old_cache,
            "The step is scaled before the cache has seen this gradient, so the first one is divided by eps alone.",
        ),
        Mistake(
            root_forgotten,
            "The step is divided by a sum of squares. It needs a quantity of the gradient's own size: "
            "the first step then has the length lr, whatever the gradient.",
        ),
        Mistake(eps_inside_root, "eps is under the root, where it outweighs small gradients. It belongs outside."),
    ),
    alternates=(rate_per_parameter, element_by_element),
)
