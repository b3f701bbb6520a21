"""The parsing child and its host: one source that ends the child costs only itself."""

import os
import sys
import time

import pytest

from grader.collect import outline
from grader.collect.outline import CRASHED, LATE, Text, outlines

# Ends itself as a crash of the parser would, for the source that says so; otherwise the real child.
FAKE = """
import os, sys, time
for name in ("grader", "grader.collect"):
    sys.modules[name] = type(sys)(name)
    sys.modules[name].__path__ = [{folder!r}]
from grader.collect import parse
real = parse.answer
def answer(texts, *rest):
    if "CRASH" in texts[0]:
        os.kill(os.getpid(), 11)
    if "HANG" in texts[0]:
        time.sleep(60)
    if "HALF" in texts[0]:
        print('{{"names": [', end="", flush=True)
        os._exit(0)
    return real(texts, *rest)
parse.answer = answer
parse.main()
"""


@pytest.fixture
def fragile(monkeypatch, tmp_path):
    program = tmp_path / "fake.py"
    program.write_text(FAKE.format(folder=os.path.dirname(outline.__file__)))
    monkeypatch.setattr(outline, "command", lambda job: [sys.executable, "-I", "-S", str(program)])


def sources(*texts: str) -> list[Text]:
    return [Text((text,)) for text in texts]


def names(answers) -> list[list[str]]:
    return [[name.name for name in answer.names] for answer in answers]


def test_the_source_that_crashes_the_child_is_the_one_that_is_lost(fragile):
    answers = outlines(sources("def a(): ...", "CRASH", "def b(): ...", "HALF", "CRASH", "def c(): ..."), [])
    assert names(answers) == [["a"], [], ["b"], [], [], ["c"]]
    assert [answer == CRASHED for answer in answers] == [False, True, False, True, True, False]


def test_a_child_that_hangs_is_ended_and_what_it_said_counts(fragile, monkeypatch):
    monkeypatch.setattr(outline, "DEADLINE_S", 0.3)
    started = time.monotonic()
    answers = outlines(sources("def a(): ...", "HANG", "def b(): ..."), [])
    assert names(answers[:1]) == [["a"]]
    assert answers[1].error and answers[2] == LATE
    assert time.monotonic() - started < 5


def test_a_submission_of_bombs_is_given_up(fragile):
    answers = outlines(sources(*["CRASH"] * 12, "def a(): ..."), [])
    assert answers[outline.MAX_CRASHES + 1 :] == (LATE,) * (12 - outline.MAX_CRASHES)


def test_a_child_that_does_not_start_is_our_fault(monkeypatch, tmp_path):
    monkeypatch.setattr(outline, "command", lambda job: [sys.executable, str(tmp_path / "gone.py")])
    with pytest.raises(RuntimeError, match="did not start"):
        outlines(sources("x"), [])


def test_nothing_to_parse_starts_nothing(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere")
    assert outlines([], []) == ()


def test_the_child_imports_little():
    import subprocess

    program, *arguments = outline.command("parse")
    done = subprocess.run([program, "-X", "importtime", *arguments], input=b"[]\n", capture_output=True, check=True)
    assert done.stdout == b"ready\n"
    imported = done.stderr.decode()
    assert not any(f"| {name}\n" in imported for name in ("typing", "inspect", "subprocess", "numpy", "dataclasses"))


def test_a_hostile_number_of_names_is_bounded():
    text = "\n".join(f"def f{n}(): ..." for n in range(2000)) + "\ndef softmax(): ..."
    (answer,) = outlines(sources(text), ["softmax"])
    assert len(answer.names) == 301 and answer.names[-1].name == "softmax"


def test_a_hostile_number_of_statements_costs_its_cell():
    answers = outlines([Text(("0;" * 60_000,), cell=True), Text(("def a(): ...",), cell=True)], [])
    assert answers[0].error == "there is more code than the grader reads"
    assert names(answers) == [[], ["a"]]
