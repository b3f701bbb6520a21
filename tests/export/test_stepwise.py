"""Grading function by function gives what grading at once gives, and a report after each."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.pipeline import Request, grade, prepare
from grader.stepwise import grade_each
from grader.visibility import public
from sandbox.process import ProcessSandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sandbox():
    made = ProcessSandbox()
    yield made
    made.close()


@pytest.fixture
def prepared():
    return prepare(Request(ROOT / "examples" / "typical_mistakes", ROOT, ("optimizers",)))


def test_the_results_are_the_same(prepared, sandbox):
    whole = grade(prepared, sandbox)
    each = grade_each(prepared, sandbox, lambda report: None)
    now = datetime.now(UTC)
    assert replace(public(each, now), duration_s=0) == replace(public(whole, now), duration_s=0)
    calls = [sum(box.calls for box in report.sandbox_record.boxes) for report in (each, whole)]
    assert each.audience == "staff" and calls[0] == calls[1] > 0


def test_a_report_comes_before_the_first_and_after_each(prepared, sandbox):
    seen = []
    whole = grade_each(prepared, sandbox, seen.append)
    count = len(whole.functions)
    assert len(seen) == count + 1 and count > 2
    assert seen[0].outcome == "fault" and seen[0].hundredths is None
    for done, report in enumerate(seen):
        assert [f.hundredths is not None for f in report.functions] == [i < done for i in range(count)]
        assert report.functions[:done] == whole.functions[:done]
        assert report.max_hundredths == whole.max_hundredths
    assert [report.outcome for report in seen[1:]] == ["partial"] * (count - 1) + ["graded"]
    assert whole.functions[-1].name in seen[1].faults[-1]


def test_what_was_written_stays_when_grading_is_broken_off(prepared, sandbox):
    seen = []

    def written(report):
        seen.append(report)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_each(prepared, sandbox, written)
    assert [f.hundredths is not None for f in seen[-1].functions[:3]] == [True, True, False]
