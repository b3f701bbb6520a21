"""Random search of hyper-parameters (notes, section 5), judged by objectives that record their calls."""

import inspect
import math

import numpy as np

from grader import Case, Mistake, Properties, Topic
from grader.distribution import LEVEL

MISCOUNTED = (
    "The objective is called too often or too rarely, or its best score is lost: "
    "it must be called exactly `trials` times in a round, once for each point."
)


def random_search(objective, space, trials, rng):
    """Try random points of the space and return the one with the lowest score.

    objective: function of one dictionary {name: number} that returns a finite number; lower is better
    space: dictionary {name: (low, high)} with low <= high, the range of each parameter; it is left unchanged
    trials: int >= 1, the number of points, which is the number of times that objective is called
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: (best_params, best_score)
        best_params: dictionary {name: number} of the names in space; Python or NumPy numbers, arrays without axes
        best_score: what objective returned for these parameters

    Every parameter of every trial is drawn on its own, uniformly between its low and high. No point is scored twice.
    objective may keep count of its calls, and may give another score when it is asked again. Raises ValueError for
    fewer than one trial and for a low above high.
    Source: notes, section 5 (use random sampling rather than a grid).
    """
    _check(space, trials)
    tried = [{name: float(rng.uniform(low, high)) for name, (low, high) in space.items()} for _ in range(trials)]
    return _best(objective, tried)


def random_search_torch(objective, space, trials, rng):
    import torch

    _check(space, trials)
    draws = torch.rand(trials, len(space), generator=rng, dtype=torch.float64, device=rng.device).tolist()
    ranges = space.items()
    tried = [
        {name: low + (high - low) * u for u, (name, (low, high)) in zip(row, ranges, strict=True)} for row in draws
    ]
    return _best(objective, tried)


def _best(objective, tried):
    scores = [objective(params) for params in tried]
    best = min(range(len(tried)), key=scores.__getitem__)
    return tried[best], scores[best]


def _check(space, trials):
    if trials < 1:
        raise ValueError(f"trials is {trials}; at least one is needed")
    for name, (low, high) in space.items():
        if low > high:
            raise ValueError(f"the range of {name} goes from {low} to {high}; low must not be above high")


def judge(inputs, outputs):
    """Check what every result must be, and that chance comes from rng."""
    for output in outputs:
        if problem := _broken_property(inputs, output):
            return problem
    points = [[float(output[0][name]) for name in inputs["space"]] for output in outputs]
    if points[0] != points[1]:
        return "Two calls with the generator in the same state gave different points: all chance must come from rng."
    if points[1] == points[2] and any(low < high for low, high in inputs["space"].values()):
        return "Generators in different states gave the same point: every trial must be drawn at random, from rng."
    return None


def judge_number_of_calls(inputs, outputs):
    """Call n of LaterIsBetter scores x - n: the last call is the best one, and its number is in the score."""
    if problem := judge(inputs, outputs):
        return problem
    calls = inputs["trials"] * inputs.get("rounds", 1)
    for params, score in outputs:
        n = float(params["x"]) - float(score)
        if abs(n - round(n)) > 1e-3:
            return "best_params and best_score do not belong to the same trial."
        if round(n) != calls:
            if round(n) == 1 < calls:
                return "Lower is better, but a result comes back although later ones were lower."
            return MISCOUNTED
    return None


def judge_first_is_best(inputs, outputs):
    """Call n of EarlierIsBetter scores x + n: the first call is the best one."""
    if problem := judge(inputs, outputs):
        return problem
    for params, score in outputs:
        if abs(float(score) - float(params["x"]) - 1) > 1e-3:
            return "The lowest score of all calls must come back with its own point: here the first call is the best."
    return None


def judge_spread(inputs, outputs):
    """The last call of Spread, number n, scores -n - D / 2, where D is how far its draws are from uniform ones.

    D is the larger of two Kolmogorov-Smirnov distances, and each has P(D >= d) <= 2 * exp(-2 * n * d^2).
    """
    if problem := judge(inputs, outputs):
        return problem
    for _, score in outputs:
        half_distance, n = math.modf(-float(score))
        if n != inputs["trials"]:
            return MISCOUNTED
        if 4 * math.exp(-2 * n * (2 * half_distance) ** 2) < LEVEL:
            return "The points do not fill the space evenly: every parameter of every trial needs a uniform draw."
    return None


def _broken_property(inputs, output):
    space, objective = inputs["space"], inputs["objective"]
    if not isinstance(output, tuple | list) or len(output) != 2:
        return "Return two results: the dictionary of the best parameters, and their score."
    params, score = output
    if not isinstance(params, dict) or set(params) != set(space):
        return "The best parameters must be a dictionary with the names of space."
    if not all(_is_number(value) for value in (*params.values(), score)):
        return "The score and every one of the best parameters must be a single finite number."
    for name, (low, high) in space.items():
        slack = 1e-6 * max(abs(low), abs(high))  # a float32 draw
        if not low - slack <= float(params[name]) <= high + slack:
            return "A parameter lies outside its range in space."
    if inspect.isfunction(objective):
        expected = objective({name: float(value) for name, value in params.items()})
        if not math.isclose(float(score), expected, rel_tol=1e-4, abs_tol=1e-5):
            return "best_score is not the score of best_params."
    return None


def _is_number(value):
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.generic | np.ndarray):
        return False
    value = np.asarray(value)
    return value.ndim == 0 and value.dtype.kind in "fiu" and bool(np.isfinite(value))


def bowl(params):
    return (params["x"] - 1) ** 2 + (params["y"] + 2) ** 2


def third_power(params):
    return abs(params["size"] - 20) ** 3 / 100 + abs(params["rate"] + 3)


class LaterIsBetter:
    """Call n scores x - n."""

    def __init__(self):
        self.calls = 0

    def __call__(self, params):
        self.calls += 1
        return params["x"] - self.calls


class EarlierIsBetter:
    """Call n scores x + n."""

    def __init__(self):
        self.calls = 0

    def __call__(self, params):
        self.calls += 1
        return params["x"] + self.calls


class Spread:
    """Call n scores -n, from the 300th on -n - D / 2: D is how far x and the gap of x and y have been from uniform."""

    def __init__(self):
        self.points = []

    def __call__(self, params):
        self.points.append(((float(params["x"]) + 2) / 8, (float(params["y"]) - 10) / 5))
        n = len(self.points)
        if n < 300:
            return -n
        x, y = np.array(self.points).T
        steps = np.arange(n + 1) / n
        distances = [max((u - steps[:-1]).max(), (steps[1:] - u).max()) for u in (np.sort(x), np.sort((x - y) % 1))]
        return -n - min(0.999, max(distances)) / 2


def trial_by_trial(objective, space, trials, rng):
    best_params, best_score = {}, math.inf
    for _ in range(trials):
        params = {name: low + (high - low) * rng.random() for name, (low, high) in space.items()}
        score = objective(params)
        if not best_params or score < best_score:
            best_params, best_score = params, score
    return best_params, best_score


def all_draws_at_once(objective, space, trials, rng):
    low, high = np.array(list(space.values()), dtype="f8").T
    points = [dict(zip(space, point, strict=True)) for point in rng.uniform(low, high, (trials, len(space)))]
    scores = np.array([objective(point) for point in points])
    return points[scores.argmin()], scores.min()


def _tried(objective, space, trials, rng):
    points = [{name: rng.uniform(*ends) for name, ends in space.items()} for _ in range(trials)]
    return points, [objective(point) for point in points]


def highest_score(objective, space, trials, rng):
    points, scores = _tried(objective, space, trials, rng)
    return points[int(np.argmax(scores))], max(scores)


def last_trial(objective, space, trials, rng):
    points, scores = _tried(objective, space, trials, rng)
    return points[-1], scores[-1]


def params_of_the_last_trial(objective, space, trials, rng):
    points, scores = _tried(objective, space, trials, rng)
    return points[-1], min(scores)


def scores_the_best_again(objective, space, trials, rng):
    points, scores = _tried(objective, space, trials, rng)
    best = points[int(np.argmin(scores))]
    return best, objective(best)


def one_trial_short(objective, space, trials, rng):
    return random_search(objective, space, max(1, trials - 1), rng)


def one_draw_for_all_parameters(objective, space, trials, rng):
    draws = rng.random(trials)
    points = [{name: low + (high - low) * draw for name, (low, high) in space.items()} for draw in draws]
    scores = [objective(point) for point in points]
    return points[int(np.argmin(scores))], min(scores)


def one_point_for_all_trials(objective, space, trials, rng):
    point = {name: rng.uniform(*ends) for name, ends in space.items()}
    return point, min(objective(point) for _ in range(trials))


def forgets_low(objective, space, trials, rng):
    return random_search(objective, {name: (0, high - low) for name, (low, high) in space.items()}, trials, rng)


def even_grid(objective, space, trials, rng):
    side = math.ceil(trials ** (1 / len(space)))
    points = [
        {
            name: low + (high - low) * ((trial // side**k) % side + 0.5) / side
            for k, (name, (low, high)) in enumerate(space.items())
        }
        for trial in range(trials)
    ]
    scores = [objective(point) for point in points]
    return points[int(np.argmin(scores))], min(scores)


def generator_of_its_own(objective, space, trials, rng):
    return random_search(objective, space, trials, np.random.default_rng())


def _between(rng, low, high):
    """Move a range by a random amount."""
    shift = float(rng.uniform(0, 0.5))
    return (low + shift, high + shift)


TOPIC = Topic(
    forward=random_search,
    torch=random_search_torch,
    compare=Properties(judge, draws=(0, 0, 1)),
    cases=(
        Case(
            "a bowl",
            lambda rng: {"objective": bowl, "space": {"x": _between(rng, -2, 3), "y": (-4, 1)}, "trials": 20},
            visible=True,
        ),
        Case(
            "one trial",
            lambda rng: {"objective": bowl, "space": {"x": _between(rng, 0, 2), "y": (-3.5, -1.5)}, "trials": 1},
            visible=True,
            aspect="edge",
        ),
        Case(
            "other names",
            lambda rng: {
                "objective": third_power,
                "space": {"size": (8, 64), "rate": _between(rng, -5, -1), "unused": (1.0, 2.0)},
                "trials": 30,
            },
        ),
        Case(
            "every call is counted",
            lambda rng: {
                "objective": LaterIsBetter(),
                "space": {"x": (0.0, 0.5), "y": _between(rng, 1, 2)},
                "trials": int(rng.integers(15, 30)),
            },
            compare=Properties(judge_number_of_calls, draws=(0, 0, 1)),
        ),
        Case(
            "the first call is the best",
            lambda rng: {
                "objective": EarlierIsBetter(),
                "space": {"x": (0.0, 0.5), "y": _between(rng, 1, 2)},
                "trials": int(rng.integers(15, 30)),
            },
            compare=Properties(judge_first_is_best, draws=(0, 0, 1)),
        ),
        Case(
            "many points fill the space",
            lambda rng: {
                "objective": Spread(),
                "space": {"x": (-2.0, 6.0), "y": (10.0, 15.0)},
                "trials": int(rng.integers(300, 350)),
            },
            compare=Properties(judge_spread, draws=(0, 0, 1)),
        ),
        Case(
            "a range of one number",
            lambda rng: {"objective": bowl, "space": {"x": (2.0, 2.0), "y": _between(rng, -3, 0)}, "trials": 5},
            aspect="edge",
        ),
    ),
    mistakes=(
        Mistake(highest_score, "The point with the highest score comes back. Lower is better here."),
        Mistake(last_trial, "The last trial comes back, whatever the earlier ones scored. Keep the best one."),
        Mistake(params_of_the_last_trial, "The best score comes back with the parameters of another trial."),
        Mistake(
            scores_the_best_again,
            "The best point is scored a second time. A score may cost hours of training: keep it when you have it.",
        ),
        Mistake(one_trial_short, "There is a trial too few: look at the bounds of the loop."),
        Mistake(
            one_draw_for_all_parameters,
            "One random number serves all parameters, so the points lie on the diagonal of the space.",
        ),
        Mistake(one_point_for_all_trials, "The point is drawn before the loop, so all trials try the same one."),
        Mistake(forgets_low, "The draws start at 0 instead of low."),
        Mistake(even_grid, "This is a grid: the same points in every call, and few values of each parameter."),
        Mistake(generator_of_its_own, "The points do not come from rng, so nobody can repeat the search."),
    ),
    alternates=(trial_by_trial, all_draws_at_once),
)
