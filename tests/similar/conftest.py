"""Classes of students: what they hand in, gathered and compared as the command does."""

import inspect
import textwrap
from pathlib import Path

import pytest

from grader.batch.find import find
from grader.course import load_course
from grader.similar.gather import gather
from grader.similar.survey import survey

ROOT = Path(__file__).parents[2]
NAMES = ("nms", "iou_matrix", "batch_norm", "encode_box", "train_softmax_classifier", "adam_step")


@pytest.fixture(scope="session")
def versions():
    """Return of each function several versions that were written independently: the reference and its alternates."""
    topics = load_course(ROOT, NAMES).topics
    return {name: [source(one, name) for one in (topic.forward, *topic.alternates)] for name, topic in topics.items()}


def source(function, name):
    """Return a function's own source, under the name that a student gives it."""
    text = textwrap.dedent(inspect.getsource(function))
    return text.replace(f"def {function.__name__}(", f"def {name}(", 1)


@pytest.fixture
def compare(tmp_path):
    """Return what compares a class: the sources by name, what was handed out, and whose the sources are."""

    def compared(sources, functions, given=(), top=10, authors=()):
        for name, text in sources.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        read = list(gather(find(tmp_path)[0], list(functions)))
        return survey(functions, read, given, top, dict(authors))

    return compared


def pairs(found, function):
    """Return the pairs of a function, most alike first, with their shares."""
    (one,) = [one for one in found.functions if one.function == function]
    return [({pair.first.submission, pair.second.submission}, pair.share) for pair in one.pairs]
