"""Finds the most alike pairs of a class: all pairs by the runs that they share, the likely ones word by word."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

import numpy as np

from grader.similar.fingerprints import fingerprint, leave_out, matched
from grader.similar.marks import marks
from grader.similar.model import SCHEMA, Alike, FunctionSurvey, Pair, Read, Refused, Side, Survey, Written
from grader.similar.pools import Both, Pool, highest, pool

# Pairs that are compared word by word, for each function and over all functions.
LIKELY = 200
# What less than this part of two versions has in common is chance, and is not shown.
MIN_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class _Match:
    """Two versions word by word: of each, the words that count, and the stretches that stand in the other too."""

    words: tuple[int, int]
    stretches: tuple[list[range], list[range]]

    @property
    def same(self) -> tuple[int, int]:
        first, second = (sum(map(len, stretches)) for stretches in self.stretches)
        return first, second

    @property
    def share(self) -> float:
        return sum(self.same) / sum(self.words)


def survey(
    functions: Iterable[str],
    gathered: Sequence[Read | Refused],
    given: Iterable[str],
    top: int,
    authors: Mapping[str, str] = MappingProxyType({}),
) -> Survey:
    """Compare what submissions wrote; `given` is the code that was handed out.

    `authors` says whose a submission is, by its name; two of one author are not compared. The `top`
    most alike pairs are kept for each function and over all functions.
    """
    read = [one for one in gathered if isinstance(one, Read)]
    handed = frozenset(chain.from_iterable(fingerprint(code).hashes for code in given))
    names = [one.name for one in read]
    whose = [authors.get(name, name) for name in names]
    totals = np.zeros((len(read), len(read)), np.float32)
    pools, likely, limit = [], [], max(LIKELY, 4 * top)
    for function in functions:
        versions = {n: one.functions[function] for n, one in enumerate(read) if function in one.functions}
        here, shares = pool(function, versions, handed, whose)
        numbers = list(here.versions)
        totals[np.ix_(numbers, numbers)] += shares
        likely.append({(numbers[a], numbers[b]) for a, b in highest(shares, limit)})
        pools.append(here)
    overall = highest(totals, limit)
    matches = [_compared(here, pairs.union(overall)) for here, pairs in zip(pools, likely, strict=True)]
    pairs = {both: _pair(both, pools, matches, names) for both in overall}
    best = sorted((both for both in overall if pairs[both].alike), key=lambda both: _order(pairs[both]))[:top]
    return Survey(
        SCHEMA,
        tuple(names),
        tuple(one for one in gathered if isinstance(one, Refused)),
        tuple(pairs[both] for both in best),
        tuple(_told(*both, best, names, top) for both in zip(pools, matches, strict=True) if len(both[0].versions) > 1),
        tuple(here.function for here in pools if here.long < 2 <= here.written),
        tuple(here.function for here in pools if len(here.versions) < 2 <= here.long),
    )


def _compared(here: Pool, pairs: Collection[Both]) -> dict[Both, _Match]:
    """Compare pairs word by word, where both versions are long enough."""
    pairs = [(first, second) for first, second in sorted(pairs) if {first, second} <= here.versions.keys()]
    taken = {n: leave_out(fingerprint(here.versions[n].code), here.ignored) for n in sorted({*chain(*pairs)})}
    return {
        (first, second): _Match(
            (taken[first].token_coverage, taken[second].token_coverage), matched(taken[first], taken[second])
        )
        for first, second in pairs
    }


def _pair(both: Both, pools: Sequence[Pool], matches: Sequence[Mapping[Both, _Match]], names: Sequence[str]) -> Pair:
    """Sum up a pair over all functions."""
    found = [(here, known[both]) for here, known in zip(pools, matches, strict=True) if both in known]
    alike = sorted((-match.share, here.function) for here, match in found if match.share >= here.alike)
    same, words = (sum(sum(getattr(match, what)) for _, match in found) for what in ("same", "words"))
    return Pair(names[both[0]], names[both[1]], same / words, len(found), tuple(function for _, function in alike))


def _order(pair: Pair) -> tuple[int, float]:
    return -len(pair.alike), -pair.share


def _told(
    here: Pool, matches: Mapping[Both, _Match], listed: Collection[Both], names: Sequence[str], top: int
) -> FunctionSurvey:
    """Keep the most alike pairs of a function, and of the pairs that are listed over all those that are alike in it."""
    order = sorted(matches, key=lambda both: (-matches[both].share, -sum(matches[both].same), both))
    shown = [both for both in order if matches[both].share >= MIN_SHARE]
    kept = shown[:top] + [both for both in shown[top:] if both in listed and matches[both].share >= here.alike]
    pairs = tuple(_alike(here, both, matches[both], names) for both in kept)
    return FunctionSurvey(here.function, here.written, len(here.versions), here.usual, here.alike, here.common, pairs)


def _alike(here: Pool, both: Both, match: _Match, names: Sequence[str]) -> Alike:
    first, second = (
        _side(names[number], here.versions[number], words, stretches)
        for number, words, stretches in zip(both, match.words, match.stretches, strict=True)
    )
    return Alike(here.function, match.share, first, second)


def _side(name: str, version: Written, words: int, stretches: Sequence[range]) -> Side:
    places = marks(version, stretches)
    return Side(name, version.passages[0].location, words, sum(map(len, stretches)), places)
