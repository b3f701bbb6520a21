"""junit.xml: valid, read by junitparser, and nothing of a submission gets out of its text."""

from pathlib import Path
from xml.etree import ElementTree

import junitparser
import pytest
import xmlschema

from grader.export.junit import files
from tests.export.reports import hostile, hostile_reports, maximal, public
from tests.report.sample_reports import all_fault, every_verdict, full_marks, timed


@pytest.fixture(scope="module")
def schema():
    # Jenkins' xUnit plugin, as pytest's source distribution carries it; its MIT licence stands in the file.
    return xmlschema.XMLSchema(str(Path(__file__).with_name("junit-10.xsd")))


@pytest.mark.parametrize("made", [every_verdict(), full_marks(), all_fault(), timed()])
def test_it_is_valid_and_counts_what_it_holds(schema, made):
    data = files(public(made))["junit.xml"]
    schema.validate(data.decode().partition("\n")[2])
    suites = list(junitparser.JUnitXml.fromstring(data))
    assert [suite.name for suite in suites] == [each.name for each in made.functions]
    for suite, each in zip(suites, made.functions, strict=True):
        assert suite.tests == len(list(suite))
        properties = {each.name: each.value for each in suite.properties()}
        scored = None if each.hundredths is None else f"{each.hundredths / 100:.2f}"
        assert properties.get("score") == scored
        assert properties["max_score"] == f"{each.max_hundredths / 100:.2f}"


def test_a_fault_of_ours_is_an_error_and_a_mistake_is_a_failure():
    suites = {suite.name: suite for suite in junitparser.JUnitXml.fromstring(files(every_verdict())["junit.xml"])}
    assert (suites["iou"].failures, suites["iou"].errors) == (0, 1)
    (error,) = next(case for case in suites["iou"] if case.result).result
    assert isinstance(error, junitparser.Error) and "our fault" in error.message
    assert (suites["conv2d"].failures, suites["conv2d"].errors) == (2, 0)


def test_a_function_without_checks_that_is_not_graded_says_so():
    made = all_fault()
    ours = [type(each)(each.name, None, each.max_hundredths, (), (), note="no topic") for each in made.functions]
    root = ElementTree.fromstring(files(type(made)(**{**fields(made), "functions": tuple(ours)}))["junit.xml"])
    assert [error.get("message") for error in root.iter("error")] == [
        "no topic This is our fault, not yours: you lose no points for it."
    ]


def fields(made):
    return {name: getattr(made, name) for name in made.__slots__}


@hostile_reports
def test_hostile_text_stays_text(schema, text):
    data = files(public(hostile(text)))["junit.xml"]
    schema.validate(data.decode().partition("\n")[2])
    root = ElementTree.fromstring(data)
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "system-out"
    }  # fmt: skip
    assert len(list(root)) == 2
    assert "::error" not in data.decode() and "::notice" not in data.decode()


def test_the_largest_report_stays_small():
    assert len(files(public(maximal()))["junit.xml"]) < 10_000_000
