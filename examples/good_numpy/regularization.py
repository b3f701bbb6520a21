import numpy as np

from common import as_floats


# ---- weight penalties ----


def frobenius_norm_squared(W):
    flat = as_floats(W).ravel()
    return flat @ flat


def l2_cost(data_loss, weights, lam, m):
    return data_loss + lam / (2 * m) * sum(frobenius_norm_squared(W) for W in weights)


def l2_step(w, dw, lr, lam, m):
    shrink = 1 - float(lr) * float(lam) / m
    return shrink * w - float(lr) * dw


def l1_cost(data_loss, weights, lam, m):
    return data_loss + lam / m * sum(np.abs(W).sum() for W in weights)


def l1_cost_backward(dout, data_loss, weights, lam, m):
    rate = float(dout) * float(lam) / m
    return [rate * np.sign(W) for W in weights]


# ---- dropout ----


def dropout(a, keep_prob, rng, training=True):
    if not training:
        return a.copy(), np.ones(a.shape, dtype=bool)
    mask = rng.random(a.shape) < keep_prob
    return (a * mask / keep_prob).astype(a.dtype), mask


def dropout_backward(dout, mask, keep_prob):
    return np.where(mask, dout / float(keep_prob), 0)


# ---- augmentation: images are (N, H, W, C) ----


def _per_image(values):
    return values[:, None, None, None]


def random_flip(images, rng, p=0.5):
    flipped = rng.random(len(images)) < p
    return np.where(_per_image(flipped), images[:, :, ::-1], images)


def random_shift(images, max_shift, rng):
    n, h, w, _ = images.shape
    k = max_shift
    down, right = rng.integers(-k, k, size=(2, n), endpoint=True)
    framed = np.pad(images, ((0, 0), (k, k), (k, k), (0, 0)))
    # pixel (i, j) of the answer is pixel (i - down, j - right) of the image
    rows = k - down[:, None] + np.arange(h)
    cols = k - right[:, None] + np.arange(w)
    return framed[np.arange(n)[:, None, None], rows[:, :, None], cols[:, None, :]]


def random_distort(images, rng, brightness, contrast):
    images = as_floats(images)
    n = len(images)
    c = _per_image(rng.uniform(1 - contrast, 1 + contrast, n).astype(images.dtype))
    s = _per_image(rng.uniform(-brightness, brightness, n).astype(images.dtype))
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return np.clip(mean + s + c * (images - mean), 0, 1)
