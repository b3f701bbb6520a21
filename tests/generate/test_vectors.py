"""Public vectors: they answer what the course answers, and a file that is not whole is refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from grader.assignment import assignment_names, load_assignment
from grader.course import load_course
from grader.generate.vectors import PUBLIC, public_checks, public_vectors
from grader.oracle import case_inputs
from grader.sketch import broken, sketched
from grader.topic import Properties
from grader.tree import leaves, unwrap
from grader.trials import Trials
from grader.vectors import FIRST_LINE, VectorsError, load
from sandbox.base import Function

ROOT = Path(__file__).resolve().parents[2]


def made(name, framework="numpy"):
    assignment = load_assignment(ROOT, [name])
    course = load_course(ROOT, [function.name for function in assignment.functions])
    checks = public_checks(assignment, course, framework)
    return assignment, course, public_vectors(assignment, course, framework, checks)


@pytest.fixture(scope="module")
def softmax_file():
    return made("softmax_classifier")[2]


def same(left, right):
    pairs = zip(leaves(left), leaves(right), strict=True)
    for (path, a), (other, b) in pairs:
        assert path == other
        if isinstance(a, np.ndarray):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            assert a.flags.c_contiguous == b.flags.c_contiguous
            assert a.flags.f_contiguous == b.flags.f_contiguous
            np.testing.assert_array_equal(a, b)
        elif not callable(a) and not isinstance(a, Function):
            assert a == b


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("name", assignment_names(ROOT))
def test_vectors_answer_what_the_course_answers(name, framework, tmp_path):
    assignment, course, data = made(name, framework)
    (tmp_path / "public.kgv").write_bytes(data)
    vectors = load(tmp_path / "public.kgv")
    checks = public_checks(assignment, course, framework)
    trials = Trials(course.topics, framework, PUBLIC)
    assert vectors.plan([f.name for f in assignment.functions]).checks == tuple(checks)
    assert vectors.modules() == trials.modules(checks)
    for check in checks:
        if check.kind not in ("values", "gradient"):
            continue
        random = check.kind == "values" and isinstance(trials.policy(check), Properties)
        official, public = list(trials.calls(check, "hw")), list(vectors.calls(check, "hw"))
        for call, other in zip(official[: len(public)], public, strict=True):
            assert list(call.arguments) == list(other.arguments)
            assert (call.group, call.module, call.function, call.wrt) == (
                other.group,
                other.module,
                other.function,
                other.wrt,
            )
            if not random:
                same(call.arguments, other.arguments)
                same(call.dout, other.dout)
        if random:
            assert isinstance(vectors.policy(check), Properties)
            continue
        expected, answer = trials.expected(check), vectors.expected(check)
        same(expected.value, answer.value)
        assert (expected.errors, expected.dtype, expected.names) == (answer.errors, answer.dtype, answer.names)
        assert expected.policy == answer.policy


@pytest.mark.parametrize("name", assignment_names(ROOT))
def test_the_properties_of_a_self_check_hold_for_every_right_implementation(name, tmp_path):
    assignment, course, data = made(name)
    (tmp_path / "public.kgv").write_bytes(data)
    vectors = load(tmp_path / "public.kgv")
    for check in vectors.plan([f.name for f in assignment.functions]).checks:
        topic = course.topics[check.function]
        if check.kind != "values" or not topic.is_random:
            continue
        case = next(case for case in topic.cases if case.name == check.case)
        for function in (topic.forward, *topic.alternates):
            for seed in range(5):
                seeds = (seed, seed, seed + 100)
                outputs = [
                    unwrap(function(**case_inputs(topic, case, PUBLIC), rng=np.random.default_rng(one)))
                    for one in seeds
                ]
                assert vectors.policy(check).judge(vectors.inputs(check), outputs) is None


def test_the_same_course_gives_the_same_bytes(softmax_file):
    assert made("softmax_classifier")[2] == softmax_file
    assert softmax_file.startswith(FIRST_LINE + b"1\n")


def refused(tmp_path, data):
    path = tmp_path / "public.kgv"
    path.write_bytes(data)
    with pytest.raises(VectorsError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_other_formats_say_what_to_do(tmp_path, softmax_file):
    rest = softmax_file.partition(b"\n")[2]
    assert "ask for the handout of today" in refused(tmp_path, FIRST_LINE + b"0\n" + rest)
    assert "pip install --upgrade" in refused(tmp_path, FIRST_LINE + b"2\n" + rest)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-100],
        lambda data: data + b"more",
        lambda data: data.replace(b"two rows", b"two cows"),
        lambda data: data.partition(b"\n")[0] + b"\n",
    ],
    ids=["cut", "longer", "changed", "empty"],
)
def test_a_damaged_file_is_refused(tmp_path, softmax_file, damage):
    assert "is damaged" in refused(tmp_path, damage(softmax_file))


def test_a_file_of_another_kind_is_refused(tmp_path):
    assert "no public cases" in refused(tmp_path, b"PK\x03\x04")


SKETCH = sketched([({"w": np.zeros((2, 3))}, [1.0, 2]), ({"w": np.ones((2, 3))}, (3, 0.5))])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (({"w": np.ones((2, 3))}, [1, 2]), None),
        (({"w": np.ones((3, 2))}, [1, 2]), "shape (3, 2); (2, 3) is expected"),
        (({"w": np.ones((2, 3), "f4")}, [1, 2]), "dtype float32; float64 is expected"),
        (({"w": [1, 2]}, [1, 2]), "must be an array"),
        (({"v": np.ones((2, 3))}, [1, 2]), "dictionary with the keys w"),
        (({"w": np.ones((2, 3))}, [1]), "must be 2 values"),
        (({"w": np.ones((2, 3))}, [1, None]), "must be a number"),
        (None, "must be 2 values"),
    ],
)
def test_a_sketch_says_what_is_wrong(answer, says):
    found = broken(SKETCH, (5,), {}, [answer])
    assert found is None if says is None else says in found


def test_equal_generators_must_give_equal_answers():
    sketch = sketched([np.zeros(2)])
    same_state = [np.array([1.0, np.nan]), np.array([1.0, np.nan]), np.zeros(2)]
    assert broken(sketch, (5, 5, 6), {}, same_state) is None
    assert "same state" in broken(sketch, (5, 5, 6), {}, [np.zeros(2), np.ones(2), np.zeros(2)])
