"""The sum of the clocks of a box's processes, when some of them vanish."""

from __future__ import annotations

import pytest

from sandbox.local import LocalBox


@pytest.mark.parametrize(
    ("sums", "seconds"),
    [
        ([1.0, 2.0, 4.0], [1.0, 2.0, 4.0]),
        # Three seconds vanish with a process that nobody has waited for; the next second shows all the same.
        ([4.0, 1.0, 1.0, 2.0], [4.0, 4.0, 5.0]),
        # One that dies while the clocks are read is missing once.
        ([4.0, 1.0, 4.5, 5.0], [4.0, 4.5, 5.0]),
    ],
)
def test_what_vanishes_hides_no_later_work(
    sums: list[float], seconds: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    box = LocalBox.__new__(LocalBox)
    box._destroyed, box._cpu_seconds, box._total = False, 0.0, 0.0
    readings = iter(sums)
    monkeypatch.setattr(box, "_sum", lambda: next(readings))
    assert [box.cpu_seconds() for _ in seconds] == seconds
