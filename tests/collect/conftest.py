"""Submissions to collect, written to a temporary folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from grader.collect import collect
from grader.model import Submission


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "alice"
    folder.mkdir()
    return folder


@pytest.fixture
def gather(root: Path) -> Callable[..., Submission]:
    """Write files by name (text or bytes) and collect the folder."""

    def run(wanted: Sequence[str], files: dict[str, str | bytes]) -> Submission:
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return collect(root, wanted)

    return run
