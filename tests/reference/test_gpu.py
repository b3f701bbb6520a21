"""The torch references on a real card: values and gradients there are those of NumPy. `make gpu-test` runs these."""

import statistics
import time

import numpy as np
import pytest

from grader import oracle
from grader.compare import compare
from grader.topic import Properties
from grader.tree import leaves, map_leaves
from sandbox.autograd import gradients
from tests.reference.test_topics import (
    COURSE,
    expected_gradient,
    expected_values,
    gradient_cases,
    gradient_inputs,
    inputs_of,
    to_arrays,
    to_tensors,
)

torch = pytest.importorskip("torch", reason="torch is not installed")
if not torch.cuda.is_available():
    pytest.skip("no CUDA device on this machine", allow_module_level=True)
pytestmark = pytest.mark.gpu

CASES = [(topic, case) for topic in COURSE.topics.values() for case in topic.cases]
IDS = [f"{topic.name}-{case.name}" for topic, case in CASES]


def on_the_card(inputs):
    """Return the inputs as tensors on the card; a generator stays where it is."""
    return map_leaves(lambda leaf: leaf.cuda() if isinstance(leaf, torch.Tensor) else leaf, to_tensors(inputs))


@pytest.mark.parametrize(("topic", "case"), CASES, ids=IDS)
def test_values(topic, case):
    policy = case.compare or topic.compare
    if isinstance(policy, Properties):
        inputs = inputs_of(topic, case, "gpu")
        seeds = [oracle.draw_seed(topic, case, draw, "gpu") for draw in policy.draws]
        outputs = []
        for seed in seeds:
            arguments = on_the_card(oracle.case_inputs(topic, case, "gpu"))  # anew: an objective may count its calls
            outputs.append(to_arrays(topic.torch(**arguments, rng=torch.Generator().manual_seed(seed))))
        assert policy.judge(inputs, outputs) is None
    else:
        answer = to_arrays(topic.torch(**on_the_card(inputs_of(topic, case, "gpu"))))
        assert compare(expected_values(topic, case, "gpu"), answer) is None


@pytest.mark.parametrize(("topic", "case"), CASES, ids=IDS)
def test_gradients(topic, case):
    if case in gradient_cases(topic):
        inputs = gradient_inputs(topic, case, "gpu")
        dout = inputs.pop("dout")
        names = oracle.gradient_names(topic, inputs)
        answer = to_arrays(gradients(topic.torch, on_the_card(inputs), dout, names))
        assert compare(expected_gradient(topic, case, "gpu"), answer) is None


@pytest.mark.parametrize("topic", COURSE.topics.values(), ids=COURSE.topics)
def test_timing(topic, capsys):
    """Print how long the largest case takes on the card, synchronised, and on the CPU; no time is asserted."""
    case = max(topic.cases, key=lambda case: sum(np.size(leaf) for _, leaf in leaves(inputs_of(topic, case, "gpu"))))
    inputs = inputs_of(topic, case, "gpu")
    medians = []
    for arguments in (on_the_card(inputs), to_tensors(inputs)):
        times = []
        for _ in range(20):
            rng = {"rng": torch.Generator().manual_seed(0)} if topic.is_random else {}
            torch.cuda.synchronize()
            start = time.perf_counter()
            answer = topic.torch(**arguments, **rng)
            torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        medians.append(1e3 * statistics.median(times))
        assert answer is not None
    with capsys.disabled():
        print(f"\n{topic.name} ({case.name}): {medians[0]:.3f} ms on the card, {medians[1]:.3f} ms on the CPU", end="")
