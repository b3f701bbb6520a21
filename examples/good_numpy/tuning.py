import numpy as np

from classifier import init_gaussian
from common import as_floats


# ---- initialisation ----


def he_init(n_in, n_out, rng):
    return init_gaussian(n_in, n_out, np.sqrt(2 / n_in), rng)


def xavier_init(n_in, n_out, rng):
    return init_gaussian(n_in, n_out, n_in**-0.5, rng)


def signal_propagation(X, weights):
    spread, a = [], as_floats(X)
    for W in weights:
        a = a @ W
        a = a * (a > 0)
        spread.append(a.std())
    return spread


# ---- gradient checking ----


def numerical_gradient(f, theta, eps=1e-5):
    theta = as_floats(theta)
    slopes = []
    for k in range(theta.size):
        step = np.zeros(theta.size)
        step[k] = eps
        step = step.reshape(theta.shape)
        slopes.append((f(np.asarray(theta + step)) - f(np.asarray(theta - step))) / (2 * eps))
    return np.array(slopes, dtype=theta.dtype).reshape(theta.shape)


def gradient_check(f, theta, grad, eps=1e-5):
    approx = numerical_gradient(f, theta, eps).ravel()
    grad = np.ravel(grad)
    scale = np.linalg.norm(approx) + np.linalg.norm(grad)
    return float(np.linalg.norm(approx - grad) / scale) if scale > 0 else 0.0


# ---- hyper-parameters ----


def sample_log_uniform(low, high, size, rng):
    return np.exp(rng.uniform(np.log(low), np.log(high), size)).clip(low, high)


def random_search(objective, space, trials, rng):
    best_params, best_score = None, np.inf
    for _ in range(trials):
        params = {name: float(rng.uniform(low, high)) for name, (low, high) in space.items()}
        score = objective(params)
        if best_params is None or score < best_score:
            best_params, best_score = params, score
    return best_params, best_score


def coarse_to_fine(objective, space, rounds, trials, rng):
    box, found = dict(space), []
    for _ in range(rounds):
        found.append(random_search(objective, box, trials, rng))
        centre = min(found, key=lambda pair: pair[1])[0]
        box = {
            name: (max(low, centre[name] - (high - low) / 4), min(high, centre[name] + (high - low) / 4))
            for name, (low, high) in box.items()
        }
    return min(found, key=lambda pair: pair[1])
