import torch


def frobenius_norm_squared(W):
    return W.square().sum()


def l2_cost(data_loss, weights, lam, m):
    everything = torch.cat([W.flatten() for W in weights])
    return data_loss + lam / (2 * m) * torch.dot(everything, everything)


def l2_step(w, dw, lr, lam, m):
    return w - lr * torch.add(dw, w, alpha=float(lam / m))


def l1_cost(data_loss, weights, lam, m):
    return data_loss + lam / m * sum(W.norm(p=1) for W in weights)


def _uniform(shape, rng, like):
    """Draws on the generator's device, moved to the data."""
    return torch.rand(shape, generator=rng, dtype=like.dtype, device=rng.device).to(like.device)


def dropout(a, keep_prob, rng, training=True):
    if not training:
        return a, torch.ones_like(a)
    mask = (_uniform(a.shape, rng, a) < keep_prob).to(a.dtype)
    return a * mask / keep_prob, mask


def dropout_backward(dout, mask, keep_prob):
    return (dout / keep_prob).masked_fill(mask == 0, 0)


def random_flip(images, rng, p=0.5):
    flipped = _uniform((len(images), 1, 1, 1), rng, images) < p
    return torch.where(flipped, images.flip(2), images)


def random_shift(images, max_shift, rng):
    n, h, w, _ = images.shape
    out = torch.zeros_like(images)
    shifts = torch.randint(-max_shift, max_shift + 1, (n, 2), generator=rng, device=rng.device)
    for source, target, (down, right) in zip(images, out, shifts.tolist()):
        if abs(down) < h and abs(right) < w:
            part = source[max(-down, 0) : h - max(down, 0), max(-right, 0) : w - max(right, 0)]
            target[max(down, 0) : h + min(down, 0), max(right, 0) : w + min(right, 0)] = part
    return out


def random_distort(images, rng, brightness, contrast):
    shape = (len(images), 1, 1, 1)
    c = 1 + contrast * (2 * _uniform(shape, rng, images) - 1)
    s = brightness * (2 * _uniform(shape, rng, images) - 1)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.clamp(torch.lerp(mean, images, c) + s, 0, 1)
