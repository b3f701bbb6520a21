"""The smallest example: small, valid, public, the same every time, and never worth more than its budget."""

import inspect
import re
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from grader import oracle
from grader.compare import compare
from grader.course import Course, load_course
from grader.execute import Boxes, execute
from grader.judge import judge
from grader.plan import plan
from grader.report.facts import facts
from grader.shrink import search, shrink
from grader.shrink.promise import public_draws
from grader.shrink.simpler import count
from grader.topic import Case, Topic
from grader.tree import map_leaves
from grader.trials import Trials
from grader.verify.trial import call
from sandbox.base import Crashed, Function, Limits, OutOfMemory, SandboxUnavailable, Source, TimedOut
from sandbox.fake import FakeSandbox, FakeSession
from tests.small_course import assignment, halve, halve_torch, submission

ROOT = Path(__file__).resolve().parent.parent


@cache
def course():
    return load_course(ROOT)


class Recording(FakeSandbox):
    """A sandbox that remembers its calls; from the `limit`-th on each call gets another answer."""

    def __init__(self, answers, limit=10**9, reply=None):
        super().__init__(answers)
        self.calls, self.limit, self.reply = [], limit, reply

    def open(self, source, limits):
        sandbox = self

        class Session(FakeSession):
            def call(self, call, deadline_s):
                sandbox.calls.append(call)
                if len(sandbox.calls) > sandbox.limit:
                    if isinstance(sandbox.reply, Exception):
                        raise sandbox.reply
                    return sandbox.reply
                return super().call(call, deadline_s)

        return Session(self._answers, limits, source)


class Shrunk:
    """A graded function of the course, or of a topic of its own, and what shrinking made of it."""

    def __init__(self, topic, answers, after=None, secret="secret", framework="numpy"):
        topic = topic if isinstance(topic, Topic) else course().topics[topic]
        right = {topic.name: topic.forward} | ({topic.backward.__name__: topic.backward} if topic.backward else {})
        answers = {function.__name__: function for function in right.values()} | answers
        wanted = assignment(topic.name)
        self.plan = plan(wanted, Course(None, {topic.name: topic}, {}), framework, secret)
        self.trials, handed_in = Trials({topic.name: topic}, framework, secret), submission(*right)
        self.sandbox = Recording(answers)
        boxes = Boxes(self.sandbox, Source(self.trials.modules(self.plan.checks)), Limits())
        with np.errstate(all="ignore"):
            outcomes = execute(self.plan, wanted, handed_in, self.trials, boxes)
        self.before = judge(self.plan, outcomes, handed_in, self.trials)
        self.graded = len(self.sandbox.calls)
        if after is not None:
            count, self.sandbox.reply = after
            self.sandbox.limit = self.graded + count
        self.results = shrink(self.plan, wanted, handed_in, self.before, outcomes, self.trials, boxes)

    @property
    def asked(self):
        return self.sandbox.calls[self.graded :]

    @property
    def found(self):
        return {result.id: result.smallest for result in self.results if result.smallest}

    @property
    def only(self):
        (exhibit,) = self.found.values()
        return exhibit


def numbers(text):
    """Return the numbers of a printed array, without those of its dtype and shape."""
    body = text.partition("\n")[2] if "\n" in text else text
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", body)]


def mistake(function, name):
    return next(m.function for m in course().topics[function].mistakes if m.name == name)


def one_axis_for_all(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1) if z.ndim == 2 and z.shape[0] == z.shape[1] else e / e.sum(axis=-1, keepdims=True)


def raises_at_negatives(z):
    if (z < 0).any():
        raise KeyError(f"no place for {z.min()}")
    return course().topics["softmax"].forward(z)


def test_columns_for_rows():
    shrunk = Shrunk("softmax", {"softmax": mistake("softmax", "normalises_columns")})
    example = shrunk.found["softmax/two rows/values"]
    assert example.inputs == {"z": "float64 (1, 2)\n[[0., 0.]]"}
    assert (example.expected, example.actual) == ("float64 (1, 2)\n[[0.5, 0.5]]", "float64 (1, 2)\n[[1., 1.]]")


def test_what_only_square_inputs_show_is_found_among_parts_of_the_public_ones():
    shrunk = Shrunk("softmax", {"softmax": one_axis_for_all})
    (id_,) = shrunk.found
    assert next(result for result in shrunk.results if result.id == id_).visibility == "hidden"
    assert shrunk.only.inputs["z"].startswith("float64 (2, 2)\n")
    assert max(map(abs, numbers(shrunk.only.inputs["z"]))) <= 3


def test_wrong_padding():
    example = Shrunk("conv2d", {"conv2d": mistake("conv2d", "pad_ignored")}).only
    assert example.inputs["x"].startswith("float64 (1, 1, 1, 1)")
    assert example.inputs["pad"] == "1"


def test_a_wrong_tie():
    example = Shrunk("nms", {"nms": mistake("nms", "higher_index_first")}).only
    assert example.inputs["boxes"].startswith("float64 (2, 4)")
    assert len(set(numbers(example.inputs["scores"]))) == 1
    assert numbers(example.expected)[0] == 0 != numbers(example.actual)[0]


@pytest.mark.parametrize("name", ["sum_over_examples", "softmax_again", "missing_minus", "zero_times_infinity"])
def test_probabilities_stay_probabilities(name):
    example = Shrunk("cross_entropy", {"cross_entropy": mistake("cross_entropy", name)}).only
    rows = int(re.search(r"\((\d+), ", example.inputs["probs"])[1])
    assert sum(numbers(example.inputs["probs"])) == pytest.approx(rows)
    assert sorted(numbers(example.inputs["Y"]), reverse=True)[: rows + 1] == [1] * rows + [0] * (
        len(numbers(example.inputs["Y"])) > rows
    )


def test_an_exception_keeps_its_type_and_needs_one_number():
    example = Shrunk("softmax", {"softmax": raises_at_negatives}).only
    assert example.inputs["z"] in ("float64 (1,)\n[-1.]", "float64 (1, 1)\n[[-1.]]")
    assert example.actual == "raises KeyError: 'no place for -1.0'"
    assert numbers(example.expected) == [1]


def test_a_gradient_is_shrunk_with_what_arrives_from_above():
    wrong = {"conv2d_backward": mistake("conv2d", "db_averaged")}
    example = Shrunk("conv2d", wrong).only
    assert list(example.inputs) == ["dout", "x", "W", "b", "stride", "pad"]
    assert sum(numbers(example.inputs["dout"])) == 1
    assert numbers(example.expected) == [1]


def test_torch_is_shrunk_through_its_own_calls():
    shrunk = Shrunk("one_hot", {"one_hot": lambda y, num_classes: np.zeros((len(y), num_classes))}, framework="torch")
    assert {call.function for call in shrunk.asked} == {"one_hot"}
    assert shrunk.only.inputs == {"y": "int64 (1,)\n[0]", "num_classes": "1"}


def test_nothing_is_asked_of_what_is_right_random_or_missing():
    assert Shrunk("softmax", {}).asked == []
    assert Shrunk("he_init", {"he_init": lambda n_in, n_out, rng: None}).asked == []
    assert Shrunk("nms", {"nms": NotImplementedError()}).asked == []
    assert Shrunk("nms", {"nms": TimedOut(1.0)}).asked == []


def test_a_hidden_failure_is_explained_by_public_numbers():
    def wrong_if_large(x):
        return x if np.abs(x).max() > 4 else halve(x)

    topic = Topic(
        forward=halve,
        torch=halve_torch,
        cases=(
            Case("small", lambda rng: {"x": rng.uniform(-5, 5, 2)}, visible=True),
            Case("hidden", lambda rng: {"x": rng.uniform(1e6, 2e6, 7)}),
        ),
        mistakes=(),
    )
    secret = next(
        secret
        for secret in map(str, range(99))
        if np.abs(Trials({"halve": topic}, "numpy", secret).inputs(check(topic, "small"))["x"]).max() < 4
    )
    shrunk = Shrunk(topic, {"halve": wrong_if_large}, secret=secret)
    assert list(shrunk.found) == ["halve/hidden/values"]
    assert max(map(abs, numbers(shrunk.only.inputs["x"]))) < 1e6
    hidden = shrunk.trials.inputs(check(topic, "hidden"))["x"]
    assert not any(np.isin(call.arguments["x"], hidden).any() for call in shrunk.asked)


def check(topic, case):
    return next(
        c
        for c in plan(assignment(topic.name), Course(None, {topic.name: topic}, {}), "numpy", "").checks
        if c.case == case
    )


def test_the_same_submission_gets_the_same_example():
    wrong = {"nms": mistake("nms", "dropped_boxes_drop_others")}
    one, other = Shrunk("nms", wrong), Shrunk("nms", wrong)
    assert one.found == other.found != {}
    assert [call.arguments.keys() for call in one.asked] == [call.arguments.keys() for call in other.asked]


def test_calls_are_bounded(monkeypatch):
    wrong = {"nms": mistake("nms", "dropped_boxes_drop_others")}
    monkeypatch.setattr(search, "CALLS", 12)
    assert len(Shrunk("nms", wrong).asked) <= 13


def test_thoughts_are_bounded(monkeypatch):
    monkeypatch.setattr(search, "CANDIDATES", 0)
    assert Shrunk("nms", {"nms": mistake("nms", "dropped_boxes_drop_others")}).asked == []


@pytest.mark.parametrize("reply", [TimedOut(1.0), Crashed("gone"), OutOfMemory(1), SandboxUnavailable("gone")])
def test_a_hang_or_a_crash_ends_it_and_changes_no_verdict(reply):
    shrunk = Shrunk("softmax", {"softmax": mistake("softmax", "normalises_columns")}, after=(3, reply))
    assert len(shrunk.asked) <= 7
    assert shrunk.found == {}
    assert [replace(result, smallest=None) for result in shrunk.results] == list(shrunk.before)


def test_what_does_not_fail_again_is_not_shown():
    calls = []

    def fails_at_first(x):
        calls.append(x)
        return x if len(calls) < 4 else halve(x)

    assert Shrunk(big(), {"halve": fails_at_first}).found == {}


def big(**changes):
    case = Case("wide", lambda rng: {"x": rng.standard_normal((6, 9))}, visible=True)
    return replace(Topic(forward=halve, torch=halve_torch, cases=(case,), mistakes=()), **changes)


@pytest.mark.parametrize("size", [3, 4])
def test_no_example_is_larger_than_it_has_to_be(size):
    def wrong_from(x):
        return x if x.shape[0] >= size and x.shape[1] >= size else halve(x)

    assert Shrunk(big(), {"halve": wrong_from}).only.inputs["x"].startswith(f"float64 ({size}, {size})")


def test_an_input_that_an_alternate_disagrees_on_is_never_shown():
    def right_on_matrices(x):
        return halve(x) if x.size > 6 else x

    shrunk = Shrunk(big(alternates=(right_on_matrices,)), {"halve": lambda x: x})
    assert 6 < len(numbers(shrunk.only.inputs["x"])) <= 9


def test_an_input_that_the_topic_calls_invalid_is_never_shown():
    shrunk = Shrunk(big(valid=lambda x: len(x) == 6), {"halve": lambda x: x})
    assert shrunk.only.inputs["x"].startswith("float64 (6, 1)")


def test_a_jump_that_the_visible_cases_do_not_have_is_never_shown():
    def step(x):
        return np.where(x > 0, 1.0, 0.0)

    def step_torch(x):
        return (x > 0) * 1.0

    case = Case("wide", lambda rng: {"x": rng.standard_normal((6, 9))}, visible=True)
    topic = Topic(forward=step, torch=step_torch, cases=(case,), mistakes=())
    assert numbers(Shrunk(topic, {"step": lambda x: 5 + x}).only.inputs["x"]) == [1]


@pytest.mark.parametrize(
    ("layout", "kept"),
    [
        (np.asfortranarray, lambda x: x.flags.f_contiguous),
        (lambda x: x.repeat(2, axis=1)[:, ::2], lambda x: x.size == 1 or not x.flags.contiguous),
    ],
)
def test_arrays_keep_their_dtype_and_layout(layout, kept):
    case = Case("wide", lambda rng: {"x": layout(rng.standard_normal((4, 5)).astype("f4"))}, visible=True)
    shrunk = Shrunk(big(cases=(case,)), {"halve": lambda x: x if min(x.shape) > 1 else halve(x)})
    asked = [call.arguments["x"] for call in shrunk.asked]
    assert (2, 2) in {x.shape for x in asked}
    assert all(x.dtype == "f4" and kept(x) for x in asked)


def test_a_visible_case_that_is_as_small_is_enough():
    case = Case("one", lambda rng: {"x": np.array([2.0])}, visible=True)
    assert Shrunk(big(cases=(case,)), {"halve": lambda x: x}).found == {}


def test_every_report_shows_it_in_place_of_the_larger_one():
    shrunk = Shrunk("softmax", {"softmax": mistake("softmax", "normalises_columns")})
    rows = {fact.name: fact.value for fact in facts(next(r for r in shrunk.results if r.smallest), "")}
    assert rows["small example"] == "z = float64 (1, 2) [[0., 0.]]"
    assert (rows["expected"], rows["your answer"]) == ("float64 (1, 2) [[0.5, 0.5]]", "float64 (1, 2) [[1., 1.]]")
    assert "input z" not in rows


@pytest.mark.parametrize("name", sorted(course().topics))
def test_what_a_topic_promises_holds_for_its_own_visible_cases(name):
    topic = course().topics[name]
    draws = list(public_draws(topic, 3))
    assert draws
    assert all(topic.valid is None or topic.valid(**draw.inputs) for draw in draws)


def resolved(topic, arguments):
    """Return a call's arguments with the course's own functions for their names in the box."""
    module = sys.modules[topic.forward.__module__]

    def function(leaf):
        found = getattr(module, leaf.name) if isinstance(leaf, Function) else leaf
        return found() if inspect.isclass(found) else found

    return map_leaves(function, dict(arguments))


@cache
def mistaken(name, number):
    """Return what shrinking makes of a known mistake, with the arguments of the example's call."""
    topic = course().topics[name]
    mistake = topic.mistakes[number]
    called = topic.backward.__name__ if mistake.gradient else topic.name
    shrunk = Shrunk(topic, {called: mistake.function})
    return shrunk, resolved(topic, shrunk.asked[-1].arguments) if shrunk.found else {}


def is_wrong(expected, function, given):
    try:
        return compare(expected, call(function, given)) is not None
    except Exception:
        return True


CHECKED = [
    pytest.param(topic.name, number, id=f"{topic.name}-{mistake.name}")
    for topic in course().topics.values()
    if not topic.is_random
    for number, mistake in enumerate(topic.mistakes)
    if not (mistake.gradient and topic.autograd_only)
]


@pytest.mark.parametrize(("name", "number"), CHECKED)
def test_every_right_solution_passes_on_every_example_of_the_course(name, number):
    topic, (shrunk, given) = course().topics[name], mistaken(name, number)
    mistake = topic.mistakes[number]
    if not shrunk.found:
        assert given == {}
        return
    inputs = {key: value for key, value in given.items() if not (mistake.gradient and key == "dout")}
    with np.errstate(all="ignore"):
        forward = oracle.expect(topic.forward, inputs, topic.compare)
        expected = oracle.expect_gradient(topic, inputs, given["dout"]) if mistake.gradient else forward
    assert all(compare(forward, call(alternate, inputs)) is None for alternate in topic.alternates)
    assert is_wrong(expected, mistake.function, given)


def test_most_mistakes_of_the_course_have_an_example_of_a_few_numbers():
    sample = [mistaken(*param.values) for param in CHECKED[::9]]
    found = [count(given) for shrunk, given in sample if shrunk.found]
    assert len(found) > 0.6 * len(sample)
    assert np.median(found) <= 6
