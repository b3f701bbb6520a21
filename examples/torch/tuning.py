import math

import torch

from classifier import init_gaussian


def he_init(n_in, n_out, rng):
    return init_gaussian(n_in, n_out, math.sqrt(2 / n_in), rng)


def xavier_init(n_in, n_out, rng):
    return init_gaussian(n_in, n_out, math.sqrt(1 / n_in), rng)


def signal_propagation(X, weights):
    spread = []
    for W in weights:
        X = torch.relu(X @ W)
        spread.append(X.std(correction=0))
    return spread


def numerical_gradient(f, theta, eps=1e-5):
    probe = theta.detach().clone().contiguous()
    entries, slopes = probe.view(-1), []
    for k in range(entries.numel()):
        here = entries[k].item()
        values = []
        for place in (here + eps, here - eps):
            entries[k] = place
            values.append(float(f(probe)))
        entries[k] = here
        slopes.append((values[0] - values[1]) / (2 * eps))
    return torch.tensor(slopes, dtype=theta.dtype, device=theta.device).reshape(theta.shape)


def gradient_check(f, theta, grad, eps=1e-5):
    approx = numerical_gradient(f, theta, eps)
    scale = approx.norm() + grad.norm()
    return (approx - grad).norm() / scale if scale > 0 else torch.zeros_like(scale)


def sample_log_uniform(low, high, size, rng):
    shape = (size,) if isinstance(size, int) else tuple(size)
    exponents = torch.rand(shape, generator=rng, device=rng.device) * math.log(high / low)
    return (low * exponents.exp()).clamp(low, high)


def _draw(space, rng):
    draws = torch.rand(len(space), generator=rng, dtype=torch.float64, device=rng.device).tolist()
    return {name: low + u * (high - low) for u, (name, (low, high)) in zip(draws, space.items())}


def random_search(objective, space, trials, rng):
    tried = [(params, objective(params)) for params in (_draw(space, rng) for _ in range(trials))]
    return min(tried, key=lambda pair: pair[1])


def coarse_to_fine(objective, space, rounds, trials, rng):
    best_params, best_score = random_search(objective, space, trials, rng)
    for _ in range(rounds - 1):
        smaller = {}
        for name, (low, high) in space.items():
            quarter = (high - low) / 4
            smaller[name] = (max(low, best_params[name] - quarter), min(high, best_params[name] + quarter))
        space = smaller
        params, score = random_search(objective, space, trials, rng)
        if score < best_score:
            best_params, best_score = params, score
    return best_params, best_score
