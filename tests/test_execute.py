"""Execution: recovery after losses, patience with hangs, and faults that are never the student's."""

import numpy as np
import pytest

from sandbox.base import Crashed, Limits, OutOfMemory, SandboxUnavailable, Source, TimedOut
from sandbox.fake import FakeSandbox, FakeSession
from tests.small_course import Graded, halve, halve_backward, noise

RIGHT = {"halve": halve, "halve_backward": halve_backward}
LOST = Crashed("the box is gone", box_lost=True)


class Unsteady(FakeSandbox):
    """A sandbox whose n-th sessions answer from their own tables; after the last, no box can be had."""

    def __init__(self, *tables):
        super().__init__({})
        self.tables, self.sessions = tables, []

    def open(self, source: Source, limits: Limits):
        if len(self.sessions) == len(self.tables):
            raise SandboxUnavailable("the engine is gone: start it")
        self.sessions.append(FakeSession(self.tables[len(self.sessions)], limits))
        return self.sessions[-1]


def test_a_box_that_is_lost_once_is_replaced_and_costs_nothing():
    sandbox = Unsteady({"halve": LOST}, RIGHT)
    assert set(Graded({}, sandbox=sandbox).verdicts().values()) == {"pass"}


def test_a_call_that_loses_every_box_is_a_crash_and_the_rest_is_graded():
    tables = [{**RIGHT, "halve": LOST}] * 20
    graded = Graded({}, sandbox=Unsteady(*tables))
    assert graded["halve/small/values"].verdict == "crash"
    assert graded["halve/small/gradient"].verdict == "pass"


def test_when_no_box_can_be_had_any_more_the_rest_is_our_fault():
    graded = Graded({}, sandbox=Unsteady({"halve": halve, "halve_backward": LOST}))
    assert graded["halve/small/values"].verdict == "pass"
    assert graded["halve/small/gradient"].verdict == "fault"
    assert "start it" in graded["halve/small/gradient"].summary


def test_patience_ends_after_two_time_outs():
    sandbox = Unsteady({**RIGHT, "halve": TimedOut(1.0)})
    graded = Graded({}, sandbox=sandbox)
    assert [graded[f"halve/{case}/values"].verdict for case in ("small", "single", "large")] == ["timeout"] * 3
    assert [call.function for call in sandbox.sessions[0].calls].count("halve") == 2
    assert graded["halve/small/gradient"].verdict == "pass"


@pytest.mark.parametrize(
    "reply",
    [TimedOut(20.0, loading=True), Crashed("exited with code 3", loading=True), OutOfMemory(1 << 30, loading=True)],
    ids=lambda reply: type(reply).__name__,
)
def test_a_module_whose_loading_fails_is_loaded_by_its_definitions(reply):
    class Spoilt(FakeSession):
        def call(self, call, deadline_s):
            return super().call(call, deadline_s) if call.definitions_only else reply

    class Sandbox(FakeSandbox):
        def open(self, source, limits):
            return Spoilt(RIGHT, limits)

    assert set(Graded({}, sandbox=Sandbox({})).verdicts().values()) == {"pass"}


def test_a_reference_that_fails_is_a_fault(monkeypatch):
    from tests import small_course

    def fails(x):
        if len(x) == 5:
            raise RuntimeError("our own bug")
        return halve(x)

    fails.__name__ = "halve"
    monkeypatch.setitem(
        small_course.TOPICS,
        "halve",
        small_course.Topic(forward=fails, torch=small_course.halve_torch, cases=small_course.HALVE.cases, mistakes=()),
    )
    graded = Graded(RIGHT)
    assert graded["halve/single/values"].verdict == "fault"
    whole = next(result for result in graded.whole if result.id == "halve/single/values")
    assert "our own bug" in whole.summary
    assert graded["halve/small/values"].verdict == "pass"


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_gradients_come_from_the_backward_or_from_autograd(framework):
    sandbox = Unsteady(RIGHT)
    Graded({}, sandbox=sandbox, framework=framework)
    calls = [call for call in sandbox.sessions[0].calls if call.dout is not None or "dout" in call.arguments]
    assert len(calls) == 2
    for call in calls:
        assert call.group == "halve"
        assert (call.function, call.wrt) == (("halve", ("x",)) if framework == "torch" else ("halve_backward", ()))


def test_no_visible_case_is_called_after_a_hidden_one():
    sandbox = Unsteady(RIGHT | {"noise": noise})
    graded = Graded({}, "halve", "noise", sandbox=sandbox)
    given = [call.arguments.get("x", call.arguments.get("n")) for call in sandbox.sessions[0].calls]
    shown = [np.size(x) == 2 or (np.ndim(x) == 0 and x == 10) for x in given]
    assert True in shown
    assert False in shown
    assert shown == sorted(shown, reverse=True)
    assert set(graded.verdicts().values()) == {"pass"}
