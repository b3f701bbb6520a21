"""Fingerprints of code, by copydetect: every run of a few words, hashed.

Functions are short, so no run is dropped (a window of one): what is found does not depend on how strings are hashed.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Set

from copydetect import CodeFingerprint, compare_files
from copydetect.utils import get_token_coverage

from grader.similar.words import Word

# Words of the shortest passage that counts as the same, see docs/similarity.md.
RUN = 7


def encoded(words: Iterable[Word]) -> str:
    """Return one character for each word; what few words share one do no harm."""
    return "".join(chr(0x10000 + zlib.crc32(word.text.encode()) % 0x100000) for word in words)


def fingerprint(code: str) -> CodeFingerprint:
    """Return the hashed runs of some code, and where they are."""
    taken = CodeFingerprint("", RUN, 1, filter=False, fp=io.StringIO(code))
    taken.token_coverage = int(taken.token_coverage)
    return taken


def leave_out(taken: CodeFingerprint, hashes: Set[int]) -> CodeFingerprint:
    """Take runs out of a fingerprint: they match nothing, and their words no longer count."""
    known = taken.hashes & hashes
    if not known:
        return taken
    taken.hashes -= known
    for run in known:
        del taken.hash_idx[run]
    taken.token_coverage = int(get_token_coverage(taken.hash_idx, RUN, len(taken.filtered_code)))
    return taken


def matched(first: CodeFingerprint, second: CodeFingerprint) -> tuple[list[range], list[range]]:
    """Return the stretches of words in each that stand in the other too."""
    _, _, stretches = compare_files(first, second)
    found = [
        [range(int(start), int(stop)) for start, stop in zip(*side, strict=True)] for side in stretches if len(side)
    ]
    return (found[0], found[1]) if found else ([], [])
