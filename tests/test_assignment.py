"""assignment.toml: strict, and every error says what to do."""

from datetime import UTC, datetime

import pytest

from grader.assignment import AssignmentError, assignment_names, load_assignment, only
from grader.model import Aspect, Disclosure


@pytest.fixture
def root(tmp_path):
    def write(name, text):
        folder = tmp_path / "assignments" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "assignment.toml").write_text(text)
        return tmp_path

    write("a", 'title = "A"\n[points]\nsoftmax = 10\nrelu = 2.5\n')
    write("b", 'title = "B"\ndeadline_s = 2\n[points]\nnms = 5\n[aspects]\npurity = 10\n')
    write.root = tmp_path
    return write


def test_points_are_hundredths_in_the_order_of_the_file(root):
    assignment = load_assignment(root.root, ["a"])
    assert [(f.name, f.hundredths) for f in assignment.functions] == [("softmax", 1000), ("relu", 250)]


def test_several_assignments_are_joined(root):
    assignment = load_assignment(root.root, assignment_names(root.root))
    assert assignment.title == "A + B"
    assert [f.name for f in assignment.functions] == ["softmax", "relu", "nms"]
    assert assignment.functions[2].deadline_s == 2
    assert assignment.functions[2].shares[Aspect.PURITY] == 10


def test_only_keeps_the_named_functions(root):
    assignment = load_assignment(root.root, ["a"])
    assert [f.name for f in only(assignment, ["relu"]).functions] == ["relu"]
    with pytest.raises(AssignmentError, match="there are: softmax, relu"):
        only(assignment, ["relo"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = 3\n[points]\nf = 1", "str"),
        ('title = "x"\n', "points"),
        ('title = "x"\n[points]\n', "empty"),
        ('title = "x"\ncolour = 1\n[points]\nf = 1', "colour"),
        ('title = "x"\n[points]\nf = 0', "above 0"),
        ('title = "x"\n[points]\nf = 0.001', "two decimals"),
        ('title = "x"\n[points]\nf = nan', "above 0"),
        ('title = "x"\ndeadline_s = 0\n[points]\nf = 1', "deadline_s"),
        ('title = "x"\n[points]\nf = 1\n[aspects]\nbeauty = 1', "beauty"),
        ('title = "x"\n[points]\nf = 1\n[aspects]\nvalues = -1', "negative"),
        ('title = "x', "assignment.toml"),
    ],
)
def test_a_wrong_file_is_one_clear_line(root, text, message):
    with pytest.raises(AssignmentError, match=message):
        load_assignment(root("c", text), ["c"])


def test_unknown_and_overlapping_assignments(root):
    with pytest.raises(AssignmentError, match="there are: a, b"):
        load_assignment(root.root, ["z"])
    root("c", 'title = "C"\n[points]\nrelu = 1\n')
    with pytest.raises(AssignmentError, match="relu is graded by two"):
        load_assignment(root.root, ["a", "c"])


DUE = "due = 2026-12-01T23:59:00+01:00"


def disclosure(root, lines):
    root("a", 'title = "A"\n[points]\nf = 1\ng = 2\n[visibility]\n' + lines)
    return [function.disclosure for function in load_assignment(root.root, ["a"]).functions]


def test_without_a_word_the_topic_says_what_is_visible(root):
    assert disclosure(root, "") == [Disclosure(), Disclosure()]


def test_visibility_by_default_function_and_case(root):
    first, second = disclosure(
        root,
        f'default = "after_due_date"\ndetail = "actual-only"\n{DUE}\n'
        '[visibility.functions]\nf = "hidden"\n[visibility.cases.f]\n"large logits" = "visible"\n',
    )
    due = datetime(2026, 12, 1, 22, 59, tzinfo=UTC)
    assert first == Disclosure("after_due_date", "hidden", {"large logits": "visible"}, "actual-only", due)
    assert second == Disclosure("after_due_date", None, {}, "actual-only", due)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("due = 2026-12-01T23:59:00", "offset from UTC"),
        ("due = 2026-12-01", "offset from UTC"),
        ('due = "2026-12-01T23:59:00+01:00"', "offset from UTC"),
        ('default = "after_due_date"', "has no due"),
        ('cases.f.x = "after_due_date"', "has no due"),
        ('default = "secret"', "secret"),
        ('detail = "some"', "some"),
        ('functions.h = "hidden"', "names h, which has no points"),
        ('cases.h.x = "hidden"', "names h, which has no points"),
        ('shown = "all"', "shown"),
    ],
)
def test_a_wrong_visibility_is_one_line(root, lines, words):
    with pytest.raises(AssignmentError, match=words) as caught:
        disclosure(root, lines)
    assert "\n" not in str(caught.value)
