"""Handouts: the same bytes every time, whole in every form, and nothing in them that students must not have."""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest

from grader import oracle
from grader.assignment import assignment_names, load_assignment
from grader.course import load_course, topic_files
from grader.generate.handout import Options, handout
from grader.generate.vectors import PUBLIC, public_checks
from grader.tree import is_floating, leaves

ROOT = Path(__file__).resolve().parents[2]
NAMES = assignment_names(ROOT)
FORMS = [(kind, framework) for kind in ("py", "ipynb") for framework in ("numpy", "torch")]
SECRETS = (":0", "golden:0", ":7")
TRIVIAL = 16  # characters: shorter lines are nobody's secret


@cache
def files(name, kind, framework):
    return handout(ROOT, name, Options(kind, framework))


def sources(notebook):
    return ["".join(cell["source"]) for cell in json.loads(notebook)["cells"]]


def texts(name, kind, framework):
    """Return everything that can be read in a handout, notebooks as their cells."""
    for file, data in files(name, kind, framework).items():
        if file.endswith(".ipynb"):
            yield "\n".join(sources(data))
        else:
            yield data.decode("utf-8", "replace")


@cache
def course(name):
    return load_course(ROOT, [function.name for function in load_assignment(ROOT, [name]).functions])


def visible_leaves(topic):
    cases = [case for case in topic.cases if case.visible]
    return [leaf for case in cases for _, leaf in leaves(oracle.case_inputs(topic, case, PUBLIC))]


def docstring_lines(tree):
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docstrings = [ast.get_docstring(node, clean=False) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    return {line.strip() for text in docstrings for line in text.splitlines()}


def body_lines(path, shown):
    """Yield the lines of all function bodies of a file, but for docstrings and callables that are arguments."""
    tree = ast.parse(path.read_text())
    lines, told = path.read_text().splitlines(), docstring_lines(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name not in shown:
            body = node.body[1:] if ast.get_docstring(node) else node.body
            for line in lines[body[0].lineno - 1 : node.end_lineno]:
                if len(line.strip()) >= TRIVIAL and line.strip() not in told:
                    yield line.strip()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("kind", "framework"), FORMS)
def test_no_line_of_a_reference_no_hint_and_no_mistake_is_in_a_handout(name, kind, framework):
    whole = "\n".join(texts(name, kind, framework))
    paths = topic_files(ROOT)
    looked_at = 0
    for topic in course(name).topics.values():
        shown = {getattr(leaf, "__name__", type(leaf).__name__) for leaf in visible_leaves(topic) if callable(leaf)}
        for line in body_lines(paths[topic.name], shown):
            assert line not in whole, f"{topic.name}: {line}"
            looked_at += 1
        for mistake in topic.mistakes:
            assert " ".join(mistake.hint.split()) not in " ".join(whole.split())
            # Names of one word, such as "halved", are words of the handout too.
            assert "_" not in mistake.name or not re.search(rf"\b{mistake.name}\b", whole)
            looked_at += 1
    assert looked_at > 20


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_no_hidden_input_and_no_official_seed_is_in_a_handout(name, framework):
    """Of each hidden case its name and its arrays of uneven numbers; the file of cases is the same in both formats."""
    public = files(name, "py", framework)["public.kgv"]
    assert files(name, "ipynb", framework)["public.kgv"] == public
    looked_at = 0
    for topic in course(name).topics.values():
        known = b"".join(leaf.tobytes() for leaf in visible_leaves(topic) if isinstance(leaf, np.ndarray))
        told = {case.name for other in course(name).topics.values() for case in other.cases if case.visible}
        for case in topic.cases:
            assert case.visible or case.name in told or f'"case":"{case.name}"'.encode() not in public
            for secret in SECRETS:
                assert str(oracle.draw_seed(topic, case, 0, secret)).encode() not in public
                for _, leaf in leaves(oracle.case_inputs(topic, case, secret)):
                    if is_floating(leaf) and np.unique(leaf).size > 5:
                        assert leaf.tobytes() in known or leaf.tobytes() not in public
                        looked_at += 1
    assert looked_at > 5


def test_the_secret_changes_nothing_and_is_nowhere(tmp_path):
    command = [sys.executable, "-m", "grader", "generate", "yolo", "--out"]
    for folder, secret in (("one", ""), ("two", "correct horse battery staple")):
        environment = {**os.environ, "GRADER_SECRET": secret, "PYTHONHASHSEED": str(len(secret))}
        subprocess.run([*command, tmp_path / folder], cwd=ROOT, env=environment, check=True, capture_output=True)
    one, two = (
        {path.relative_to(tmp_path / f): path.read_bytes() for path in (tmp_path / f).rglob("*") if path.is_file()}
        for f in ("one", "two")
    )
    assert one == two
    assert not [data for data in two.values() if b"battery" in data]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_every_function_has_a_stub_and_its_backward_only_in_numpy(name, framework):
    tree = ast.parse(files(name, "py", framework)[f"{name}.py"])
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    wanted = {}
    for topic in course(name).topics.values():
        wanted[topic.name] = topic.forward
        if framework == "numpy" and topic.has_gradient("numpy"):
            wanted[topic.backward.__name__] = topic.backward
    assert list(found) == list(wanted)
    for function, node in found.items():
        assert [argument.arg for argument in node.args.args] == list(inspect.signature(wanted[function]).parameters)
        assert ast.get_docstring(node) == inspect.getdoc(wanted[function])
        (raised,) = node.body[1:]
        assert ast.unparse(raised) == f"raise NotImplementedError('{function}')"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_a_notebook_is_valid_and_has_a_section_for_every_function(name, framework):
    made = files(name, "ipynb", framework)
    notebook = nbformat.reads(made[f"{name}.ipynb"].decode(), as_version=4)
    nbformat.validate(notebook)
    stubs = [
        cell.source for cell in notebook.cells if cell.cell_type == "code" and "NotImplementedError" in cell.source
    ]
    assert "\n\n\n".join(stubs) in made_module(name, framework)
    for topic in course(name).topics.values():
        number = next(i for i, cell in enumerate(notebook.cells) if cell.source.startswith(f"def {topic.name}("))
        assert notebook.cells[number + 1].source == f"from grader import check\n\ncheck({topic.name})"
        assert any(f"`{topic.name}(" in cell.source for cell in notebook.cells[:number] if cell.cell_type == "markdown")
    pictures = [file for cell in notebook.cells for file in cell.get("attachments", {})]
    assert sorted(pictures) == sorted(file for file in made if file.endswith(".svg"))


def made_module(name, framework):
    return files(name, "py", framework)[f"{name}.py"].decode()


def test_a_handout_has_everything_that_a_student_needs():
    made = files("yolo", "py", "numpy")
    assert sorted(made) == [
        ".github/workflows/grade.yml",
        "HANDOUT.md",
        "README.md",
        "grader.toml",
        "iou.svg",
        "nms.svg",
        "public.kgv",
        "yolo.py",
    ]


def test_only_and_points():
    made = handout(ROOT, "softmax_classifier", Options(functions=("softmax", "one_hot"), points=True))
    module = made["softmax_classifier.py"].decode()
    assert re.findall(r"^def (\w+)", module, re.M) == ["softmax", "softmax_backward", "one_hot"]
    assert "# 10 points\ndef softmax(z):" in module
    assert "| `one_hot` | 5 |" in made["README.md"].decode()
    assert "mini_batches" not in made["HANDOUT.md"].decode()
    assert b"mini_batches" not in made["public.kgv"]
    assert "contours.svg" not in made


def test_what_the_assignment_keeps_back_is_not_handed_out(tmp_path):
    (tmp_path / "reference").symlink_to(ROOT / "reference", target_is_directory=True)
    folder = tmp_path / "assignments" / "optimizers"
    folder.mkdir(parents=True)
    for file in (ROOT / "assignments" / "optimizers").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with (folder / "assignment.toml").open("a") as settings:
        settings.write('[visibility.functions]\nadam_step = "hidden"\nadagrad_step = "visible"\n')
    made = handout(tmp_path, "optimizers", Options("ipynb"))
    assert b'"adam_step"' not in made["public.kgv"] and b'"adagrad_step"' in made["public.kgv"]
    code = sources(made["optimizers.ipynb"])
    assert any(cell.startswith("def adam_step(") for cell in code)
    assert not any("check(adam_step)" in cell for cell in code)
    assert "There are no public cases for `adam_step`." in made["README.md"].decode()
    hidden = next(case.name for case in course("optimizers").topics["adagrad_step"].cases if not case.visible)
    assert hidden.encode() in made["public.kgv"]


@pytest.mark.parametrize("detail", ["actual-only", "none"])
def test_expected_values_that_students_may_not_see_are_not_handed_out(detail):
    assignment = load_assignment(ROOT, ["optimizers"])
    reticent = [replace(f, disclosure=replace(f.disclosure, detail=detail)) for f in assignment.functions]
    checks = public_checks(replace(assignment, functions=tuple(reticent)), course("optimizers"), "numpy")
    assert checks == []


def generate(*arguments):
    command = [sys.executable, "-m", "grader", "generate", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_check_fails_when_a_handout_is_out_of_date(tmp_path):
    out = tmp_path / "handout"
    assert generate("optimizers", "--out", out).returncode == 0
    assert generate("optimizers", "--out", out, "--check").returncode == 0
    (out / "optimizers.py").write_text("edited")
    (out / "README.md").unlink()
    (out / "optimizers.ipynb").write_text("{}")
    (out / "notes.txt").write_text("mine")
    done = generate("optimizers", "--out", out, "--check")
    assert done.returncode == 1
    for line in ("optimizers.py differs", "README.md is missing", "optimizers.ipynb is not part of this handout"):
        assert line in done.stdout
    assert "notes.txt" not in done.stdout
    assert (out / "optimizers.py").read_text() == "edited"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("alchemy", "--out", "x"), "No assignment 'alchemy'"),
        (("yolo", "--out", "x", "--only", "gold"), "No function 'gold'"),
        (("yolo", "--out", ROOT), "is no handout: give a new folder"),
        (("yolo",), "--out"),
    ],
)
def test_a_wrong_request_is_one_line(arguments, says):
    done = generate(*arguments)
    assert done.returncode == 2
    assert says in done.stderr and len(done.stderr.strip().splitlines()) == 1
