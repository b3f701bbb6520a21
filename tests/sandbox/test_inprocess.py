"""Functions called in this very process: arguments and answers as in a box, and a soft deadline."""

import contextlib
import random
import signal
import sys
import threading
import time

import numpy as np
import pytest

from sandbox.base import Call, Chunk, Function, Limits, Missing, Module, Raised, Refused, Source, TimedOut, Values
from sandbox.inprocess import InProcessSandbox


def call(function, deadline_s=20.0, source=None, **arguments):
    sandbox = InProcessSandbox({"f": function}, lambda file: "here" if file == __file__ else None)
    session = sandbox.open(source or Source(()), Limits(printed_bytes=10))
    try:
        return session.call(Call("g", "m", "f", arguments), deadline_s)
    finally:
        session.close()


def forever():
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def test_arguments_are_copies_with_dtype_and_layout():
    given = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    seen = {}

    def f(x):
        seen["x"] = x
        x += 1
        return x

    reply = call(f, x=given)
    assert isinstance(reply, Values) and reply.changed == ("x",)
    assert seen["x"].dtype == np.float32 and seen["x"].flags.f_contiguous and not seen["x"].flags.c_contiguous
    assert given.tolist() == [[0, 1, 2], [3, 4, 5]] and reply.value.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_what_is_printed_is_kept_up_to_its_limit():
    def f():
        print("abc")
        print("x" * 100, file=sys.stderr)

    assert call(f) == Values(None, (), "abc\nxxxxxx")


def test_an_exception_tells_the_lines_of_the_student_only():
    reply = call(lambda: np.zeros(2).reshape(3))
    assert isinstance(reply, Raised) and reply.error == "ValueError"
    assert [frame.label for frame in reply.frames] == ["here"]


def test_foreign_answers_and_absent_functions():
    assert call(lambda: {1, 2}) == Refused("f returned a value of type set; return a numpy.ndarray")
    assert isinstance(call(None), Missing)


def test_renamed_parameters_are_given_by_position():
    assert call(lambda a, b: a - b, x=3, y=1) == Values(2)


def test_a_callable_argument_is_the_courses_own_and_no_import_finds_it():
    module = Module("_course_f", (Chunk("<course>", 1, "def square(x):\n    return x * x\n"),))
    reply = call(lambda objective: objective(3), source=Source((module,)), objective=Function("_course_f", "square"))
    assert reply == Values(9)
    assert "_course_f" not in sys.modules


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no alarm here")
def test_the_alarm_ends_what_catches_exceptions_and_is_put_back():
    before = signal.getsignal(signal.SIGALRM)
    assert call(forever, deadline_s=0.2) == TimedOut(0.2)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no alarm here")
def test_an_answer_after_a_swallowed_alarm_is_too_late():
    def f():
        try:
            forever()
        except BaseException:
            return 1

    assert call(f, deadline_s=0.2) == TimedOut(0.2)


def test_in_another_thread_the_code_is_left_behind_and_counted():
    end = threading.Event()
    sandbox = InProcessSandbox({"f": end.wait}, lambda file: None)
    replies = []

    def ask():
        session = sandbox.open(Source(()), Limits())
        replies.append(session.call(Call("g", "m", "f", {}), 0.2))
        session.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(20)
    end.set()
    assert replies == [TimedOut(0.2)] and sandbox.running == 1


def test_errors_and_values_come_back_from_a_thread():
    replies = []
    work = [lambda: 1, lambda: 1 / 0]
    thread = threading.Thread(target=lambda: replies.extend(map(call, work)))
    thread.start()
    thread.join(20)
    assert replies[0] == Values(1) and replies[1].error == "ZeroDivisionError"


def test_ctrl_c_passes_through():
    def f():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(f)


def test_global_generators_start_alike_and_are_given_back():
    np.random.seed(5)
    random.seed(5)
    states = random.getstate(), np.random.get_state()[1].tolist()
    draw = lambda: np.random.random() + random.random()  # noqa: E731
    assert call(draw) == call(draw)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


@pytest.mark.torch
def test_torch_gets_tensors_and_gives_gradients():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    functions = {"f": lambda x: torch.sum(x * x), "threads": torch.get_num_threads}
    sandbox = InProcessSandbox(functions, lambda file: None)
    session = sandbox.open(Source((), "torch"), Limits.for_framework("torch"))
    x = np.array([1.0, 2.0])
    reply = session.call(Call("g", "m", "f", {"x": x}, dout=np.array(1.0), wrt=("x",)), 20)
    threads = session.call(Call("g", "m", "threads", {}), 20)
    session.close()
    assert isinstance(reply, Values) and reply.value.array.tolist() == [2, 4] and reply.changed == ()
    assert threads == Values(1) and torch.get_num_threads() == before
