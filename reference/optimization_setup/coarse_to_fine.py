"""Coarse-to-fine search of hyper-parameters (notes, section 5), judged by objectives that record their calls."""

import math

import numpy as np

from grader import Case, Equivalent, Mistake, Properties, Topic
from grader.distribution import LEVEL

from .random_search import (
    MISCOUNTED,
    EarlierIsBetter,
    LaterIsBetter,
    Spread,
    bowl,
    judge,
    judge_first_is_best,
    judge_number_of_calls,
    judge_spread,
    random_search,
    random_search_torch,
    trial_by_trial,
)


def coarse_to_fine(objective, space, rounds, trials, rng):
    """Search at random in a box that shrinks around the best point so far, and return the best point of all.

    objective: function of one dictionary {name: number} that returns a finite number; lower is better
    space: dictionary {name: (low, high)} with low <= high, the range of each parameter; it is left unchanged
    rounds: int >= 1, the number of boxes, the first of which is the whole space
    trials: int >= 1, the number of points in each box, and so the number of calls of objective in each round
    rng: numpy.random.Generator (a torch.Generator on the CPU in the torch version), the only source of randomness
    returns: (best_params, best_score)
        best_params: dictionary {name: number} of the names in space; Python or NumPy numbers, arrays without axes
        best_score: what objective returned for these parameters, the lowest score of all rounds

    Within a box the points are drawn as in random_search: every parameter on its own, uniformly between both ends.
    The next box lies inside the last one and holds the best point of all rounds so far, in its middle where the last
    box allows it. Here its sides have half the length; any other steady shrinking will do that leaves less than two
    fifths of every side of space to the sixth box. No point is scored twice. Raises ValueError for fewer than one
    round or trial and for a low above high.
    Source: notes, section 5 (coarse to fine search).
    """
    return _search(random_search, objective, space, rounds, trials, rng)


def coarse_to_fine_torch(objective, space, rounds, trials, rng):
    return _search(random_search_torch, objective, space, rounds, trials, rng)


def _search(search, objective, space, rounds, trials, rng):
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; at least one is needed")
    box, best_params, best_score = space, {}, math.inf
    for _ in range(rounds):
        params, score = search(objective, box, trials, rng)
        if not best_params or score < best_score:
            best_params, best_score = params, score
        box = {name: _around(best_params[name], *ends) for name, ends in box.items()}
    return best_params, best_score


def _around(middle, low, high):
    """Return a range of half the length around a number, cut off at the ends of the old one."""
    reach = (high - low) / 4
    return max(low, middle - reach), min(high, middle + reach)


def judge_shrinking(inputs, outputs):
    """The last call of Shrinking scores -1 - w: in the last round the points reach over the fraction w of space."""
    if problem := judge(inputs, outputs):
        return problem
    for _, score in outputs:
        if score > -0.999:
            return MISCOUNTED
        if -float(score) - 1 > 0.4:
            return (
                "The boxes do not shrink enough, or not along all parameters: "
                "each one must be smaller than the one before, not only smaller than space."
            )
    return None


def judge_best_inside(inputs, outputs):
    """The last call of FirstRoundIsBest scores -1 - t, with t = gap / (gap + reach), or more if another side has more.

    reach is how far the n points of the last box spread, and gap how far outside of them the best point lies. If the
    box holds it, the gap is at most that between the points and an end of the box. For uniform points the n + 1
    spacings are exchangeable, n - 1 of them make up the reach, and P(t >= u) = (1 - u)^(n - 1). There are two ends
    and two parameters.
    """
    sentence = "A box does not hold the best point of all rounds so far, which may be older than the last round."
    return judge(inputs, outputs) or _broken_gap(outputs, 4, inputs["trials"], sentence)


def judge_nested(inputs, outputs):
    """The last call of DownhillFromTheSecond scores -1 - t, as in judge_best_inside.

    reach is that of the points in the second box, and gap how far those of the third go beyond its lower end.
    """
    sentence = "A box reaches beyond the box before: it must lie inside that one, not only inside space."
    return judge(inputs, outputs) or _broken_gap(outputs, 1, inputs["trials"], sentence)


def _broken_gap(outputs, ways, n, sentence):
    for _, score in outputs:
        if score > -0.999:
            return MISCOUNTED
        if ways * min(1.0, 2 + float(score)) ** (n - 1) < LEVEL:
            return sentence
    return None


def slope(params):
    return params["x"] + 2 * params["y"]


class Shrinking:
    """Score a bowl; call 180, the last of 6 rounds of 30, scores -1 - the reach of its round over that of space."""

    def __init__(self):
        self.points = []

    def __call__(self, params):
        self.points.append((float(params["x"]), float(params["y"])))
        if len(self.points) < 180:
            return (params["x"] - 3) ** 2 + (params["y"] - 8) ** 2
        return -1 - np.ptp(self.points[-30:], axis=0).max() / 10


class FirstRoundIsBest:
    """Score a bowl in the first of 5 rounds of 50 calls, and downhill to the origin, but worse, in the others.

    The last call scores -1 - gap / (gap + reach) of the best point and the last round's points.
    """

    def __init__(self):
        self.points, self.scores = [], []

    def __call__(self, params):
        x, y = float(params["x"]), float(params["y"])
        self.points.append((x, y))
        self.scores.append((x - 2) ** 2 + (y - 8) ** 2 if len(self.points) <= 50 else 200 + x + y)
        if len(self.points) < 250:
            return self.scores[-1]
        best, last = self.points[int(np.argmin(self.scores))], np.array(self.points[-50:])
        low, high = last.min(axis=0), last.max(axis=0)
        gap = np.maximum(np.maximum(low - best, best - high), 0)
        return -1 - float((gap / (gap + high - low + 1e-9)).max())


class DownhillFromTheSecond:
    """Score a bowl in the first of 3 rounds of 150 calls, then better and falling with x, then worse than all.

    The last call scores -1 - gap / (gap + reach) of the third round's points below the second's.
    """

    def __init__(self):
        self.xs = []

    def __call__(self, params):
        self.xs.append(float(params["x"]))
        if len(self.xs) <= 150:
            return 200 + (params["x"] - 5) ** 2 + (params["y"] - 5) ** 2
        if len(self.xs) < 450:
            return 100 + params["x"] if len(self.xs) <= 300 else 400
        second, third = self.xs[150:300], self.xs[300:450]
        gap = max(0, min(second) - min(third))
        return -1 - gap / (gap + max(second) - min(second) + 1e-9)


def pushed_back_inside(objective, space, rounds, trials, rng):
    low, high = np.array(list(space.values()), dtype="f8").T
    best = None
    for _ in range(rounds):
        points = rng.uniform(low, high, (trials, len(space)))
        scores = [objective(dict(zip(space, point.tolist(), strict=True))) for point in points]
        if best is None or min(scores) < best[1]:
            best = points[int(np.argmin(scores))], min(scores)
        width = 0.6 * (high - low)
        low = np.clip(best[0] - width / 2, low, high - width)
        high = low + width
    return dict(zip(space, best[0], strict=True)), best[1]


def around_the_best_quarter(objective, space, rounds, trials, rng):
    box, tried = {name: (low, high) for name, (low, high) in space.items()}, []
    for _ in range(rounds):
        points = [{name: rng.uniform(*ends) for name, ends in box.items()} for _ in range(trials)]
        scored = [(objective(point), number, point) for number, point in enumerate(points, len(tried))]
        tried += scored
        chosen = [min(tried), *sorted(scored)[: max(1, trials // 4)]]
        box = {name: (min(p[name] for *_, p in chosen), max(p[name] for *_, p in chosen)) for name in space}
    score, _, params = min(tried)
    return params, score


def _zoom(objective, space, rounds, trials, rng, next_box):
    """Search with boxes that next_box makes of (best so far, best of the round, box, space)."""
    box, best = space, ({}, math.inf)
    for _ in range(rounds):
        found = trial_by_trial(objective, box, trials, rng)
        best = min(best, found, key=lambda pair: pair[1])
        box = {name: next_box(best[0][name], found[0][name], ends, space[name]) for name, ends in box.items()}
    return best


def box_stays(objective, space, rounds, trials, rng):
    return _zoom(objective, space, rounds, trials, rng, lambda best, latest, ends, whole: ends)


def last_round_only(objective, space, rounds, trials, rng):
    box = space
    for _ in range(rounds):
        params, score = trial_by_trial(objective, box, trials, rng)
        box = {name: _around(params[name], *ends) for name, ends in box.items()}
    return params, score


def around_the_latest_best(objective, space, rounds, trials, rng):
    return _zoom(objective, space, rounds, trials, rng, lambda best, latest, ends, whole: _around(latest, *ends))


def around_the_middle(objective, space, rounds, trials, rng):
    return _zoom(objective, space, rounds, trials, rng, lambda best, latest, ends, whole: _around(sum(ends) / 2, *ends))


def sticks_out_of_space(objective, space, rounds, trials, rng):
    def next_box(best, latest, ends, whole):
        reach = (ends[1] - ends[0]) / 4
        return best - reach, best + reach

    return _zoom(objective, space, rounds, trials, rng, next_box)


def sticks_out_of_the_last_box(objective, space, rounds, trials, rng):
    def next_box(best, latest, ends, whole):
        reach = (ends[1] - ends[0]) / 4
        return max(whole[0], best - reach), min(whole[1], best + reach)

    return _zoom(objective, space, rounds, trials, rng, next_box)


def half_of_space_each_time(objective, space, rounds, trials, rng):
    return _zoom(objective, space, rounds, trials, rng, lambda best, latest, ends, whole: _around(best, *whole))


def shrinks_one_side(objective, space, rounds, trials, rng):
    first = next(iter(space.values()))
    return _zoom(
        objective,
        space,
        rounds,
        trials,
        rng,
        lambda best, latest, ends, whole: _around(best, *ends) if whole is first else ends,
    )


def scores_the_best_again(objective, space, rounds, trials, rng):
    params, _ = coarse_to_fine(objective, space, rounds, trials, rng)
    return params, objective(params)


def trials_shared_by_rounds(objective, space, rounds, trials, rng):
    return coarse_to_fine(objective, space, rounds, max(1, trials // rounds), rng)


def generator_of_its_own(objective, space, rounds, trials, rng):
    return coarse_to_fine(objective, space, rounds, trials, np.random.default_rng())


def _search_for(objective, rng, x, y, rounds, trials):
    """Let the y range be moved by a random amount of up to 0.1."""
    shift = float(rng.uniform(0, 0.1))
    return {
        "objective": objective,
        "space": {"x": x, "y": (y[0] + shift, y[1] + shift)},
        "rounds": rounds,
        "trials": trials,
    }


TOPIC = Topic(
    forward=coarse_to_fine,
    torch=coarse_to_fine_torch,
    compare=Properties(judge, draws=(0, 0, 1)),
    cases=(
        Case("a bowl", lambda rng: _search_for(bowl, rng, (-2.0, 3.0), (-4.0, 1.0), 3, 8), visible=True),
        Case("one round", lambda rng: _search_for(bowl, rng, (-2, 3), (-4, 1), 1, 6), visible=True, aspect="edge"),
        Case("the best point is a corner", lambda rng: _search_for(slope, rng, (-1.0, 2.0), (0.0, 1.0), 5, 25)),
        Case(
            "every call is counted",
            lambda rng: _search_for(LaterIsBetter(), rng, (0.0, 0.5), (1.0, 2.0), 3, int(rng.integers(7, 12))),
            compare=Properties(judge_number_of_calls, draws=(0, 0, 1)),
        ),
        Case(
            "the first call is the best",
            lambda rng: _search_for(EarlierIsBetter(), rng, (0.0, 0.5), (1.0, 2.0), 3, int(rng.integers(7, 12))),
            compare=Properties(judge_first_is_best, draws=(0, 0, 1)),
        ),
        Case(
            "many points fill the first box",
            lambda rng: {
                "objective": Spread(),
                "space": {"x": (-2.0, 6.0), "y": (10.0, 15.0)},
                "rounds": 1,
                "trials": int(rng.integers(300, 350)),
            },
            compare=Properties(judge_spread, draws=(0, 0, 1)),
        ),
        Case(
            "six boxes",
            lambda rng: _search_for(Shrinking(), rng, (0.0, 10.0), (0.0, 10.0), 6, 30),
            compare=Properties(judge_shrinking, draws=(0, 0, 1)),
        ),
        Case(
            "the first round is the best",
            lambda rng: _search_for(FirstRoundIsBest(), rng, (0.0, 10.0), (0.0, 10.0), 5, 50),
            compare=Properties(judge_best_inside, draws=(0, 0, 1)),
        ),
        Case(
            "the best point moves to the edge of its box",
            lambda rng: _search_for(DownhillFromTheSecond(), rng, (0.0, 10.0), (0.0, 10.0), 3, 150),
            compare=Properties(judge_nested, draws=(0, 0, 1)),
        ),
        Case("one trial in each box", lambda rng: _search_for(bowl, rng, (0.0, 4.0), (-3.0, 0.0), 6, 1), aspect="edge"),
    ),
    mistakes=(
        Mistake(box_stays, "Every round searches the whole space again, so the search never becomes fine."),
        Mistake(
            last_round_only,
            "The best of the last round comes back. An earlier round may have found a better point: remember it.",
        ),
        Mistake(
            around_the_latest_best,
            "The next box lies around the best point of this round, even if an earlier round has found a better one.",
        ),
        Mistake(around_the_middle, "The boxes shrink towards the middle of the space, wherever the best point is."),
        Mistake(
            sticks_out_of_space,
            "Near an edge the next box reaches beyond the last one, and beyond the space. Cut it off at the old ends.",
        ),
        Mistake(
            sticks_out_of_the_last_box,
            "The next box is cut off at the ends of the whole space. It must lie inside the last box.",
        ),
        Mistake(
            half_of_space_each_time,
            "Every box but the first has half the sides of the whole space. Each one must be smaller than the last.",
        ),
        Mistake(shrinks_one_side, "The box shrinks along one parameter only."),
        Mistake(
            scores_the_best_again,
            "The best point is scored a second time. A score may cost hours of training: keep it when you have it.",
        ),
        Mistake(trials_shared_by_rounds, "The trials are shared out among the rounds. Each round has that many."),
        Mistake(generator_of_its_own, "The points do not come from rng, so nobody can repeat the search."),
    ),
    alternates=(pushed_back_inside, around_the_best_quarter),
    equivalents=(
        Equivalent("score < best_score -> score <= best_score", "of equal scores from two rounds either may stay"),
    ),
)
