"""A course of two tiny topics, and the pieces that the engine's tests grade with."""

from datetime import UTC, datetime

import numpy as np

from grader.codec import SCHEMA
from grader.course import Course
from grader.execute import Boxes, execute
from grader.judge import judge
from grader.model import (
    Aspect,
    Assignment,
    Definition,
    Disclosure,
    GradedFunction,
    Location,
    Plan,
    Report,
    SandboxInfo,
    SandboxRecord,
    Submission,
    SubmissionInfo,
    Verdict,
)
from grader.plan import plan
from grader.score import score
from grader.topic import Case, Mistake, Properties, Topic
from grader.trials import Trials
from grader.visibility import public
from sandbox.base import Chunk, Limits, Module, Source
from sandbox.fake import FakeSandbox


def halve(x):
    """Halve."""
    return x / np.asarray(2, x.dtype)


def halve_backward(dout, x):
    return dout / np.asarray(2, x.dtype)


def halve_torch(x):
    return x / 2


def third(x):
    return x / np.asarray(3, x.dtype)


def double(x):
    return x * np.asarray(2, x.dtype)


def undamped(dout, x):
    return dout


HALVE = Topic(
    forward=halve,
    backward=halve_backward,
    torch=halve_torch,
    cases=(
        Case("small", lambda rng: {"x": np.array([2.0, 4.0])}, visible=True),
        Case("single", lambda rng: {"x": rng.standard_normal(5).astype("f4")}),
        Case("large", lambda rng: {"x": 1e9 * rng.standard_normal(3)}, aspect="stability", gradient=False),
    ),
    mistakes=(
        Mistake(third, "Three is too many."),
        Mistake(double, "The wrong way round."),
        Mistake(undamped, "The factor is missing.", gradient=True),
    ),
)


def noise(n, rng):
    """Draw."""
    return rng.standard_normal(n)


def reproducible(inputs, outputs):
    if not all(isinstance(output, np.ndarray) and output.shape == (inputs["n"],) for output in outputs):
        return "The result must be an array of n numbers."
    if not np.array_equal(outputs[0], outputs[1]):
        return "The same rng state must give the same numbers."
    return None


NOISE = Topic(
    forward=noise,
    torch=noise,
    cases=(Case("ten", lambda rng: {"n": 10}, visible=True), Case("hidden", lambda rng: {"n": 7})),
    mistakes=(),
    compare=Properties(reproducible, draws=(0, 0, 1)),
)

TOPICS = {"halve": HALVE, "noise": NOISE}
SHARES = dict.fromkeys(Aspect, 1)


BEFORE = datetime(2026, 11, 1, tzinfo=UTC)


def assignment(*names, disclosure=Disclosure()):  # noqa: B008 - frozen
    functions = (GradedFunction(name, 1000, SHARES, 1.0, disclosure=disclosure) for name in names)
    return Assignment(("test",), "Test", tuple(functions))


def submission(*names, absent=()):
    places = {name: Definition(name, "hw", Location("hw.py", 3)) for name in names if name not in absent}
    modules = (
        Module(
            "hw", (Chunk("hw.py", 1, "\n" * 20), Chunk("hw.ipynb#cell-3", 1, "def halve(x):\n    return x / w\n\n\n"))
        ),
    )
    return Submission(
        "student", "0" * 64, ("hw.py",), modules, places, {name: f"{name} is gone" for name in absent}, ()
    )


class Graded:
    """A run of the engine on fake answers: the plan, the outcomes and the results by check id."""

    def __init__(self, answers, *names, framework="numpy", sandbox=None, absent=(), disclosure=Disclosure()):  # noqa: B008 - frozen
        names = names or ("halve",)
        self.assignment = assignment(*names, disclosure=disclosure)
        course = Course(None, TOPICS, {})
        self.plan: Plan = plan(self.assignment, course, framework, "secret")
        self.trials = Trials(TOPICS, framework, "secret")
        self.submission = submission("halve", "halve_backward", "noise", absent=absent)
        self.boxes = Boxes(sandbox or FakeSandbox(answers), Source(()), Limits())
        self.outcomes = execute(self.plan, self.assignment, self.submission, self.trials, self.boxes)
        self.whole = judge(self.plan, self.outcomes, self.submission, self.trials)
        self.boxes.close()

    @property
    def report(self):
        """The whole report, for staff."""
        functions = score(self.plan, self.assignment, self.submission, self.whole)
        return Report(
            schema=SCHEMA,
            grader_version="0",
            assignments=("test",),
            title="Test",
            framework=self.plan.framework,
            submission=SubmissionInfo("student", "0" * 64, ("hw.py",), ()),
            sandbox=SandboxInfo("fake", "Protects from nothing."),
            outcome="graded",
            faults=tuple(check.summary for check in self.whole if check.verdict is Verdict.FAULT),
            hundredths=0,
            max_hundredths=1000,
            functions=functions,
            started="2026-01-01T00:00:00+00:00",
            duration_s=1.0,
            audience="staff",
            sandbox_record=SandboxRecord({}, tuple(self.boxes.records)),
        )

    @property
    def results(self):
        """The results as students read them."""
        return [check for function in public(self.report, BEFORE).functions for check in function.checks]

    def __getitem__(self, id_):
        return next(result for result in self.results if result.id == id_)

    def verdicts(self):
        return {result.id: result.verdict.value for result in self.results}
