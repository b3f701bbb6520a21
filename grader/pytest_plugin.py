"""The public cases of a handout as test items, for `pytest` and the test panels of editors.

pytest imports this module in every environment that has the engine, so nothing is imported before a handout is met.
`-p no:kernel_grader` turns it off.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SETTINGS = "grader.toml"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a handout's grader.toml."""
    if file_path.name != SETTINGS or not _is_handout(file_path):
        return None
    from grader.pytest_items import HandoutFile

    return HandoutFile.from_parent(parent, path=file_path)


def _is_handout(settings: Path) -> bool:
    """Tell a handout's settings from a submission's file of the same name."""
    try:
        return "cases" in tomllib.loads(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
