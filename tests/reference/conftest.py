"""Judge other implementations of a topic as the grader does."""

import copy

import numpy as np
import pytest

from grader import oracle
from grader.compare import compare


@pytest.fixture(scope="session")
def failed_cases():
    """Return a function that names the cases that an implementation fails for some secret; a crash fails."""

    def failed(topic, function, gradient=False, secrets=("one", "two", "three")):
        cases = [case for case in topic.cases if case.gradient or not gradient]
        return {
            case.name for case in cases for secret in secrets if not _passes(topic, case, function, gradient, secret)
        }

    return failed


def _passes(topic, case, function, gradient, secret):
    inputs = oracle.case_inputs(topic, case, secret)
    if gradient:
        dout = oracle.cotangent(topic, case, inputs, secret)
        expected, inputs = oracle.expect_gradient(topic, inputs, dout), {"dout": dout, **inputs}
    else:
        expected = oracle.expect_values(topic, case, inputs)
    try:
        with np.errstate(all="ignore"):
            return compare(expected, function(**copy.deepcopy(inputs))) is None
    except Exception:
        return False
