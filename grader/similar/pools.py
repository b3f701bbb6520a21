"""One function over the class: what of it counts, and which pairs have most runs of words in common."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain, combinations
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from grader.similar.fingerprints import fingerprint, leave_out, matched
from grader.similar.model import Written

if TYPE_CHECKING:
    from copydetect import CodeFingerprint
    from numpy.typing import NDArray

# What more than half of so many have is common knowledge.
MANY = 6
# A function of fewer words is written alike by everybody.
MIN_WORDS = 30
# Two count as alike from this share on, and from half-way between what is usual for the function and everything.
ALIKE = 0.6
# Random pairs that tell what is usual; runs that are looked at together.
SAMPLE, BLOCK = 200, 4096

Both: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pool:
    """The versions of a function that are long enough, by number of the submission, and the runs that do not count.

    `written` is how many there are of any length, `long` how many are long enough with what is `common`.
    """

    function: str
    written: int
    long: int
    versions: Mapping[int, Written]
    ignored: Set[int]
    common: bool
    usual: float | None

    @property
    def alike(self) -> float:
        """The share from which two count as alike."""
        return ALIKE if self.usual is None else max(ALIKE, (1 + self.usual) / 2)


def pool(
    function: str, versions: Mapping[int, Written], given: Set[int], authors: Sequence[str]
) -> tuple[Pool, NDArray[np.float32]]:
    """Return what of a function counts, and for each two versions the part of their runs that both have.

    `given` are the runs that were handed out; two versions of one of the `authors`, by number, have nothing in common.
    """
    taken = {number: leave_out(fingerprint(version.code), given) for number, version in versions.items()}
    long = sum(one.token_coverage >= MIN_WORDS for one in taken.values())
    had: dict[str, set[int]] = defaultdict(set)
    for number, one in taken.items():
        had[authors[number]].update(one.hashes)
    counts = Counter(chain.from_iterable(had.values()))
    common = {run for run, count in counts.items() if 2 * count > len(had)} if len(had) >= MANY else set()
    left = {number: leave_out(one, common) for number, one in taken.items()}
    kept = {number: one for number, one in left.items() if one.token_coverage >= MIN_WORDS}
    versions = {number: versions[number] for number in kept}
    by = np.array([authors[number] for number in kept])
    counted = Pool(function, len(taken), long, versions, common | given, bool(common), _usual(list(kept.values()), by))
    return counted, np.where(by[:, None] == by, 0, _shares(list(kept.values())))


def share(first: CodeFingerprint, second: CodeFingerprint) -> float:
    """Return the part of both sides' words that match."""
    same = sum(len(stretch) for stretches in matched(first, second) for stretch in stretches)
    return float(same / (first.token_coverage + second.token_coverage))


def highest(shares: NDArray[np.float32], count: int) -> list[Both]:
    """Return the pairs of rows with the highest shares above 0."""
    rows, columns = np.triu_indices(len(shares), 1)
    values = shares[rows, columns]
    best = np.argsort(-values, kind="stable")[:count]
    return [(int(rows[one]), int(columns[one])) for one in best if values[one] > 0]


def _usual(kept: Sequence[CodeFingerprint], by: NDArray[np.str_]) -> float | None:
    """Return the median share of two authors' versions, from a sample that is always the same."""
    if len(set(by)) < MANY:
        return None
    pairs = [(first, second) for first, second in combinations(range(len(kept)), 2) if by[first] != by[second]]
    chosen = random.Random(0).sample(pairs, min(SAMPLE, len(pairs)))  # noqa: S311 - a sample, no secret
    return median(share(kept[first], kept[second]) for first, second in chosen)


def _shares(kept: Sequence[CodeFingerprint]) -> NDArray[np.float32]:
    """Return for each two the part of their runs that both have: a product of the table of who has which run."""
    counts = Counter(chain.from_iterable(one.hashes for one in kept))
    columns = {run: number for number, run in enumerate(run for run, count in counts.items() if count > 1)}
    rows = [np.array([columns[run] for run in one.hashes if run in columns], np.intp) for one in kept]
    both = np.zeros((len(kept), len(kept)), np.float32)
    for start in range(0, len(columns), BLOCK):
        table = np.zeros((len(kept), min(BLOCK, len(columns) - start)), np.float32)
        for number, row in enumerate(rows):
            table[number, row[(row >= start) & (row < start + BLOCK)] - start] = 1
        both += table @ table.T
    sizes = np.array([len(one.hashes) for one in kept], np.float32)
    shares: NDArray[np.float32] = 2 * both / np.maximum(sizes[:, None] + sizes[None, :], 1)
    return shares
