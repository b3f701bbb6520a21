"""What the library says of words."""

from grader.similar.fingerprints import RUN, fingerprint, leave_out, matched

COMMON, OWN, OTHER = "abcdefghij", "klmnopqrst", "0123456789"


def test_common_stretches_are_found_wherever_they_stand():
    first, second = matched(fingerprint(COMMON + OWN), fingerprint(OTHER + COMMON))
    assert first == [range(10)]
    assert second == [range(10, 20)]


def test_the_order_of_long_passages_makes_no_difference():
    first, second = matched(fingerprint(COMMON + OWN), fingerprint(OWN + COMMON))
    assert sum(map(len, first)) == sum(map(len, second)) == 20


def test_what_is_too_short_is_chance():
    assert matched(fingerprint(OWN + COMMON[: RUN - 1]), fingerprint(COMMON[: RUN - 1] + OTHER)) == ([], [])
    assert matched(fingerprint(""), fingerprint(COMMON)) == ([], [])
    assert matched(fingerprint("abc"), fingerprint("abc")) == ([], [])


def test_what_is_left_out_neither_matches_nor_counts():
    # Repetitions stay where only something else is left out.
    taken = leave_out(fingerprint(COMMON + OWN + OWN), fingerprint(COMMON).hashes)
    assert taken.token_coverage == 26
    assert matched(taken, fingerprint(COMMON)) == ([], [])
    first, second = matched(taken, fingerprint(OWN))
    assert sum(map(len, first)) == 20
    assert second == [range(10)]
