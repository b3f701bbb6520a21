"""The torch references on a real card: values and gradients there are those of NumPy. `make gpu-test` runs these."""

import pytest

from grader import oracle
from grader.compare import compare
from grader.topic import Properties
from grader.tree import map_leaves
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
        outputs = [
            to_arrays(topic.torch(**on_the_card(inputs), rng=torch.Generator().manual_seed(seed))) for seed in seeds
        ]
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
        dout = torch.as_tensor(dout, device="cuda")
        answer = to_arrays(gradients(topic.torch, on_the_card(inputs), dout, names))
        assert compare(expected_gradient(topic, case, "gpu"), answer) is None
