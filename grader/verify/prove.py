"""The proofs of one topic: right answers pass, wrong answers fail, and by which margins."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader import oracle
from grader.compare import compare
from grader.model import Verdict
from grader.topic import Mistake, Properties, Topic
from grader.tree import is_floating, leaves, map_leaves
from grader.verify.mutate import mutants
from grader.verify.named import Bench
from grader.verify.trial import Function, Ruling, Trial, call, time_limit, trials

MUTANT_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How many seeds each proof takes."""

    alternates: int = 100
    mistakes: int = 5
    random_reference: int = 100
    random_mistakes: int = 20
    mutants: int = 2


# For the record, not for every day: no alarm in 10,000 runs, and 999 of 1,000 wrong ones caught.
THOROUGH = Effort(random_reference=10_000, random_mistakes=1_000)
MISSES_ALLOWED = 0.001
MATRIX_SEEDS = 20  # so many show which cases catch a mistake; with more it only matters that one does


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that passes every case; `reason` is empty unless the author declared it equivalent."""

    function: str
    line: int
    change: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found out about a topic. Margins are in units of the allowed error.

    `right_margin` is the worst alternate's; `wrong_margin` the smallest mistake's on the case that catches it best.
    `matrix` says for each mistake which cases catch it, `named` which are named by their hints. `failures` is empty
    when the topic is sound.
    """

    topic: str
    cases: int
    alternates: int
    mistakes: int
    right_margin: float
    wrong_margin: float
    mutants: int
    survivors: tuple[Survivor, ...]
    matrix: Mapping[str, tuple[str, ...]]
    named: tuple[str, ...]
    failures: tuple[str, ...]


def prove(topic: Topic, effort: Effort) -> Proof:
    """Run every proof of a topic."""
    failures: list[str] = []
    right = _right_answers(topic, effort, failures)
    wrong, matrix = _mistakes(topic, effort, failures)
    _told_apart(topic, failures)
    named = _named(topic, failures)
    _trivial_answers(topic, failures)
    _half_precision(topic, failures)
    count, survivors = _mutants(topic, effort)
    failures += [f"line {s.line} of {s.function}: the mutant {s.change} survives" for s in survivors if not s.reason]
    return Proof(
        topic.name,
        len(topic.cases),
        len(topic.alternates),
        len(topic.mistakes),
        right,
        wrong,
        count,
        survivors,
        matrix,
        named,
        tuple(failures),
    )


def _seeds(count: int) -> Iterator[str]:
    return map(str, range(count))


def _right_answers(topic: Topic, effort: Effort, failures: list[str]) -> float:
    """The reference and its alternates pass every case for every seed; return the worst margin."""
    worst = 0.0
    effort_of = dict.fromkeys(topic.alternates, effort.alternates)
    if topic.is_random:
        effort_of[topic.forward] = effort.random_reference
    for seed in range(max(effort_of.values(), default=0)):
        asked = [function for function, seeds in effort_of.items() if seed < seeds]
        for trial, function in itertools.product(trials(topic, str(seed)), asked):
            ruling = trial.rule(function)
            worst = max(worst, ruling.margin)
            if not ruling.passed:
                failures.append(f"{function.__name__} is right and fails {trial.case.name!r}: {ruling.reason}")
    return worst


def _mistakes(topic: Topic, effort: Effort, failures: list[str]) -> tuple[float, dict[str, tuple[str, ...]]]:
    """Every mistake fails some case for every seed, but for one seed in a thousand of a random function's.

    Returns the smallest margin, and which cases catch which mistake.
    """
    smallest, matrix = math.inf, {}
    seeds = effort.random_mistakes if topic.is_random else effort.mistakes
    for mistake in topic.mistakes:
        caught, missed, taught = Counter[str](), 0, False
        for seed in range(seeds):
            failed = _failed(topic, mistake, str(seed), caught, all_cases=seed < MATRIX_SEEDS)
            caught.update(failed.keys())
            missed += not failed
            taught |= any(not ruling.crashed for ruling in failed.values())
            if failed:
                smallest = min(smallest, max(ruling.margin for ruling in failed.values()))
        matrix[mistake.name] = tuple(case.name for case in topic.cases if case.name in caught)
        if missed > MISSES_ALLOWED * seeds:
            failures.append(f"{mistake.name} is wrong and passes every case for {missed} of {seeds} seeds")
        elif not taught:
            failures.append(f"{mistake.name} is caught by crashing only, which teaches nothing")
    return smallest, matrix


def _failed(topic: Topic, mistake: Mistake, seed: str, caught: Mapping[str, int], all_cases: bool) -> dict[str, Ruling]:
    """Return the cases that catch a mistake with their rulings: all of them, or the first, likeliest cases first."""
    failed: dict[str, Ruling] = {}
    for trial in sorted(trials(topic, seed, mistake.gradient), key=lambda trial: -caught.get(trial.case.name, 0)):
        ruling = trial.rule(mistake.function)
        if not ruling.passed:
            failed[trial.case.name] = ruling
            if not all_cases:
                break
    return failed


def _told_apart(topic: Topic, failures: list[str]) -> None:
    """No two mistakes answer alike on all cases: a hint needs a unique match. Random functions get none."""
    if isinstance(topic.compare, Properties):
        return
    for one, other in itertools.combinations(topic.mistakes, 2):
        if one.gradient == other.gradient and not any(_differ(t, one, other) for t in trials(topic, "0", one.gradient)):
            failures.append(f"{one.name} and {other.name} answer alike on every case")


def _differ(trial: Trial, one: Mistake, other: Mistake) -> bool:
    answers: list[Any] = []
    for mistake in (one, other):
        try:
            answers.append(call(mistake.function, trial.inputs))
        except Exception as error:  # wrong on purpose
            answers.append(error)
    if any(isinstance(answer, Exception) for answer in answers):
        return type(answers[0]) is not type(answers[1])
    try:
        return compare(oracle.like(trial.expected, answers[0]), answers[1]) is not None
    except (TypeError, ValueError):  # answers so foreign that they cannot be compared
        return True


def _named(topic: Topic, failures: list[str]) -> tuple[str, ...]:
    """Return the mistakes that get their own hint through the whole of judging; none may get another's."""
    bench = Bench(topic, "0")
    found = {mistake.name: bench.diagnoses(mistake) for mistake in topic.mistakes}
    failures += [f"{name} is taken for {', '.join(sorted(said))}" for name, said in found.items() if said - {name}]
    for alternate in topic.alternates:
        if lost := [r.id for r in bench.results(alternate) if r.verdict is not Verdict.PASS]:
            failures.append(f"{alternate.__name__} is right and loses marks in {', '.join(lost)}")
    return tuple(name for name, said in found.items() if name in said)


def _mean(inputs: Mapping[str, Any]) -> float:
    numbers = [leaf for _, leaf in leaves(dict(inputs)) if isinstance(leaf, np.ndarray) and leaf.size]
    return float(np.mean(numbers[0])) if numbers else 0.0


def _numbers(function: Callable[[np.ndarray], Any], answer: Any) -> Any:
    """Replace the numbers of an answer by others of the same shape and dtype."""

    def replaced(leaf: Any) -> Any:
        array = np.asarray(leaf)
        if array.dtype.kind not in "biuf":
            return leaf
        return np.asarray(function(array)).astype(array.dtype)

    return map_leaves(replaced, answer)


TRIVIAL: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "zeros": lambda answer, inputs: _numbers(np.zeros_like, answer),
    "ones": lambda answer, inputs: _numbers(np.ones_like, answer),
    "the first input": lambda answer, inputs: next(iter(inputs.values())),
    "the mean": lambda answer, inputs: _numbers(lambda leaf: np.full(leaf.shape, _mean(inputs)), answer),
    "random numbers": lambda answer, inputs: _numbers(lambda leaf: np.random.default_rng(0).random(leaf.shape), answer),
    "an empty array": lambda answer, inputs: np.zeros(0),
    "None": lambda answer, inputs: None,
}


def _trivial_answers(topic: Topic, failures: list[str]) -> None:
    for name, gradient in itertools.product(TRIVIAL, (False, True)):
        reference: Function | None = topic.backward if gradient else topic.forward
        if reference is None:
            continue

        def trivial(__reference: Function = reference, __name: str = name, **inputs: Any) -> Any:
            return TRIVIAL[__name](__reference(**inputs), inputs)

        if all(trial.rule(trivial).passed for trial in trials(topic, "0", gradient)):
            failures.append(f"{name} passes every case" + (" of the gradient" if gradient else ""))


def _half_precision(topic: Topic, failures: list[str]) -> None:
    """A run on inputs rounded to float16 fails where float32 is meant, unless every case is exact or random."""

    def rounded(leaf: Any) -> Any:
        return leaf.astype(np.float16).astype(leaf.dtype) if is_floating(leaf) else leaf

    def half(**inputs: Any) -> Any:
        return topic.forward(**{name: map_leaves(rounded, value) for name, value in inputs.items()})

    single = [
        trial
        for trial in trials(topic, "0")
        if not isinstance(trial.policy, Properties) and trial.expected.dtype == np.float32
    ]
    if single and all(trial.rule(half).passed for trial in single):
        failures.append("half precision passes every float32 case")


def _mutants(topic: Topic, effort: Effort) -> tuple[int, tuple[Survivor, ...]]:
    """Return how many mutants of the references there are, and those that pass every case."""
    reasons = {equivalent.change: equivalent.reason for equivalent in topic.equivalents}
    count, survivors = 0, []
    for gradient, reference in ((False, topic.forward), (True, topic.backward)):
        if reference is None:
            continue
        benches = [trial for seed in _seeds(effort.mutants) for trial in trials(topic, seed, gradient)]
        for mutant in mutants(reference):
            count += 1
            if _survives(mutant.call, benches):
                survivors.append(Survivor(mutant.function, mutant.line, mutant.change, reasons.get(mutant.change, "")))
    return count, tuple(survivors)


def _survives(function: Function, benches: Sequence[Trial]) -> bool:
    try:
        with time_limit(MUTANT_LIMIT_S):
            return all(trial.rule(function).passed for trial in benches)
    except TimeoutError:
        return False
