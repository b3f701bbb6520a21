"""The yard that each story plays in, and the backends that it plays against."""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from sandbox.base import Limits, Sandbox
from sandbox.processes import PR_SET_CHILD_SUBREAPER, control
from sandbox.select import BackendName
from tests.redteam.runner import GRACE_S, LIMITS, Yard
from tests.sandbox.conftest import make

BACKENDS = [
    pytest.param(name, marks=pytest.mark.docker) if name == "docker" else name
    for name in get_args(BackendName)
    if name != "auto"
]


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    if sys.platform != "linux":
        pytest.skip("the stories attack Linux")
    # Whatever a box leaves behind becomes a child of the tests, and is found.
    control(PR_SET_CHILD_SUBREAPER, 1)
    sandbox = make(request.param, "numpy")
    yield sandbox
    sandbox.close()
    control(PR_SET_CHILD_SUBREAPER, 0)


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    monkeypatch.setattr(Limits, "for_framework", classmethod(lambda cls, framework, device="cpu": LIMITS))
    monkeypatch.setattr("sandbox.session.GRACE_S", GRACE_S)
    yard = Yard(tmp_path, secrets.token_hex(8))
    monkeypatch.setenv("GRADER_SECRET", yard.secret())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "boxes"))
    yield yard
    yard.close()
