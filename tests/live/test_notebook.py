"""Checks in real notebooks: the generated handout from its stubs to full marks, and what goes wrong on the way."""

import json
import re

import pytest

CHECK = "from grader import check\n\ncheck(softmax)"
RIGHT = """import numpy as np
def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
def softmax_backward(dout, z):
    s = softmax(z)
    return s * (dout - (dout * s).sum(-1, keepdims=True))
"""


def shown(cell, kind="text/plain"):
    """Return what a cell displays of one kind."""
    return "\n".join(output["data"][kind] for output in cell["outputs"] if "data" in output)


def last(notebook, kind="text/plain"):
    return shown(notebook.cells[-1], kind)


def check_cells(notebook):
    """Return the cards of the check cells by function."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "from grader import check" in cell.source]
    return {re.search(r"check\((\w+)\)", cell.source)[1]: cell for cell in cells}


@pytest.mark.parametrize(
    ("assignment", "framework"),
    [("softmax_classifier", "numpy"), ("optimization_setup", "numpy"), ("yolo", "torch")],
)
def test_a_filled_in_handout_shows_full_marks_in_every_check_cell(make_handout, run_notebook, assignment, framework):
    if framework == "torch":
        pytest.importorskip("torch")
    folder = make_handout(assignment, format="ipynb", framework=framework, solution=True)
    cards = check_cells(run_notebook(folder, folder / f"{assignment}.ipynb"))
    assert len(cards) > 5
    assert {name: shown(cell).partition(" (")[0] for name, cell in cards.items()} == {
        name: f"✓ {name}: full marks" for name in cards
    }
    assert all("full marks" in shown(cell, "text/html") for cell in cards.values())


def test_an_untouched_handout_shows_not_started_in_every_check_cell(make_handout, run_notebook):
    folder = make_handout(format="ipynb", functions=("softmax", "one_hot"))
    cards = check_cells(run_notebook(folder, folder / "softmax_classifier.ipynb"))
    assert set(cards) == {"softmax", "one_hot"}
    for name, cell in cards.items():
        assert shown(cell).startswith(f"✗ {name}: not started (")
        assert "not started" in shown(cell, "text/html") and "judged before" not in shown(cell, "text/html")


def test_a_mistake_is_named_with_the_numbers_and_the_cell(small_handout, run_notebook):
    wrong = RIGHT.replace("return e / e.sum(-1, keepdims=True)", "return e / e.sum()")
    notebook = run_notebook(small_handout, ["1 + 1", wrong, CHECK])
    text = last(notebook)
    assert text.startswith(("✗ softmax: not right yet", "~ softmax: partly right"))
    assert "cell [2], line 2" in text and "input z" in text and "expected" in text and "your answer" in text
    html = last(notebook, "text/html")
    assert "Look at" in html and "cell [2], line 2" in html and "your answer" in html
    assert "The official run uses the saved file." in html
    assert "cell \\[2\\]" in last(notebook, "text/markdown") or "cell [2]" in last(notebook, "text/markdown")


def test_an_exception_names_the_cell_and_the_line_that_raises(small_handout, run_notebook):
    helper = "def shifted(z):\n    return z - z.max(axis=7)\n"
    broken = RIGHT.replace("z - z.max(-1, keepdims=True)", "shifted(z)")
    text = last(run_notebook(small_handout, [helper, broken, CHECK]))
    assert "raises" in text and "axis 7 is out of bounds" in text
    assert "where         cell [1], line 2" in text


def test_hangs_end_and_the_kernel_lives_on(small_handout, run_notebook):
    hang = "def decay_learning_rate(*args, **kwargs):\n    while True:\n        pass\n"
    notebook = run_notebook(
        small_handout, [hang, "from grader import check\ncard = check(decay_learning_rate)\ncard", "6 * 7"]
    )
    assert "no answer within 5 s" in shown(notebook.cells[1])
    assert last(notebook) == "42"


def test_the_gradient_waits_for_its_backward(small_handout, run_notebook):
    text = last(run_notebook(small_handout, [RIGHT.partition("def softmax_backward")[0], CHECK]))
    assert text.startswith("~ softmax: partly right (values 1/1, gradient 0/")
    assert "softmax_backward is not defined in this session yet" in text


def test_a_changed_cell_is_checked_as_it_is_now_and_names_are_looked_up(small_handout, run_notebook):
    by_name = "from grader import check\ncheck('softmax')"
    notebook = run_notebook(small_handout, ["softmax = 3", by_name, RIGHT, by_name])
    assert "softmax is of type int here, not a function." in shown(notebook.cells[1])
    assert last(notebook).startswith("✓ softmax: full marks")


def test_what_cannot_be_checked_is_one_line_on_the_card(small_handout, run_notebook, tmp_path):
    unknown = "from grader import check\ndef softmx(z): ...\ncheck(softmx)"
    assert last(run_notebook(small_handout, [unknown])) == (
        "softmx: not checked\n  softmx is not a function of softmax_classifier: did you mean softmax?"
    )
    nowhere = run_notebook(tmp_path, [RIGHT, CHECK])
    assert "No grader.toml in" in last(nowhere) and "No grader.toml in" in last(nowhere, "text/html")


def test_the_magic_runs_the_cell_and_checks_what_it_names(small_handout, run_notebook):
    decay = "\ndef decay_learning_rate(*args, **kwargs):\n    raise RuntimeError('here')"
    cells = [
        "%load_ext grader",
        f"%%grade softmax decay_learning_rate\n{RIGHT}{decay}",
        "softmax(np.zeros(2)).tolist()",
    ]
    notebook = run_notebook(small_handout, cells)
    text = shown(notebook.cells[1])
    assert "✓ softmax: full marks" in text and "✗ decay_learning_rate" in text
    assert "cell [2], line 11" in text  # counted with the magic's own line
    assert last(notebook) == "[0.5, 0.5]"


def test_the_magic_checks_nothing_after_an_error_or_without_names(small_handout, run_notebook):
    cells = [
        "%load_ext grader",
        "try:\n    get_ipython().run_cell_magic('grade', 'softmax', '1 / 0')\nexcept ZeroDivisionError: pass",
        "%%grade\n1 + 1",
    ]
    notebook = run_notebook(small_handout, cells)
    assert "not checked" not in json.dumps(notebook.cells[1]) and "softmax: " not in json.dumps(notebook.cells[1])
    assert "ZeroDivisionError" in json.dumps(notebook.cells[1].outputs)
    assert "Name the functions" in notebook.cells[2].outputs[0].text
