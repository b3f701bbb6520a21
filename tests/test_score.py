"""Points: integer hundredths, nothing lost in rounding, faults never a zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.assignment import DEFAULT_SHARES
from grader.model import Aspect, CheckResult, Verdict
from grader.score import apportion, aspect_scores


def results(*pairs):
    return [CheckResult(f"f/{i}", str(i), "values", aspect, verdict, True) for i, (aspect, verdict) in enumerate(pairs)]


@given(st.integers(0, 100_000), st.lists(st.integers(0, 1000), min_size=1, max_size=8))
def test_apportion_loses_nothing_and_keeps_proportions(total, weights):
    shares = apportion(total, weights)
    assert sum(shares) == total
    if sum(weights):
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share - total * weight / sum(weights)) < 1


def test_absent_aspects_give_their_share_to_the_others():
    checks = results((Aspect.VALUES, Verdict.PASS), (Aspect.PURITY, Verdict.PASS))
    scores = aspect_scores(checks, 1000, DEFAULT_SHARES)
    assert {score.aspect: score.max_hundredths for score in scores} == {Aspect.VALUES: 965, Aspect.PURITY: 35}


def test_partial_credit_within_an_aspect():
    checks = results(*[(Aspect.VALUES, Verdict.PASS)] * 2, (Aspect.VALUES, Verdict.FAIL))
    (score,) = aspect_scores(checks, 1000, DEFAULT_SHARES)
    assert (score.hundredths, score.passed, score.total) == (666, 2, 3)


@pytest.mark.parametrize("verdict", [v for v in Verdict if v not in (Verdict.PASS, Verdict.FAULT)])
def test_every_failure_costs(verdict):
    (score,) = aspect_scores(results((Aspect.VALUES, verdict)), 1000, DEFAULT_SHARES)
    assert score.hundredths == 0


def test_a_fault_leaves_the_aspect_unscored():
    checks = results((Aspect.VALUES, Verdict.FAULT), (Aspect.VALUES, Verdict.PASS))
    assert aspect_scores(checks, 1000, DEFAULT_SHARES)[0].hundredths is None
