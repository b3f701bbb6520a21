"""The gradebook: which hand-in counts, what is late, who is missing, and what a spreadsheet makes of it."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grader.batch.gradebook import Terms, files, gradebook
from grader.batch.model import RECORD_SCHEMA, FunctionDigest, Record
from grader.batch.roster import Person

DUE = datetime(2026, 11, 20, tzinfo=UTC)
ADA = Person("17", "Ada", "ada@x.org")


def record(folder, hundredths=None, state="graded", note=""):
    functions = (FunctionDigest("relu", hundredths, 500, "", 1, (), None, None),) if hundredths is not None else ()
    return Record(RECORD_SCHEMA, "key", folder, f"{folder}.zip", state, hundredths, 500, functions, note, 1.0)


def book(*handed, people=(ADA,), terms=None):
    """Hand in records of Ada's, with hours from the due date."""
    records = [one for one, _ in handed]
    times = {one.folder: DUE + timedelta(hours=hours) for one, hours in handed}
    whose = {one.folder: ADA for one in records if ADA in people}
    return gradebook("A title", ["relu", "softmax"], records, times, whose, people, terms or Terms(DUE))


def counted(*handed, **options):
    return [(entry.folder, entry.late) for entry in book(*handed, **options).entries if entry.counts]


@pytest.mark.parametrize(
    ("handed", "best", "counts"),
    [
        ([("a", 300, "graded", -3), ("b", 200, "graded", -2)], False, "b"),
        ([("a", 300, "graded", -3), ("b", 200, "graded", -2)], True, "a"),
        ([("a", 200, "graded", -3), ("b", 300, "graded", 1)], False, "a"),  # b is late
        ([("a", 200, "graded", -3), ("b", 300, "graded", 1)], True, "a"),
        ([("a", 200, "graded", 2), ("b", 300, "graded", 1)], False, "a"),  # all are late: the last
        ([("a", 300, "graded", -3), ("b", None, "refused", -2)], False, "a"),
        ([("a", 300, "graded", -3), ("b", None, "fault", -2)], False, "b"),  # our fault is no reason to take another
        ([("a", 300, "graded", -3), ("b", 300, "graded", -2)], True, "a"),
    ],
)
def test_one_hand_in_counts(handed, best, counts):
    given = [(record(name, points, state), hours) for name, points, state, hours in handed]
    assert [folder for folder, _ in counted(*given, terms=Terms(DUE, best))] == [counts]


def test_late_is_said_and_costs_nothing():
    assert counted((record("a", 500), 1)) == [("a", True)]
    assert counted((record("a", 500), 1), terms=Terms()) == [("a", False)]


def test_the_rosters_time_overrules_the_files():
    ada = replace(ADA, submitted=DUE + timedelta(days=1))
    made = gradebook("", [], [record("a", 1)], {"a": DUE}, {"a": ada}, [ada], Terms(DUE))
    assert made.entries[0].late


def test_who_handed_in_nothing_has_a_line_and_no_points():
    entries = book((record("a", 500), 0), people=(ADA, Person("18", "Bo"))).entries
    assert [(one.student, one.state, one.hundredths) for one in entries] == [
        ("17", "graded", 500),
        ("18", "missing", None),
    ]


def test_without_a_roster_each_hand_in_is_a_student():
    assert counted((record("a", 1), 0), (record("b", 2), 0), people=()) == [("a", False), ("b", False)]


def test_cells_are_empty_where_nothing_was_scored_and_never_a_formula():
    partial = replace(record("a", 100, "partial", note="=1+1"), name="=cmd|' /C calc'!A0")
    made = files(book((partial, 0), people=(ADA, Person("18", "@SUM(A1)"))))
    first, second = csv.DictReader(io.StringIO(made["gradebook.csv"].decode(), newline=""))
    assert (first["points"], first["relu"], first["softmax"]) == ("1.00", "1.00", "")
    assert second["points"] == second["max_points"] == ""
    for text in (first["submission"], first["note"], second["name"]):
        assert text[0] not in "=+-@"
    assert json.loads(made["gradebook.json"])["entries"][0]["name"] == "=cmd|' /C calc'!A0"
