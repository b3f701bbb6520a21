"""The roster: who the hand-ins are of, by name, pattern, id or e-mail address."""

from datetime import UTC, datetime

import pytest

from grader.batch.find import BatchError, HandIn
from grader.batch.roster import Person, moment, owners, read_roster


def hand_ins(*names):
    return [HandIn(name, None, name.removesuffix(".zip")) for name in names]


def whose(people, *names):
    return {folder: person.id for folder, person in owners(people, hand_ins(*names)).items()}


def test_a_roster_is_read(tmp_path):
    (tmp_path / "roster.csv").write_bytes(
        "\ufeffName;ID;Submitted\r\nÅsa;17;2026-11-20T12:00+01:00\r\n;;\r\nBo;18;\r\n".encode()
    )
    asa, bo = read_roster(tmp_path / "roster.csv")
    assert asa == Person("17", "Åsa", "", "", datetime(2026, 11, 20, 11, tzinfo=UTC))
    assert bo == Person("18", "Bo")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name\nada\n", "needs a column id"),
        (b"", "needs a column id"),
        (b"id\n\xff\xfe\n", "is no CSV file in UTF-8"),
        (b"id,submitted\n1,yesterday\n", "line 2: 'yesterday' is no time"),
    ],
)
def test_a_roster_that_is_none_is_said_in_one_line(tmp_path, content, said):
    (tmp_path / "roster.csv").write_bytes(content)
    with pytest.raises(BatchError, match=said) as raised:
        read_roster(tmp_path / "roster.csv")
    assert len(str(raised.value).splitlines()) == 1


def test_hand_ins_are_found_by_id_address_and_what_begins_with_the_id():
    people = [Person("ada"), Person("ada2"), Person("bo", email="bo@x.org")]
    assert whose(people, "ada", "ada_2.zip", "ada2-1.zip", "bo@x.org", "adam", "bobby") == {
        "ada": "ada",
        "ada_2": "ada",
        "ada2-1": "ada2",
        "bo@x.org": "bo",
    }


def test_a_name_in_the_roster_counts_more_than_a_pattern_and_that_more_than_an_id():
    people = [Person("1", submission="x.zip"), Person("2", submission="x*"), Person("x")]
    assert whose(people, "x.zip", "x-1") == {"x": "1", "x-1": "2"}
    assert whose(people[1:], "x.zip", "y") == {"x": "2"}


def test_several_lines_may_be_of_one_person():
    people = [Person("1", submission="a"), Person("1", submission="b")]
    assert whose(people, "a", "b", "c") == {"a": "1", "b": "1"}


def test_two_owners_of_one_hand_in_are_refused():
    with pytest.raises(BatchError, match=r"gives team\.zip to both 1 and 2"):
        whose([Person("1", submission="team.zip"), Person("2", submission="team.zip")], "team.zip")


def test_a_time_without_an_offset_is_local():
    assert moment("2026-12-01T23:59", "here") == datetime(2026, 12, 1, 23, 59).astimezone()
    assert moment("2026-12-01T23:59+05:00", "here") == datetime(2026, 12, 1, 18, 59, tzinfo=UTC)
    with pytest.raises(BatchError, match="here: 'x"):
        moment("x" * 100, "here")
