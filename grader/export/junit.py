"""junit.xml for CI systems: a suite for each function, a test case for each check; follows Jenkins' junit-10.xsd."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as Tree

from grader.export.text import about, feedback, name
from grader.model import CheckResult, FunctionResult, Report, Verdict
from grader.report import words
from grader.report.escape import xml


def files(report: Report) -> Mapping[str, bytes]:
    """Return junit.xml. A check that is a fault of ours is an error of the run, never a failure of the student's."""
    root = Tree.Element("testsuites", {"name": xml(report.title, 120)})
    for function in report.functions:
        root.append(_suite(function, report))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    Tree.indent(root)
    return {"junit.xml": Tree.tostring(root, "utf-8", xml_declaration=True) + b"\n"}


def _suite(function: FunctionResult, report: Report) -> Tree.Element:
    cases = [_case(function, check) for check in function.checks]
    if function.hundredths is None and not any(check.verdict is Verdict.FAULT for check in function.checks):
        cases.append(_unscored(function))
    suite = Tree.Element("testsuite", {"name": name(function.name), "tests": str(len(cases)), "skipped": "0"})
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", str(sum(case.find("error") is not None for case in cases)))
    suite.set("timestamp", xml(report.started, 40))
    properties = Tree.SubElement(suite, "properties")
    for key, value in _properties(function, report).items():
        Tree.SubElement(properties, "property", {"name": key, "value": xml(value, 200)})
    suite.extend(cases)
    Tree.SubElement(suite, "system-out").text = xml(feedback(function), 20_000, 400)
    return suite


def _properties(function: FunctionResult, report: Report) -> dict[str, str]:
    score = {} if function.hundredths is None else {"score": words.points(function.hundredths)}
    maximum = {"max_score": words.points(function.max_hundredths)}
    return score | maximum | {"submission": report.submission.name, "outcome": report.outcome}


def _case(function: FunctionResult, check: CheckResult) -> Tree.Element:
    title = f"{words.label(check)} ({words.ASPECTS[check.aspect]})"
    case = Tree.Element("testcase", {"name": name(title), "classname": name(function.name)})
    if check.verdict is not Verdict.PASS:
        ours = check.verdict is Verdict.FAULT
        kind = "error" if ours else "failure"
        told = xml(f"{about(check)} {words.FAULT_NOTE}" if ours else about(check))
        Tree.SubElement(case, kind, {"type": check.verdict.value, "message": xml(told, lines=1)}).text = told
    return case


def _unscored(function: FunctionResult) -> Tree.Element:
    """Return a case that says why a function without a faulty check is not graded."""
    case = Tree.Element("testcase", {"name": "graded", "classname": name(function.name)})
    told = xml(f"{function.note} {words.FAULT_NOTE}")
    Tree.SubElement(case, "error", {"type": Verdict.FAULT.value, "message": told}).text = told
    return case
