"""Courses are loaded by path; one broken topic costs only itself."""

import sys

import pytest

from grader.course import CourseError, find_course, load_course

GOOD = """
from grader import Case, Mistake, Topic

def {name}(x):
    \"\"\"Doc.\"\"\"
    return x

def {name}_torch(x):
    return x

TOPIC = Topic(forward={name}, torch={name}_torch, cases=(Case("a", lambda rng: {{"x": 1.0}}),), mistakes=())
"""


@pytest.fixture
def course(tmp_path):
    (tmp_path / "assignments").mkdir()
    (tmp_path / "reference" / "one").mkdir(parents=True)
    (tmp_path / "reference" / "two").mkdir()
    (tmp_path / "reference" / "one" / "relu.py").write_text(GOOD.format(name="relu"))
    return tmp_path


def test_loads_by_path_and_not_through_sys_path(course):
    before = list(sys.path)
    assert list(load_course(course).topics) == ["relu"]
    assert sys.path == before
    assert "reference" not in sys.modules


def test_reference_files_may_import_each_other(course):
    (course / "reference" / "two" / "twice.py").write_text(
        "from ..one.relu import relu\n" + GOOD.format(name="twice").replace("return x", "return 2 * relu(x)", 1)
    )
    assert load_course(course).topics["twice"].forward(2) == 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "has no TOPIC"),
        (GOOD.format(name="other"), "must carry the function's name"),
        (GOOD.format(name="broken").replace("_torch(x)", "_torch(y)"), "parameters differ"),
        (GOOD.format(name="broken").replace("cases=(", 'cases=(Case("a", None), '), "there twice"),
    ],
)
def test_a_broken_topic_is_a_fault_by_name(course, text, reason):
    (course / "reference" / "two" / "broken.py").write_text(text)
    loaded = load_course(course)
    assert list(loaded.topics) == ["relu"]
    assert "broken" in loaded.faults["broken"]
    assert reason in loaded.faults["broken"]


def test_an_unknown_name_is_a_fault(course):
    assert "no reference" in load_course(course, ["nms"]).faults["nms"]


def test_a_function_defined_twice_is_an_error(course):
    (course / "reference" / "two" / "relu.py").write_text(GOOD.format(name="relu"))
    with pytest.raises(CourseError, match="defined twice"):
        load_course(course)


def test_the_nearest_parent_is_found(course, tmp_path_factory):
    inside = course / "deep" / "er"
    inside.mkdir(parents=True)
    assert find_course(None, inside) == course
    assert find_course(course, tmp_path_factory.mktemp("elsewhere")) == course
    with pytest.raises(CourseError, match="--course"):
        find_course(None, tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(CourseError, match="no course"):
        find_course(inside, inside)
