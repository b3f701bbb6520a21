"""The stories that the comparison is for."""

import itertools

import pytest

from grader.similar.fingerprints import encoded
from grader.similar.gather import handed_out
from grader.similar.model import Refused
from grader.similar.survey import survey
from grader.similar.words import words
from tests.similar.conftest import NAMES, pairs
from tests.similar.disguise import disguise


def honest(versions, number):
    """Return the hand-in of one student: the version of this number of every function."""
    return "\n\n".join(versions[name][number] for name in NAMES)


@pytest.fixture
def klass(versions):
    """Three students who wrote for themselves, and one who copied from the second."""
    students = {name: honest(versions, number) for number, name in enumerate(("ada", "ben", "cleo"))}
    return students | {"dan": disguise(students["ben"], *NAMES)}


def test_a_copy_is_found_first_and_in_every_function(compare, klass):
    found = compare(klass, NAMES)
    first, *rest = found.pairs
    assert (first.first, first.second, first.compared) == ("ben", "dan", len(NAMES))
    assert set(first.alike) == set(NAMES)
    assert first.share > 0.9
    assert all(len(pair.alike) <= 1 and pair.share < 0.5 for pair in rest)


@pytest.mark.parametrize("function", NAMES)
def test_independent_solutions_rank_clearly_below_a_copy(compare, klass, function):
    (both, share), *others = pairs(compare(klass, NAMES), function)
    assert both == {"ben", "dan"}
    assert share > 0.85
    assert all(other < share - 0.25 for _, other in others)


def test_independent_solutions_alone_are_hardly_reported(compare, klass):
    del klass["dan"]
    found = compare(klass, NAMES)
    assert [pair for pair in found.pairs if len(pair.alike) > 1] == []


def test_a_copy_with_needless_statements_is_still_first(compare, klass):
    lines = klass["dan"].split("\n")
    padded = [f"{line[: len(line) - len(line.lstrip())]}spare = 1\n{line}" if " = " in line else line for line in lines]
    klass["dan"] = "\n".join(padded)
    found = compare(klass, NAMES)
    assert (found.pairs[0].first, found.pairs[0].second) == ("ben", "dan")
    assert len(found.pairs[0].alike) >= len(NAMES) - 1


def test_a_copy_in_helpers_is_found(compare, versions):
    body = versions["nms"][1].replace("def nms(", "def my_own(")
    whole = (
        f"{body}\n\ndef nms(boxes, scores, iou_threshold, max_boxes=None):\n    return my_own(boxes, scores, 1, 2)\n"
    )
    found = compare({"ada": versions["nms"][1], "ben": whole, "cleo": versions["nms"][2]}, ["nms"])
    both, share = pairs(found, "nms")[0]
    assert both == {"ada", "ben"}
    assert share > 0.85


def test_a_stub_that_is_not_filled_is_not_reported(compare, versions):
    stub = 'def nms(boxes, scores, iou_threshold):\n    """Keep the best."""\n    raise NotImplementedError\n'
    found = compare({"ada": stub, "ben": stub, "cleo": versions["nms"][0]}, ["nms"])
    assert found.functions == found.pairs == found.too_short == ()
    assert found.submissions == ("ada", "ben", "cleo")


def test_a_function_that_everybody_writes_alike_is_too_short(compare):
    relu = "import numpy as np\n\ndef relu(z):\n    return np.maximum(z, 0)\n"
    found = compare({"ada": relu, "ben": relu.replace("z", "x"), "cleo": relu}, ["relu"])
    assert found.functions == found.pairs == ()
    assert found.too_short == ("relu",)


def test_what_was_handed_out_is_not_reported(compare, versions, tmp_path):
    given, own = versions["nms"][1], [versions["batch_norm"][n].replace("batch_norm", "nms") for n in (0, 1)]
    bodies = [text.partition("\n")[2] for text in own]
    classes = {name: f"{given}\n{body}" for name, body in zip(("ada", "ben"), bodies, strict=True)}
    without = compare(classes, ["nms"])
    assert pairs(without, "nms")[0][1] > 0.5
    with_it = compare(classes, ["nms"], [encoded(words(given))])
    assert pairs(with_it, "nms") == []


def test_files_and_notebooks_of_the_handout_are_read(tmp_path):
    folder = tmp_path / "handout"
    folder.mkdir()
    (folder / "given.py").write_text("def given(x):\n    return x + 1\n")
    (folder / "broken.py").write_text("def given(x:\n")
    cell = '{"cell_type": "code", "metadata": {}, "source": "y = 2", "outputs": [], "execution_count": null}'
    (folder / "book.ipynb").write_text(f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}}')
    assert sorted(handed_out(folder), key=len) == [
        "",
        encoded(words("y = 2")),
        encoded(words("return x + 1")),
    ]


def test_what_more_than_half_of_six_have_is_common_knowledge(compare, versions):
    common = versions["iou_matrix"][0]
    own = [body.partition("\n")[2] for name in ("nms", "batch_norm", "encode_box") for body in versions[name][:3]]
    six = {f"s{number}": f"{common}\n{body}" for number, body in enumerate(own[:6])}
    found = compare(six, ["iou_matrix"])
    assert found.functions[0].common
    assert all(share < 0.5 for _, share in pairs(found, "iou_matrix"))


def test_what_most_have_in_common_as_a_whole_is_said(compare, versions):
    relu = "def relu(z):\n    return np.maximum(z, 0)\n"
    most = {f"s{n}": f"{versions['nms'][0 if n < 5 else 1]}\n{relu}" for n in range(8)}
    found = compare(most, ["nms", "relu"])
    assert [one.compared for one in found.functions] == [3]
    everybody = compare({f"s{n}": f"{versions['nms'][0]}\n{relu}" for n in range(8)}, ["nms", "relu"])
    assert everybody.functions == ()
    assert everybody.same == ("nms",)
    assert everybody.too_short == ("relu",)


def test_five_are_too_few_for_common_knowledge(compare, versions):
    (one,) = compare({f"s{n}": versions["nms"][0] for n in range(5)}, ["nms"]).functions
    assert not one.common
    assert one.usual is None
    assert len(one.pairs) == 10


def test_what_is_usual_raises_what_counts_as_alike(compare, versions):
    half = {f"s{n}": versions["nms"][0 if n < 3 else 1] for n in range(6)}
    (one,) = compare(half, ["nms"]).functions
    assert one.usual is not None
    assert one.alike == max(0.6, (1 + one.usual) / 2)


def test_the_pairs_are_as_many_as_asked_for_and_those_over_all_functions(compare, versions):
    everybody = {f"s{n}": "\n\n".join(versions[name][0] for name in NAMES[:2]) for n in range(5)}
    found = compare(everybody, NAMES[:2], top=3)
    assert len(found.pairs) == 3
    assert [len(one.pairs) for one in found.functions] == [3, 3]
    assert {(pair.first, pair.second) for pair in found.pairs} == {
        (pair.first.submission, pair.second.submission) for one in found.functions for pair in one.pairs
    }


def test_marked_places_hold_the_words_that_match(compare, klass):
    found = compare(klass, NAMES)
    for pair in itertools.chain.from_iterable(one.pairs for one in found.functions):
        for side in (pair.first, pair.second):
            lines = klass[side.submission].split("\n")
            texts = [lines[place.location.line - 1][place.start : place.stop] for place in side.places]
            assert all(text == text.strip() != "" for text in texts)
            assert 0 < side.matched <= side.words


def test_nobody_and_nothing():
    found = survey(["nms"], [Refused("eve", "is no zip")], [], 10)
    assert found.pairs == found.functions == found.too_short == found.same == found.submissions == ()
    assert found.refused == (Refused("eve", "is no zip"),)


def test_hand_ins_of_one_student_are_not_compared_and_count_once(compare, versions):
    sources = {"bob": versions["nms"][0], "cem": versions["nms"][1], "dan": versions["nms"][2]}
    sources |= {f"ada_{n}": versions["nms"][0] for n in range(4)}
    assert compare(sources, ["nms"]).functions[0].common
    (function,) = compare(sources, ["nms"], authors={f"ada_{n}": "ada" for n in range(4)}).functions
    assert not function.common and function.usual is None
    found = [{pair.first.submission, pair.second.submission} for pair in function.pairs]
    assert found == [{f"ada_{n}", "bob"} for n in range(4)]
