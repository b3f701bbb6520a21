"""The journeys of instructor, student and staff with the wheel alone, in a fresh environment and far from here.

Generate, fill in, check, run: all right is full marks, a stub that is left is "not started", a known mistake is named.
The public cases come from the handout and the official grade from a copy of the course.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from grader.course import load_course
from tests.journeys.works import BY_HAND, WORKS
from tests.sandbox.conftest import make


def needing(framework, *values, name):
    return pytest.param(*values, id=name, marks=pytest.mark.torch if framework == "torch" else ())


EVERY = [needing(work.framework, work, name=f"{work.file}-{work.framework}") for work in WORKS]
FORMS = [needing(f, kind, f, name=f"{kind}-{f}") for f in ("numpy", "torch") for kind in ("py", "ipynb")]


def filled_in(path, bodies):
    """Type the bodies into the functions of a module or of a notebook, after their docstrings."""
    if path.suffix == ".py":
        path.write_text(with_bodies(path.read_text(), bodies))
        return
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = with_bodies("".join(cell["source"]), bodies).splitlines(keepends=True)
    path.write_text(json.dumps(notebook))


def with_bodies(text, bodies):
    lines = text.splitlines()
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name in bodies]
    for node in reversed(functions):
        body = textwrap.indent(textwrap.dedent(bodies[node.name]).strip(), "    ")
        lines[node.body[1].lineno - 1 : node.end_lineno] = body.splitlines()
    return "\n".join(lines) + "\n"


def full(words):
    return set(words.values()) == {"full marks"}


def section(printed, function):
    """Return what is printed below the headline of a function that lost points."""
    return re.split(rf"^{function} [\d.]+ / \d+\n", printed, maxsplit=1, flags=re.MULTILINE)[1].partition("\n\n")[0]


def test_the_engine_is_the_wheels_and_has_no_course(programs, tmp_path):
    code = "import grader, sandbox; print(grader.__file__, sandbox.__file__, sep='\\n'); import reference"
    command = [programs / "python", "-c", code]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert all(Path(line).is_relative_to(programs.parent) for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == 2 and "No module named 'reference'" in done.stderr


@pytest.mark.parametrize("work", EVERY)
def test_stubs_are_not_started_and_the_reference_has_full_marks(work, generated, checked, graded, tmp_path):
    form = (work.chapter, work.kind, work.framework)
    handout = generated(tmp_path / "handout", *form)
    code, _, words, _ = checked(handout)
    assert code == 1 and set(words.values()) == {"not started"}
    shutil.copy(generated(tmp_path / "own", *form, "--solution") / work.file, handout)
    code, printed, words, _ = checked(handout)
    assert code == 0 and full(words) and f"Found in {work.file}: " in printed
    code, _, words, functions = graded(handout, work.chapter, work.framework, "process")
    assert code == 0 and full(words)
    assert all(function["hundredths"] == function["max_hundredths"] > 0 for function in functions.values())


@pytest.mark.parametrize("work", EVERY)
def test_a_stub_is_not_started_a_mistake_is_named_and_the_rest_is_right(
    work, generated, checked, graded, course, tmp_path
):
    handout = generated(tmp_path / "handout", work.chapter, work.kind, work.framework, "--solution")
    filled_in(handout / work.file, {work.stub: f"raise NotImplementedError({work.stub!r})", work.broken: work.body})
    for code, printed, words, functions in (
        checked(handout),
        graded(handout, work.chapter, work.framework, "process"),
    ):
        assert code == 1
        assert words.pop(work.stub) == "not started"
        assert words.pop(work.broken) in ("partly right", "not right yet")
        assert full(words)
        assert functions[work.stub]["hundredths"] == 0
        assert {c["verdict"] for c in functions[work.stub]["checks"]} == {"missing"}
        assert section(printed, work.stub).startswith("  ✗ not started: it raises NotImplementedError\n")
        assert re.search(r"first wrong +.*expected .*, got ", section(printed, work.broken))
    # The last answer is the official one, which knows the course.
    diagnoses = {check["diagnosis"] for check in functions[work.broken]["checks"]} - {""}
    hint = next(
        m.hint for m in load_course(course, [work.broken]).topics[work.broken].mistakes if m.name == work.mistake
    )
    assert diagnoses == {work.mistake}
    assert hint in section(printed, work.broken)


@pytest.mark.parametrize(("kind", "framework"), FORMS)
def test_what_a_student_types_has_full_marks_in_every_form(kind, framework, generated, checked, graded, tmp_path):
    handout = generated(tmp_path / "handout", "optimizers", kind, framework)
    filled_in(handout / f"optimizers.{kind}", BY_HAND)
    assert checked(handout)[0] == 0
    code, _, words, _ = graded(handout, "optimizers", framework, "process")
    assert code == 0 and list(words) == list(BY_HAND) and full(words)


@pytest.mark.docker
@pytest.mark.parametrize(("kind", "framework"), FORMS)
def test_what_a_student_types_has_full_marks_in_a_container(kind, framework, generated, graded, tmp_path):
    make("docker", framework).close()
    handout = generated(tmp_path / "handout", "optimizers", kind, framework)
    filled_in(handout / f"optimizers.{kind}", BY_HAND)
    code, printed, words, _ = graded(handout, "optimizers", framework, "docker")
    assert code == 0 and full(words) and ", docker sandbox\n" in printed
