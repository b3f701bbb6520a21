"""The class at a glance: who counts, what is common, which cases look wrong, and what stays anonymous."""

from dataclasses import astuple, replace
from urllib.parse import urljoin

import pytest

from grader.batch.glance import glance
from grader.batch.model import Entry, Record
from grader.batch.view import ClassView
from grader.model import Verdict
from tests.batch.classes import alike, digest, entry, failing, missing, real_class, record
from tests.report.sample_reports import HOSTILE


def of(*records: Record, entries: tuple[Entry, ...] = (), anonymous: bool = False) -> ClassView:
    return glance("Softmax", records, entries, anonymous=anonymous)


def test_marks_are_of_what_was_scored() -> None:
    half = record("half", digest("f", failing("f/a")), digest("g", hundredths=None), state="partial")
    view = of(record("full", digest()), half, record("ours", digest(hundredths=None), state="fault"))
    assert [student.percent for student in view.students] == [100, 50, None]
    assert view.marks is not None
    assert view.marks.tenths == (0, 0, 0, 0, 0, 1, 0, 0, 0, 1)
    assert (view.marks.median, view.marks.mean, view.marks.full) == (75, 75, 1)
    assert view.students[1].percents == (50, None)


def test_quartiles_of_one_and_of_many() -> None:
    (one,) = (of(record("a", digest("f", failing("f/a")))).marks,)
    assert one is not None and (one.lower, one.median, one.upper) == (50, 50, 50)
    points = [digest("f", failing("f/a"), hundredths=percent * 10) for percent in range(0, 101, 10)]
    many = of(*(record(str(n), each) for n, each in enumerate(points))).marks
    assert many is not None and (many.lower, many.median, many.upper) == (25, 50, 75)
    assert many.tenths == (1,) * 9 + (2,)


def test_nothing_at_all() -> None:
    view = of()
    assert view.marks is None and view.students == () and view.suspects == () and view.slowest == ()


def test_only_what_counts_is_counted() -> None:
    first, last = record("a/1", digest("f", failing("f/a"))), record("a/2", digest())
    entries = (entry(first, "ada", counts=False), entry(last, "ada", "Ada L."), missing("alan"))
    view = of(first, last, entries=entries)
    assert view.others == 1
    assert [(s.who.label, s.who.person, s.state, s.percent, s.note) for s in view.students] == [
        ("ada", "Ada L.", "graded", 100, ""),
        ("alan", "", "missing", None, ""),
    ]
    assert view.mistakes == () and view.functions[0].full == 1
    assert len(view.slowest) == 1


def test_a_team_shares_one_submission() -> None:
    shared = record("team", digest("f", failing("f/a", diagnosis="m")))
    view = of(shared, entries=(entry(shared, "ada"), entry(shared, "alan")))
    assert [student.who.label for student in view.students] == ["ada", "alan"]
    assert view.functions[0].handed_in == 1 and view.mistakes[0].count == 1


def test_links_lead_into_the_folder() -> None:
    odd = replace(record("a", digest()), folder="graded/a b#?%:é")
    names = ["javascript:alert(1)", "//evil.example", "a\ud800"]
    others = [replace(record(name, digest()), folder=name) for name in names]
    hrefs = [student.who.href for student in of(odd, *others).students]
    assert hrefs[0] == "./graded/a%20b%23%3F%25%3A%C3%A9/feedback.html"
    assert all(urljoin("https://here.example/out/class.html", h).startswith("https://here.example/out/") for h in hrefs)
    refused = record("b", state="refused", note="not a zip file")
    lost = record("c", state="fault", note="no sandbox")
    unlinked = [(student.who.href, student.note, student.percent) for student in of(refused, lost).students]
    assert unlinked == [("", "not a zip file", None), ("", "no sandbox", None)]


def test_functions_are_counted_by_how_they_did() -> None:
    gone = digest("f", failing("f/a", Verdict.MISSING), hundredths=0, status="not started", cpu_seconds=None)
    wrong = digest("f", failing("f/a"), hundredths=0, status="not right yet", cpu_seconds=3.0)
    slow = digest("f", failing("f/speed"), status="right but slow", ratio=9.0, cpu_seconds=2.0)
    right = digest("f", ratio=1.0, cpu_seconds=1.0)
    ours = digest("f", hundredths=None)
    (row,) = of(*(record(str(n), each) for n, each in enumerate((gone, wrong, slow, right, ours)))).functions
    assert (row.full, row.part, row.none, row.absent, row.unscored) == (1, 1, 1, 1, 1)
    assert (row.handed_in, row.graded) == (3, 4)
    assert (row.cpu_seconds, row.ratio) == (2.0, 5.0)


def test_mistakes_are_counted_once_for_each_submission() -> None:
    both = [
        digest(name, failing(f"{name}/a", diagnosis="axis"), failing(f"{name}/b", diagnosis="axis")) for name in "fg"
    ]
    one = digest("f", failing("f/a", diagnosis="axis"), failing("f/c", outline="returns the wrong shape"))
    (axis, shape) = of(record("a", *both), record("b", one)).mistakes
    assert (axis.diagnosis, axis.what, axis.count, axis.functions) == (
        "axis",
        "hint of axis",
        2,
        (("f", 2), ("g", 1)),
    )
    assert (axis.example.function, axis.example.check, axis.example.said) == ("f", "f/a", "wrong in 3 of 4")
    assert axis.example.who.href == "./graded/a/feedback.html"
    assert (shape.diagnosis, shape.what, shape.count) == ("", "returns the wrong shape", 1)


def test_what_has_no_name_is_counted_for_each_function() -> None:
    (f, g) = of(record("a", digest("f", failing("f/a")), digest("g", failing("g/a")))).mistakes
    assert {f.functions, g.functions} == {(("f", 1),), (("g", 1),)}


def test_a_missing_backward_is_one_mistake_whatever_the_file_is_called() -> None:
    gone = [
        digest("f", failing("f/a/gradient", Verdict.MISSING, outline=f"no f_backward; see {name}.py"))
        for name in ("ada", "alan")
    ]
    (found,) = of(*(record(str(n), each) for n, each in enumerate(gone))).mistakes
    assert found.count == 2


@pytest.mark.parametrize(("attempts", "wrong", "suspect"), [(4, 4, 0), (5, 4, 1), (5, 3, 0), (10, 8, 1), (100, 79, 0)])
def test_a_check_is_suspect_when_most_who_try_fail(attempts: int, wrong: int, suspect: int) -> None:
    records = [*alike(wrong, digest("f", failing("f/a"))), *alike(attempts - wrong, digest("f"), prefix="right")]
    assert len(of(*records).suspects) == suspect


def test_who_did_not_try_does_not_count() -> None:
    unwritten = digest("f", failing("f/a", Verdict.MISSING), hundredths=0, status="not started")
    (suspect,) = of(*alike(5, digest("f", failing("f/a"))), *alike(50, unwritten, prefix="not")).suspects
    assert suspect.checks == (("f/a", 5, 5),)
    half = digest("f", failing("f/a/gradient", Verdict.MISSING))
    assert of(*alike(50, half)).suspects == ()
    waits = digest("f", failing("f/b"), failing("f/speed", None), hundredths=0)
    slow = digest("f", failing("f/speed"))
    (speed,) = of(*alike(5, slow), *alike(5, waits, prefix="w")).suspects
    assert speed.checks == (("f/speed", 5, 5),)


def test_how_a_suspect_reads() -> None:
    case = of(*alike(6, digest("f", failing("f/a")))).suspects[0]
    assert (case.reading, case.failing, case.alone) == ("case", 6, 6)
    known = of(*alike(6, digest("f", failing("f/a", diagnosis="axis")))).suspects[0]
    assert (known.reading, known.diagnosis, known.agreeing) == ("mistake", "axis", 6)
    everything = [failing(f"f/{n}") for n in range(5)]
    hard = of(*alike(6, digest("f", *everything, status="not right yet"))).suspects[0]
    assert (hard.reading, hard.alone, len(hard.checks)) == ("hard", 0, 5)
    others = [digest("f", failing("f/a"), failing(f"f/{n}")) for n in range(6)]
    mixed = of(*(record(str(n), each) for n, each in enumerate(others))).suspects[0]
    assert (mixed.reading, mixed.alone, [check for check, _, _ in mixed.checks]) == ("hard", 0, ["f/a"])


def test_an_exception_that_has_a_name_is_no_known_mistake() -> None:
    raises = digest("f", failing("f/a", Verdict.ERROR, diagnosis="broadcast"))
    assert of(*alike(6, raises)).suspects[0].reading == "case"


def test_wrong_cases_come_first_and_show_who_fails_nothing_else() -> None:
    hard = digest("hard", *(failing(f"hard/{n}") for n in range(5)), status="not right yet")
    wrong = digest("wrong", failing("wrong/a"), failing("wrong/b"))
    clean = digest("wrong", failing("wrong/a", summary="the clearest"))
    records = [*alike(3, hard, wrong), *alike(6, hard, clean, prefix="clean")]
    first, second = of(*records).suspects
    assert (first.function, second.function) == ("wrong", "hard")
    assert (first.example.said, first.example.who.label) == ("the clearest", "clean0")


def test_faults_are_told_by_reason() -> None:
    lost = [digest(name, failing("c", Verdict.FAULT, summary="disk full"), hundredths=None) for name in "fg"]
    whole = record("whole", *lost, state="fault", note="disk full")
    unbegun = record("box", state="fault", note="no sandbox")
    unplanned = record("topic", digest("h", hundredths=None), digest("f"), state="partial", note="broken topic")
    view = of(record("a", *lost, digest("h"), state="partial"), whole, unbegun, unplanned)
    told = [(each.reason, each.functions, [who.label for who in each.who]) for each in view.unscored]
    assert sorted(told) == [
        ("broken topic", ("h",), ["topic"]),
        ("disk full", (), ["whole"]),
        ("disk full", ("f", "g"), ["a"]),
        ("no sandbox", (), ["box"]),
    ]


def test_the_slowest_come_first_with_their_dearest_function() -> None:
    cheap, dear = digest("cheap", cpu_seconds=0.1), digest("dear", cpu_seconds=7.0)
    view = of(record("quick", cheap, seconds=1), *(record(f"slow{n}", cheap, dear, seconds=n) for n in range(2, 20)))
    assert [slow.seconds for slow in view.slowest] == [19, 18, 17, 16, 15, 14, 13, 12]
    assert (view.slowest[0].function, view.slowest[0].cpu_seconds) == ("dear", 7.0)


def test_a_real_class() -> None:
    records, entries = real_class(125)
    view = glance("Softmax", records, entries)
    assert len(view.students) == 126 and view.marks is not None and sum(view.marks.tenths) == 125
    assert [row.name for row in view.functions] == [function.name for function in records[0].functions]
    assert all(row.graded == 125 for row in view.functions)
    columns = next(mistake for mistake in view.mistakes if "columns" in mistake.what)
    assert columns.count == 25 and columns.functions == (("softmax", 25),) and columns.diagnosis


def test_names_may_be_alike() -> None:
    first, second = (replace(record("hw.py", digest()), folder=folder) for folder in ("hw", "hw-2"))
    assert [student.who.href for student in of(first, second).students] == [
        "./hw/feedback.html",
        "./hw-2/feedback.html",
    ]


def test_the_order_of_records_changes_nothing() -> None:
    records, entries = real_class(60)
    assert glance("t", records, entries).functions == glance("t", records[::-1], entries).functions
    assert glance("t", records, entries, anonymous=True) == glance("t", records[::-1], entries[::-1], anonymous=True)


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for part in value for text in strings(part)] if isinstance(value, tuple | list) else []


@pytest.mark.parametrize("name", ["plain", *HOSTILE])
def test_anonymous_tells_no_name(name: str) -> None:
    mark = f"Zaphod{HOSTILE.get(name, '')[:10_000]}"
    summary, reason = f"raises KeyError: {mark}", f"no softmax; see {mark}.py"
    functions = (
        digest("f", failing("f/a", Verdict.ERROR, summary=summary, outline="raises KeyError")),
        digest("g", failing("g/a/gradient", Verdict.MISSING, summary=reason, outline=reason)),
        digest(
            "h",
            failing("h/a", Verdict.FAULT, summary=f"failed on {mark}", outline="the grader failed on h"),
            hundredths=None,
        ),
        digest("i", hundredths=None),
    )
    records = [record(f"{mark}{n}", *functions, state="partial", note=mark) for n in range(6)]
    refused = record(f"{mark} zip", state="refused", note=f"{mark}.zip is empty")
    broken = record(f"{mark} broken", digest("f", hundredths=None), state="fault", note=mark)
    records += [refused, broken]
    entries = [entry(made, mark, f"{mark} Beeblebrox") for made in records] + [missing(mark, mark)]
    view = glance("Softmax", records, entries, anonymous=True)
    assert view.suspects and view.mistakes and view.unscored and view.slowest
    told = strings(astuple(view))
    assert not any("zaphod" in text.lower() or "beeblebrox" in text.lower() for text in told)
    assert {student.who.label for student in view.students} == {"", *(f"Submission {n}" for n in range(1, 9))}
    assert not any("feedback.html" in text or "@" in text for text in told)
    assert any("Zaphod" in text for text in strings(astuple(glance("Softmax", records, entries))))


def test_numbers_do_not_follow_names() -> None:
    records = alike(40, digest("f"))
    view = of(*records, anonymous=True)
    assert [student.who.label for student in view.students] == [f"Submission {n}" for n in range(1, 41)]
    seconds = [replace(made, seconds=float(n)) for n, made in enumerate(records)]
    order = [student.seconds for student in of(*seconds, anonymous=True).students]
    assert order != sorted(order, key=float) and order != sorted(order, key=float, reverse=True)
