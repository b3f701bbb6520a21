"""Prove every topic of the course: its references agree, right answers pass, wrong answers fail.

Right and wrong are judged by the engine itself, with inputs drawn from several secrets. Every test runs for every
topic under reference/, and its id names the topic and, where there is one, the case, mistake or alternate.
"""

import copy
import functools
import inspect
import os
import subprocess
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import pytest

from grader import oracle
from grader.assignment import load_assignment
from grader.compare import compare, compare_dtypes
from grader.course import load_course, topic_files
from grader.topic import Properties
from grader.tree import is_floating, leaves, map_leaves
from grader.verify.prove import Effort, prove

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT)
SECRETS = [f"secret {i}" for i in range(4)]


# How many boxes stay is in their scores: these may wait for the device once, in the statement that selects them.
LENGTH_DEPENDS_ON_DATA = {"filter_boxes", "nms", "multiclass_nms", "yolo_postprocess"}


def pytest_generate_tests(metafunc):
    """Parametrise over topics, or over the cases, mistakes or alternates of all topics."""
    for part in ("case", "mistake", "alternate"):
        if part in metafunc.fixturenames:
            rows = [(topic, item) for topic in COURSE.topics.values() for item in getattr(topic, f"{part}s")]
            ids = [f"{topic.name}-{getattr(item, 'name', None) or item.__name__}" for topic, item in rows]
            return metafunc.parametrize(("topic", part), rows, ids=ids)
    if "random_topic" in metafunc.fixturenames:
        topics = {name: topic for name, topic in COURSE.topics.items() if topic.is_random}
        return metafunc.parametrize("random_topic", topics.values(), ids=topics)
    if "topic" in metafunc.fixturenames:
        return metafunc.parametrize("topic", COURSE.topics.values(), ids=COURSE.topics)
    return None


# --- judging a function as the engine does -----------------------------------------------------------------------


def inputs_of(topic, case, secret):
    """Return the inputs of a case, with new objects for callable ones, as the box makes them for every call."""
    return map_leaves(lambda leaf: type(leaf)() if is_object(leaf) else leaf, drawn_inputs(topic, case, secret))


@functools.cache
def drawn_inputs(topic, case, secret):
    return oracle.case_inputs(topic, case, secret)


def is_object(leaf):
    return callable(leaf) and not inspect.isfunction(leaf)


@functools.cache
def expected_values(topic, case, secret):
    return oracle.expect_values(topic, case, inputs_of(topic, case, secret))


@functools.cache
def expected_gradient(topic, case, secret):
    inputs = inputs_of(topic, case, secret)
    return oracle.expect_gradient(topic, inputs, oracle.cotangent(topic, case, inputs, secret))


def gradient_inputs(topic, case, secret):
    inputs = inputs_of(topic, case, secret)
    return {"dout": oracle.cotangent(topic, case, inputs, secret), **inputs}


def call(function, inputs):
    """Call a function that may be wrong on inputs that it may spoil."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(**copy.deepcopy(inputs))


def policy_of(topic, case):
    return case.compare or topic.compare


def draws(function, topic, case, secret):
    """Return a random function's outputs, one per draw of the policy, as the grader collects them."""
    seeds = [oracle.draw_seed(topic, case, draw, secret) for draw in policy_of(topic, case).draws]
    inputs = inputs_of(topic, case, secret)
    return [call(function, {**inputs, "rng": np.random.default_rng(seed)}) for seed in seeds]


def complaint(function, topic, case, secret):
    """Say why a forward's answers to a case are wrong, in their values or in their dtype; None when they are right."""
    policy = policy_of(topic, case)
    if isinstance(policy, Properties):
        return policy.judge(inputs_of(topic, case, secret), draws(function, topic, case, secret))
    return mismatch(expected_values(topic, case, secret), call(function, inputs_of(topic, case, secret)))


def gradient_complaint(function, topic, case, secret):
    return mismatch(expected_gradient(topic, case, secret), call(function, gradient_inputs(topic, case, secret)))


def mismatch(expected, actual):
    found = compare(expected, actual) or compare_dtypes(expected, actual)
    return found and f"{found.summary} (error {found.max_abs_error}, allowed {found.allowed_error})"


def complaint_or_crash(judge, *args):
    try:
        return judge(*args), False
    except Exception as error:
        return f"raises {type(error).__name__}", True


def gradient_cases(topic):
    return [case for case in topic.cases if case.gradient] if topic.backward else []


def cast(inputs, dtype):
    return map_leaves(lambda leaf: leaf.astype(dtype) if is_floating(leaf) else leaf, dict(inputs))


def arrays(value):
    return [leaf for _, leaf in leaves(value) if isinstance(leaf, np.ndarray)]


def rng_for(topic):
    return {"rng": np.random.default_rng(0)} if topic.is_random else {}


def bits(value):
    def bits_of(leaf):
        if isinstance(leaf, np.ndarray):
            return leaf.dtype, leaf.shape, leaf.tobytes()
        return type(leaf) if is_object(leaf) else leaf

    return [bits_of(leaf) for _, leaf in leaves(value)]


# --- torch -------------------------------------------------------------------------------------------------------


def to_tensors(value):
    torch = pytest.importorskip("torch")

    def convert(leaf):
        if isinstance(leaf, np.random.Generator):
            return torch.Generator().manual_seed(int(leaf.integers(1 << 62)))
        return torch.from_numpy(leaf.copy()) if isinstance(leaf, np.ndarray) else leaf

    return map_leaves(convert, dict(value))


def to_arrays(value):
    return map_leaves(lambda leaf: leaf.detach().cpu().numpy() if hasattr(leaf, "detach") else leaf, value)


def on_tensors(function):
    return lambda **inputs: to_arrays(function(**to_tensors(inputs)))


def fake(leaf):
    """Return a tensor without values on a foreign device for an array; call it under FakeTensorMode."""
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, leaf.dtype.name) if isinstance(leaf, np.ndarray) else None
    return leaf if dtype is None else torch.empty(leaf.shape, dtype=dtype, device="meta")


def autograd(topic, dout, **inputs):
    """Differentiate the torch version with the code that runs in the box."""
    pytest.importorskip("torch")
    from sandbox.autograd import gradients

    return to_arrays(gradients(topic.torch, to_tensors(inputs), dout, oracle.gradient_names(topic, inputs)))


# --- the references ----------------------------------------------------------------------------------------------


def test_every_topic_loads():
    assert COURSE.faults == {}
    assert set(COURSE.topics) == set(topic_files(ROOT)) != set()


def test_the_course_loads_on_a_host_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"  # from here on, importing torch raises
        "from pathlib import Path; from grader.course import load_course\n"
        "course = load_course(Path('.')); assert course.topics and not course.faults, course.faults"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, check=True)


def test_loading_the_course_does_not_import_torch():
    code = (
        "import sys; from pathlib import Path; from grader.course import load_course\n"
        "load_course(Path('.')); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, check=True)


@pytest.mark.parametrize("chapter", sorted({path.parent.name for path in topic_files(ROOT).values()}))
def test_every_function_of_a_chapter_is_in_its_assignment(chapter):
    functions = {path.stem for path in (ROOT / "reference" / chapter).glob("*.py")}
    assert {function.name for function in load_assignment(ROOT, [chapter]).functions} == functions
    handout = (ROOT / "assignments" / chapter / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}(" in handout for name in functions)


def test_a_topic_is_complete(topic):
    assert len(topic.cases) >= 5
    assert len(topic.mistakes) >= 3
    assert len(topic.alternates) >= 2
    assert any(case.visible for case in topic.cases)
    assert any(not case.visible for case in topic.cases)
    assert not topic.has_gradient("numpy") or any(mistake.gradient for mistake in topic.mistakes)
    assert all(len(mistake.hint) > 20 for mistake in topic.mistakes)


def test_the_docstring_describes_parameters_and_result(topic):
    for function in filter(None, (topic.forward, topic.backward)):
        text = function.__doc__
        described = {
            name.strip() for line in text.splitlines() if ":" in line for name in line.split(":")[0].split(",")
        }
        missing = {"returns"} | set(topic.parameters if function is topic.forward else {"dout"})
        assert missing <= described, f"{function.__name__} does not describe {missing - described}"
        assert "array" in text


def test_inputs_suit_every_secret(topic, case):
    for secret in map(str, range(60)):
        inputs = oracle.case_inputs(topic, case, secret)
        assert set(inputs) <= set(topic.parameters) - {"rng"}
        held = arrays(inputs)
        assert len({array.dtype for array in held if is_floating(array)}) <= 1
        assert all(array.dtype.isnative and array.dtype != object for array in held)
        assert all(np.isfinite(array).all() for array in held)
        assert sum(array.nbytes for array in held) <= 2 << 20


def test_inputs_follow_from_the_secret(topic):
    first, again, other = (
        [bits(oracle.case_inputs(topic, case, secret)) for case in topic.cases] for secret in ("one", "one", "other")
    )
    assert first == again
    assert sum(a != b for a, b in zip(first, other, strict=True)) > len(topic.cases) / 2


def test_there_are_cases_in_float32_and_float64(topic):
    """Functions that take functions are for float64 alone: differences of float32 values have no digits."""
    held = [array for case in topic.cases for array in arrays(inputs_of(topic, case, SECRETS[0])) if is_floating(array)]
    takes_functions = any(callable(leaf) for _, leaf in leaves(inputs_of(topic, topic.cases[0], SECRETS[0])))
    assert takes_functions or not held or {"float32", "float64"} <= {array.dtype.name for array in held}


def test_the_reference_is_finite_and_warns_of_nothing(topic, case):
    for secret in SECRETS:
        inputs = dict(inputs_of(topic, case, secret))
        answers = [topic.forward(**inputs, **rng_for(topic))]
        if case in gradient_cases(topic):
            answers.append(topic.backward(**gradient_inputs(topic, case, secret)))
        numbers = [leaf for _, leaf in leaves(answers) if not isinstance(leaf, str)]
        assert all(np.isfinite(np.asarray(leaf)).all() for leaf in numbers)


def test_the_references_leave_their_inputs_alone(topic, case):
    inputs = copy.deepcopy(inputs_of(topic, case, SECRETS[0]))
    before = bits(inputs)
    topic.forward(**inputs, **rng_for(topic))
    assert bits(inputs) == before
    if case in gradient_cases(topic):
        arguments = copy.deepcopy(gradient_inputs(topic, case, SECRETS[0]))
        before = bits(arguments)
        topic.backward(**arguments)
        assert bits(arguments) == before


def test_float32_stays_float32(topic, case):
    inputs = cast(inputs_of(topic, case, SECRETS[0]), np.float32)
    if not any(is_floating(array) for array in arrays(inputs)):
        return  # nothing says which
    answers = [call(topic.forward, {**inputs, **rng_for(topic)})]
    if case in gradient_cases(topic):
        answers.append(call(topic.backward, cast(gradient_inputs(topic, case, SECRETS[0]), np.float32)))
    assert {array.dtype.name for array in arrays(answers) if array.ndim and is_floating(array)} <= {"float32"}


@pytest.mark.torch
def test_torch_agrees_with_numpy(topic, case):
    for secret in SECRETS:
        if isinstance(policy_of(topic, case), Properties):
            assert complaint(on_tensors(topic.torch), topic, case, secret) is None
            continue
        inputs = inputs_of(topic, case, secret)
        expected = oracle.in_torch(expected_values(topic, case, secret), inputs)
        assert mismatch(expected, call(on_tensors(topic.torch), inputs)) is None


@pytest.mark.torch
def test_torch_leaves_its_inputs_alone(topic, case):
    tensors = to_tensors({**inputs_of(topic, case, SECRETS[0]), **rng_for(topic)})
    tensors.pop("rng", None)
    before = bits(to_arrays(copy.deepcopy(tensors)))
    topic.torch(**tensors, **to_tensors(rng_for(topic)))
    assert bits(to_arrays(tensors)) == before


@pytest.mark.torch
def test_torch_keeps_to_the_device_and_never_waits_for_it(topic, case):
    """On fake tensors of a foreign device, mixing devices raises, and so does every read of a value by the host.

    The device is "meta": on a build of torch without CUDA, indexing and conv2d refuse even a fake CUDA tensor.
    """
    torch = pytest.importorskip("torch")
    from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

    inputs = inputs_of(topic, case, SECRETS[0])
    if not arrays(inputs):
        return  # numbers come in, and no tensor goes out
    with FakeTensorMode():
        rng = {"rng": torch.Generator()} if topic.is_random else {}
        try:
            answers = topic.torch(**map_leaves(fake, dict(inputs)), **rng)
        except DynamicOutputShapeException as error:
            last = [frame for frame in traceback.extract_tb(error.__traceback__) if "/reference/" in frame.filename][-1]
            assert topic.name in LENGTH_DEPENDS_ON_DATA
            assert last.line.startswith("return "), "only the final selection may depend on the data"
            return
    tensors = [leaf for _, leaf in leaves(answers) if isinstance(leaf, torch.Tensor)]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert [tensor.shape for tensor in tensors] == [
        np.shape(a) for _, a in leaves(topic.forward(**inputs, **rng_for(topic)))
    ]


@pytest.mark.torch
def test_torch_gradients_keep_to_the_device(topic, case):
    """The same for autograd through the torch version: a foreign device, and no value to read."""
    torch = pytest.importorskip("torch")
    from torch._subclasses.fake_tensor import FakeTensorMode

    from sandbox.autograd import gradients

    if case not in gradient_cases(topic):
        return
    inputs = gradient_inputs(topic, case, SECRETS[0])
    names = oracle.gradient_names(topic, inputs)

    with FakeTensorMode():
        arguments = map_leaves(fake, dict(inputs))
        dout = arguments.pop("dout")
        dout = dout if isinstance(dout, torch.Tensor) else torch.empty((), dtype=torch.float64, device="meta")
        answers = gradients(topic.torch, arguments, dout, names)
    tensors = [leaf for _, leaf in leaves(answers)]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert [tensor.shape for tensor in tensors] == [a.shape for _, a in leaves([inputs[name] for name in names])]


@pytest.mark.torch
def test_the_backward_agrees_with_autograd(topic, case):
    for secret in SECRETS if case in gradient_cases(topic) else ():
        answer = functools.partial(autograd, topic)
        assert gradient_complaint(answer, topic, case, secret) is None


def test_the_backward_is_the_slope_of_the_forward(topic, case):
    """Move single inputs up and down in float64 and compare with the gradient: central differences."""
    if case not in gradient_cases(topic):
        return
    rng = np.random.default_rng(0)
    arguments = cast(gradient_inputs(topic, case, SECRETS[0]), np.float64)
    gradients = [leaf for _, leaf in leaves(topic.backward(**arguments))]
    dout = arguments.pop("dout")
    paths = [(name, *path) for name in oracle.gradient_names(topic, arguments) for path, _ in leaves(arguments[name])]
    level = float(np.abs(dout * topic.forward(**arguments)).sum())
    for path, gradient in zip(paths, gradients, strict=True):
        array = at(arguments, path)
        assert gradient.shape == array.shape
        scale = np.abs(gradient).max()
        for flat in rng.permutation(gradient.size)[:40]:
            index = np.unravel_index(flat, gradient.shape)
            centre = array[index]
            step = min(1e-5, 1e-5 * abs(centre)) or 1e-6
            high, low = (copy.deepcopy(arguments) for _ in range(2))
            at(high, path)[index], at(low, path)[index] = centre + step, centre - step
            width = at(high, path)[index] - at(low, path)[index]
            slope = (dout * (topic.forward(**high) - topic.forward(**low))).sum() / width
            rounding = 1e-14 * level / width
            assert abs(slope - gradient[index]) <= 1e-6 * scale + rounding, (path, index)


def at(value, path):
    return functools.reduce(lambda part, key: part[key], path, value)


STRANGE = [
    *(None, "x", "", 1, -1, True, float("nan"), float("inf"), 1 << 62, (), [], {}, {"W": 1}, (None,), [None, "x"]),
    *(np.zeros(0), np.zeros(3), np.zeros((2, 3)), np.zeros((2, 3, 4, 5)), np.full((3, 4), np.nan), np.full(5, np.inf)),
    *(np.zeros((3, 4), bool), np.zeros((3, 4), "c16"), np.zeros(4, "i1"), np.zeros(4, "u8"), np.array(2.0)),
    *((np.zeros(3), "x"), (np.zeros((2, 3)),) * 2, (np.zeros((2, 3)), np.zeros(3)), ((1, 2), (3, 4), (5, 6)), [[[]]]),
    *([(np.zeros((2, 3)), np.zeros(2))] * 2, [(None, None)], ({"lr": "x"}, 0.1), ({"lr": float("nan")}, None)),
]


def test_a_judge_of_properties_survives_any_output(random_topic):
    """It would be our fault, and no grade, if a student could make it raise."""
    topic = random_topic
    for case in [case for case in topic.cases if isinstance(policy_of(topic, case), Properties)]:
        policy = policy_of(topic, case)
        inputs, right = inputs_of(topic, case, SECRETS[0]), draws(topic.forward, topic, case, SECRETS[0])
        for strange in STRANGE:
            assert isinstance(policy.judge(inputs, [strange] * len(right)), str), case.name
            assert isinstance(policy.judge(inputs, [*right[:-1], strange]), str | None), case.name


# --- right answers pass, wrong answers fail -----------------------------------------------------------------------


def test_a_topic_is_sound(topic):
    """The proofs of `grader verify`, with few seeds: alternates, mistakes, mutants, trivial answers, half precision."""
    effort = Effort(alternates=3, mistakes=2, random_reference=10, random_mistakes=3, mutants=2)
    assert prove(topic, effort).failures == ()
