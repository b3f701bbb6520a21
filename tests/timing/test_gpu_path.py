"""A whole grade on a real card, values, gradients and speed, on each backend that has one. `make gpu-test` runs this.

Where it was written there was no card: it has never run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.bench import bench
from grader.model import Verdict
from grader.pipeline import Request, grade, prepare
from tests.sandbox.conftest import make

torch = pytest.importorskip("torch", reason="torch is not installed")
if not torch.cuda.is_available():
    pytest.skip("no CUDA device on this machine", allow_module_level=True)
pytestmark = pytest.mark.gpu

ROOT = Path(__file__).resolve().parent.parent.parent
REQUEST = Request(ROOT / "examples" / "torch", ROOT, framework="torch", device="cuda")


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def card(request):
    made = make(request.param, "torch", "cuda")
    yield made
    made.close()


def test_values_and_gradients(card):
    report = grade(prepare(REQUEST), card)
    assert report.outcome == "graded" and report.device == "cuda"
    checks = [check for function in report.functions for check in function.checks]
    assert [check.id for check in checks if check.verdict is not Verdict.PASS] == []


def test_speed(card, capsys):
    """Print what `grader bench` finds; no time is asserted."""
    timings = bench(prepare(REQUEST), card)
    with capsys.disabled():
        for timing in timings:
            print(f"\n{timing.function}: {timing.pace.value}, {timing.ratio} of the reference, {timing.reason}", end="")
    assert timings
