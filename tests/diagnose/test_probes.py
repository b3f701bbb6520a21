"""What asking the student's functions again shows: state between calls, and the gradient of one's own forward."""

import numpy as np
import pytest

from grader.diagnose import diagnose
from grader.diagnose.probes import Probe
from sandbox.base import Crashed, Raised, SandboxUnavailable, Values
from tests.small_course import Graded, halve, halve_backward


def cubic(x):
    return x**3 / np.asarray(2, x.dtype)


def cubic_backward(dout, x):
    return dout * 3 * x**2 / np.asarray(2, x.dtype)


def words(answers, ask=None):
    """Return the diagnoses of wrong answers; `ask` answers what is asked again, by default the same functions."""
    table = {"halve": halve, "halve_backward": halve_backward, **answers}
    graded = Graded(table)

    def again(call, function):
        return Values(table[call.function](**call.arguments))

    probe = Probe(graded.submission, graded.trials, ask or again)
    results = diagnose(graded.plan, graded.results, graded.outcomes, graded.trials, probe)
    return {result.id: result.diagnosis for result in results if result.verdict.value == "fail"}


def test_a_gradient_of_ones_own_wrong_forward_is_told():
    found = words({"halve": cubic, "halve_backward": cubic_backward})
    assert found["halve/small/gradient"] == "own-derivative"
    assert found["halve/single/gradient"] == "own-derivative"


def test_a_wrong_gradient_of_a_wrong_forward_is_not():
    found = words({"halve": cubic, "halve_backward": lambda dout, x: dout * np.sin(x) * 17})
    assert found["halve/small/gradient"] == ""


def test_a_gradient_beside_a_right_forward_is_not():
    assert words({"halve_backward": cubic_backward})["halve/small/gradient"] == ""


def test_what_is_right_in_a_fresh_process_is_state():
    calls = []

    def only_once(x):
        calls.append(x)
        return halve(x) if len(calls) == 1 else np.cos(x) * np.arange(x.size)

    def ask(call, function):
        assert "afresh" in call.group
        return Values(halve(**call.arguments))

    found = words({"halve": only_once}, ask)
    assert found == {"halve/single/values": "state", "halve/large/values": "state"}


@pytest.mark.parametrize(
    "reply", [Crashed("gone"), Raised("ValueError", "no"), Values("text"), Values(None), Values(())]
)
def test_whatever_comes_back_is_survived(reply):
    found = words({"halve": cubic, "halve_backward": cubic_backward}, lambda call, function: reply)
    assert set(found.values()) == {""}


def test_without_a_box_nothing_is_told():
    def ask(call, function):
        raise SandboxUnavailable("gone")

    assert set(words({"halve": cubic, "halve_backward": cubic_backward}, ask).values()) == {""}
