"""Actions: annotations that a runner reads as one command each, and a summary below its limit."""

import re

import pytest
from markdown_it import MarkdownIt

from grader.export import Options, export, files
from grader.export.actions import MOST, SUMMARY_BYTES, annotated, summary
from grader.model import Location
from tests.export.reports import hostile, hostile_reports, maximal, public, renamed
from tests.report.sample_reports import every_verdict, full_marks, function, report


def commands(data):
    """Read workflow commands as the runner does: one a line, properties between the name and the second ::."""
    found = []
    for line in data.decode().split("\n")[:-1]:
        level, properties, message = re.fullmatch(r"::(error|warning) (.*?)::(.*)", line).groups()
        pairs = dict(pair.split("=", 1) for pair in properties.split(","))
        assert set(pairs) <= {"file", "line", "title"}, line
        unescaped = {key: unescape(value.replace("%3A", ":").replace("%2C", ",")) for key, value in pairs.items()}
        found.append((level, unescaped, unescape(message)))
    return found


def unescape(text):
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def test_each_function_has_one_annotation_at_the_students_line_worst_first():
    found = commands(annotated(public(every_verdict())))
    titles = [properties["title"].partition(":")[0] for _, properties, _ in found]
    assert titles == ["conv2d", "softmax", "max_pool", "im2col", "nms", "batch_norm", "iou"]
    levels = {properties["title"].partition(":")[0]: level for level, properties, _ in found}
    assert levels["iou"] == "warning" and levels["nms"] == "error"
    places = {p["title"].partition(":")[0]: (p.get("file"), p.get("line")) for _, p, _ in found}
    assert places["softmax"] == ("hw1.py", "12")
    assert places["conv2d"] == ("hw1.ipynb", "1")
    assert "hw1.ipynb cell 3, line 5" in found[0][2]
    assert "not yours" in found[-1][2]


def test_full_marks_have_no_annotation():
    assert annotated(full_marks()) == b""


def test_ten_of_a_kind_are_all_that_is_shown():
    ours = [function(f"g{i}", None, 1000, ()) for i in range(12)]
    made = report((*renamed(*(f"f{i}" for i in range(30))).functions, *ours), outcome="partial")
    found = commands(annotated(made))
    for level in ("error", "warning"):
        mine = [properties["title"] for kind, properties, _ in found if kind == level]
        assert len(mine) == MOST
    assert found[MOST - 1][1]["title"] == "and 21 more functions"
    assert len(commands(annotated(renamed(*(f"f{i}" for i in range(10)))))) == 10


@hostile_reports
def test_hostile_text_is_no_command_and_no_property(text):
    found = commands(annotated(public(hostile(text))))
    assert [level for level, _, _ in found] == ["error", "warning"]
    assert all(len(message) < 1500 and "\n" not in message for _, _, message in found)
    assert found[0][1]["line"] == "1"
    data = summary(public(hostile(text)))
    for line in data.decode().split("\n"):
        assert not line.lstrip().startswith(("::", "##[", "##vso["))


def test_the_largest_summary_is_cut_before_a_section_and_stays_valid():
    whole = summary(maximal(), 10**9)
    data = summary(maximal())
    assert len(data) <= SUMMARY_BYTES
    if len(whole) > SUMMARY_BYTES:
        assert data.endswith(b"feedback.html.\n")
    small = summary(maximal(), 60_000)
    assert 30_000 < len(small) <= 60_000
    fences = [token for token in MarkdownIt("commonmark").parse(small.decode()) if token.type == "fence"]
    assert not any("This summary is cut here" in fence.content for fence in fences)
    assert len(annotated(maximal())) < 20_000


@pytest.fixture
def github(tmp_path):
    names = ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
    environment = {name: str(tmp_path / name) for name in names}
    for path in environment.values():
        with open(path, "w") as file:
            file.write("before=1\n")
    return environment | {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path)}


def test_on_github_the_step_hands_over_what_belongs_to_it(github, tmp_path):
    source = tmp_path / "week 1" / "hw"
    source.mkdir(parents=True)
    options = Options(environment=github, source=source)
    paths, printed = export([every_verdict()], {"actions": None, "classroom": None}, tmp_path / "out", options)
    assert sorted(path.name for path in paths) == ["annotations.txt", "outputs.txt", "summary.md"]
    given = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert given == "before=1\n" + (tmp_path / "out/actions/summary.md").read_text()
    assert (tmp_path / "GITHUB_OUTPUT").read_text().startswith("before=1\nrunners=softmax,conv2d,")
    assert {p["file"] for _, p, _ in commands(printed.encode()) if "file" in p} == {
        "week 1/hw/hw1.py", "week 1/hw/hw1.ipynb"
    }  # fmt: skip


def test_elsewhere_nothing_is_printed(tmp_path):
    _, printed = export([every_verdict()], {"actions": None}, tmp_path, Options())
    assert printed == ""


def test_a_location_outside_the_workspace_stays_as_it_is():
    made = report((function("f", 0, 100, (), location=Location("a,b:c.py", 3)),))
    (found,) = commands(files("actions", [made], Options())["annotations.txt"])
    assert found[1]["file"] == "a,b:c.py"
