"""What a batch keeps of a report: everything the class page asks for, bounded."""

from dataclasses import replace

import msgspec
import pytest

from grader.batch.digest import TEXT, digest_of, record_of
from grader.batch.model import Record
from grader.codec import to_json
from grader.model import Aspect, Mismatch, Pace, Verdict
from grader.report import words
from tests.batch.classes import FUNCTIONS, STORIES, graded
from tests.export.reports import maximal
from tests.report.sample_reports import (
    HOSTILE,
    SECRET,
    all_fault,
    check,
    every_verdict_whole,
    function,
    hostile,
    timing,
)


def kept(*checks, **changes):
    return digest_of(function("f", 0, 100, checks, **changes)).failing


def test_a_record_says_what_the_report_says() -> None:
    for story in STORIES:
        report = graded()[story]
        record = record_of(report, key="k", folder="graded/a", name="a/hw.py")
        assert (record.key, record.folder, record.name) == ("k", "graded/a", "a/hw.py")
        assert (record.state, record.hundredths, record.max_hundredths) == ("graded", report.hundredths, 3000)
        assert record.seconds == report.duration_s and record.note == ""
        by_name = {function.name: function for function in report.functions}
        assert sorted(by_name) == sorted(FUNCTIONS)
        for digest in record.functions:
            whole = by_name[digest.name]
            assert digest.hundredths == whole.hundredths and digest.checks == len(whole.checks)
            assert digest.status == words.status(whole).word
            assert digest.cpu_seconds == whole.cpu_seconds
            if digest.status not in ("not started", "not found"):
                wrong = [check.id for check in whole.checks if check.verdict is not Verdict.PASS]
                assert [failing.id for failing in digest.failing] == wrong


def test_real_mistakes_keep_their_words() -> None:
    softmax = next(
        digest
        for digest in record_of(graded()["wrong_axis"], key="", folder="", name="").functions
        if digest.name == "softmax"
    )
    first = softmax.failing[0]
    assert first.verdict is Verdict.FAIL and first.diagnosis and "columns" in first.hint and first.summary
    alike = [failing for failing in softmax.failing[1:] if failing.diagnosis == first.diagnosis]
    assert alike and all((each.hint, each.summary, each.outline) == ("", "", "") for each in alike)
    raised = next(
        failing
        for digest in record_of(graded()["raises"], key="", folder="", name="").functions
        for failing in digest.failing
        if failing.diagnosis == "broadcast"
    )
    assert "(" in raised.summary and "(" not in raised.hint + raised.outline


def test_a_function_that_is_not_there_keeps_one_check_for_all() -> None:
    unwritten = [check(str(n), Verdict.MISSING, summary="not started: it raises") for n in range(20)]
    digest = digest_of(function("f", 0, 100, tuple(unwritten)))
    assert digest.status == "not started" and digest.checks == 20 and len(digest.failing) == 1
    half = digest_of(function("f", 50, 100, (check("a"), *unwritten)))
    assert half.status == "partly right" and len(half.failing) == 20


def test_what_waits_for_others_is_not_judged() -> None:
    wrong = check("a", Verdict.FAIL, summary="wrong")
    waits = {"summary": "cannot be judged before one result is right", "verdict": Verdict.FAIL}
    derived = [check(kind, kind=kind, aspect=Aspect(kind), **waits) for kind in ("dtype", "purity", "speed")]
    assert [each.verdict for each in kept(wrong, *derived)] == [Verdict.FAIL, None, None, None]
    dtype = check("dtype", Verdict.FAIL, kind="dtype", mismatch=Mismatch("dtype", "float64"))
    slow = check("speed", Verdict.FAIL, kind="speed", summary="takes 14.2x")
    judged = kept(dtype, slow, timing=timing("f", Pace.SLOW, 14.2))
    assert [(each.verdict, each.failure) for each in judged] == [
        (Verdict.FAIL, "wrong dtype"),
        (Verdict.FAIL, "too slow"),
    ]
    assert judged[1].outline == "too slow" and judged[1].summary == "takes 14.2x"


def test_hints_and_outlines_show_nothing_of_a_case() -> None:
    for digest in record_of(every_verdict_whole(), key="", folder="", name="").functions:
        assert SECRET not in "".join(each.hint + each.outline for each in digest.failing)


def test_a_timing_is_kept() -> None:
    digest = digest_of(function("f", 100, 100, (check("a"),), timing=timing("f", Pace.FULL, 1.5), cpu_seconds=0.5))
    assert (digest.ratio, digest.cpu_seconds) == (1.5, 0.5)


def test_a_fault_is_noted_and_not_scored() -> None:
    record = record_of(all_fault(), key="", folder="", name="")
    assert (record.state, record.hundredths, record.note) == ("fault", None, "No sandbox could be started.")
    assert record.functions[0].hundredths is None
    assert record.functions[0].failing[0].verdict is Verdict.FAULT


def test_texts_are_bounded() -> None:
    for digest in record_of(maximal(), key="", folder="", name="").functions[:3]:
        texts = [text for each in digest.failing for text in (each.hint, each.summary, each.outline)]
        assert any(texts) and max(map(len, texts)) < 12 * TEXT


@pytest.mark.parametrize("name", HOSTILE)
def test_a_record_survives_the_disk(name: str) -> None:
    made = hostile(HOSTILE[name][:10_000])
    safe = [
        replace(f, name="f", checks=tuple(replace(c, id=f"f/{n}") for n, c in enumerate(f.checks)))
        for f in made.functions
    ]
    record = record_of(replace(made, functions=tuple(safe)), key="k", folder="a", name="a")
    assert msgspec.json.decode(to_json(record), type=Record) == record
    assert len(to_json(record)) < 50_000
