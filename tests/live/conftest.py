"""Handouts of the course, and notebooks in them that a real kernel runs."""

from pathlib import Path

import pytest

from grader.generate.handout import Options, handout, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def make_handout(tmp_path_factory):
    """Return a folder with the handout of an assignment."""

    def make(assignment="softmax_classifier", **options):
        folder = tmp_path_factory.mktemp("handouts") / assignment
        write(handout(ROOT, assignment, Options(**options)), folder)
        return folder

    return make


@pytest.fixture(scope="session")
def small_handout(make_handout):
    return make_handout(functions=("softmax", "decay_learning_rate"))


@pytest.fixture
def run_notebook(monkeypatch):
    """Return the notebook that a kernel made of cells, or of a notebook file, in a folder."""
    pytest.importorskip("ipykernel")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")

    def run(folder, cells):
        if isinstance(cells, Path):
            notebook = nbformat.read(cells, 4)
        else:
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
        return client.execute()

    return run
