"""canvas: one column is filled, and every other byte of the teacher's file is what it was."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.export import ExportError, Options, files
from grader.export.canvas import fill
from tests.export.reports import TEXTS, named

BOOK = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,HW1 softmax to NMS (98765),HW2 (98766),Final Score\r\n"
    "    Points Possible,,,,,10.00,5,(read only)\r\n"
    '"Doe, Jane",1234,s001,jdoe,"Sec ""1""",8.5,,99\r\n'
    'Ünal Ö,1235,s002,uoe,Sec 1,"",4,"1,5"\r\n'
    "Excused,1236,s003,exc,Sec 1,EX,,\r\n"
    "    Student Test,9999,,,Sec 1,,,\r\n"
).encode()
COLUMN = "HW1 softmax to NMS"


def filled(points, book=BOOK, column=COLUMN, maximum=1000):
    return fill(book, column, points, maximum)


@pytest.mark.parametrize("column", [COLUMN, f"{COLUMN} (98765)", "98765", f" {COLUMN} "])
@pytest.mark.parametrize("key", ["1234", "s001", "jdoe"])
def test_one_cell_changes(column, key):
    assert filled({key: 1000}, column=column) == BOOK.replace(b",8.5,", b",10.00,")


def test_quotes_stay_and_the_excused_stay_excused():
    assert filled({"1235": 5, "1236": 700}) == BOOK.replace(b'Sec 1,"",4', b'Sec 1,"0.05",4')
    assert filled({}) == BOOK


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book.replace(b"\r\n", b"\n"),
        lambda book: book.replace(b"\r\n", b"\r"),
        lambda book: book.removeprefix("\ufeff".encode()),
        lambda book: book.removesuffix(b"\r\n"),
        lambda book: book.replace("Ü".encode(), b"\xdc"),
        lambda book: book.replace(b"Doe, Jane", b'Doe, \r\n""Jane""'),
        lambda book: book + b"\r\n",
    ],
)
def test_bytes_that_are_not_ours_stay(change):
    book = change(BOOK)
    assert filled({"jdoe": 325}, book=book) == book.replace(b",8.5,", b",3.25,")


def test_semicolons():
    book = BOOK.replace(b'"Doe, Jane"', b"Doe").replace(b'"1,5"', b"1.5").replace(b",", b";")
    assert filled({"jdoe": 325}, book=book) == book.replace(b";8.5;", b";3.25;")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"column": "HW9"}, "'HW9' is not in the gradebook; its columns are: Student"),
        ({"column": "Final Score"}, "read only"),
        ({"column": "Section"}, "no points possible"),
        ({"maximum": 5800}, "has 10.00 points possible, and the results are out of 58"),
        ({"points": {"nobody": 1}}, "No student 'nobody'"),
        ({"points": {"": 1}}, "No student ''"),
        ({"points": {"1234": 1, "jdoe": 2}}, "Two of the results are of the row"),
        ({"book": BOOK.replace(b"s002", b"s001"), "points": {"s001": 1}}, "2 rows of the gradebook have the SIS User"),
        ({"book": BOOK.replace(b"HW2 (98766)", b"HW1 softmax to NMS (1)")}, "more than once"),
        ({"book": BOOK.replace(b"    Points Possible", b"x")}, "no row Points Possible"),
        ({"book": b"name,grade\njane,1\n"}, "no gradebook of Canvas"),
        ({"book": b""}, "no gradebook of Canvas"),
        ({"book": BOOK.replace(b'1"""', b'1""')}, "line 3 has a quote"),
        ({"book": BOOK.replace(b",8.5,,99", b""), "points": {"jdoe": 1}}, "has no cell in"),
    ],
)
def test_what_does_not_fit_is_one_line_and_changes_nothing(change, words):
    given = {"points": {"1234": 850}} | change
    with pytest.raises(ExportError) as error:
        filled(**given)
    assert words in str(error.value) and "\n" not in str(error.value)


ROWS = st.lists(
    st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=3, max_size=3), min_size=1, max_size=6
)


@given(ROWS, st.integers(0, 1000), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
@settings(max_examples=150, deadline=None)
def test_every_other_cell_is_read_as_before(texts, points, quoting):
    written = io.StringIO(newline="")
    rows = [["Student", "ID", "HW", "Notes"], ["Points Possible", "", "10", ""]]
    rows += [[a, f"id{i}", b[:3] + "x", c] for i, (a, b, c) in enumerate(texts)]
    csv.writer(written, quoting=quoting).writerows(rows)
    data = fill(written.getvalue().encode(), "HW", {"id0": points}, 1000).decode()
    rows[2][2] = f"{points / 100:.2f}"
    assert list(csv.reader(io.StringIO(data, newline=""), strict=True)) == rows


def test_results_by_name_and_by_option():
    options = Options(gradebook=BOOK, column=COLUMN)
    book = files("canvas", [named("jdoe", 850), named("uoe", None)], options)["gradebook.csv"]
    assert book == BOOK.replace(b",8.5,", b",8.50,")
    one = Options(gradebook=BOOK, column=COLUMN, student="1235")
    assert b'"8.50"' in files("canvas", [named("homework")], one)["gradebook.csv"]
    with pytest.raises(ExportError, match="--gradebook FILE --column"):
        files("canvas", [named("jdoe")], Options())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_hostile_name_matches_nobody(text):
    with pytest.raises(ExportError) as error:
        files("canvas", [named(text)], Options(gradebook=BOOK, column=COLUMN))
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value) and len(str(error.value)) < 1500
