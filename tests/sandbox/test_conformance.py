"""The protocol's definition: what every backend answers, to honest code and to hostile code."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sandbox.base import (
    STEADY_MEMORY,
    Call,
    Chunk,
    Crashed,
    Function,
    Limits,
    Missing,
    Module,
    OutOfMemory,
    Raised,
    Refused,
    Rng,
    Sandbox,
    Source,
    TimedOut,
    Value,
    Values,
)
from sandbox.encoder import encode
from sandbox.values import HOST
from tests.sandbox.conftest import LIMITS, Client, Open

# --- honest code -----------------------------------------------------------------------------------------------------


def test_values(box: Client) -> None:
    got = box.value("softmax", z=np.array([[0.0, 0.0], [1000.0, 0.0]]))
    assert isinstance(got, np.ndarray) and got.tolist() == [[0.5, 0.5], [1.0, 0.0]]


@pytest.mark.parametrize(
    "value",
    [
        np.array([math.nan, -math.inf, -0.0, 5e-324]),
        np.arange(6, dtype=np.float16).reshape(2, 3),
        np.array([[True, False]]),
        np.array(7, np.int8),
        np.zeros((0, 3), np.uint64),
        np.array(1 + 2j, np.complex64),
    ],
    ids=lambda value: str(value.dtype),
)
def test_arrays_come_back_bit_by_bit(box: Client, value: np.ndarray) -> None:
    got = box.value("echo", value=value)
    assert isinstance(got, np.ndarray)
    assert (got.dtype, got.shape, got.tobytes()) == (value.dtype, value.shape, value.tobytes())


def test_plain_values_come_back(box: Client) -> None:
    value = (1, [2.5, None, "text" * 200], {"a": True, "b": ()}, -(2**63), 0.1)
    assert box.value("echo", value=value) == value
    assert math.isnan(box.value("echo", value=math.nan))  # type: ignore[arg-type]


def test_arguments_arrive_as_what_they_are(box: Client) -> None:
    got = box.value("kinds_of", x=np.zeros(2), n=3, lr=0.1, flag=True, items=[1], pair=(1, 2), rng=Rng(1), s="a")
    assert got == {
        "x": "ndarray",
        "n": "int",
        "lr": "float",
        "flag": "bool",
        "items": "list",
        "pair": "tuple",
        "rng": "Generator",
        "s": "str",
    }


def test_results_in_odd_layouts_are_normalised(box: Client) -> None:
    x = np.arange(12.0).reshape(3, 4)
    expected = (x.T, x[::-1], x[:, ::2], x, np.array(5, np.int32), x)
    got = box.value("odd_layouts")
    assert isinstance(got, tuple)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype and np.array_equal(a, b)


@pytest.mark.parametrize(
    ("array", "layout"),
    [
        (np.arange(6.0).reshape(2, 3), "C"),
        (np.asfortranarray(np.arange(6.0).reshape(2, 3)), "F"),
        (np.arange(48.0).reshape(6, 8)[::2, ::2], "strided"),
        (np.arange(6)[::-1], "strided"),
        (np.array(5.0), "C"),
        (np.zeros((0, 4)), "C"),
    ],
)
def test_arguments_lie_in_memory_as_they_did(box: Client, array: np.ndarray, layout: str) -> None:
    assert box.value("lies", array=array) == layout
    assert np.array_equal(box.value("echo", value=array), array)


def test_numpy_scalars_arrive_as_arrays_without_dimensions(box: Client) -> None:
    got = box.value("scalar_types")
    assert isinstance(got, tuple)
    assert [(a.dtype.name, a.shape) for a in got] == [
        ("float32", ()),
        ("int64", ()),
        ("bool", ()),
        ("float64", ()),
    ]


def test_long_lists_of_numbers(box: Client) -> None:
    assert box.value("long_lists") == ([0.5] * 5000, tuple(range(5000)))


def test_generators_are_made_from_their_seed(box: Client) -> None:
    expected = np.random.default_rng(42).standard_normal(5)
    for _ in range(2):
        assert np.array_equal(box.value("draw", rng=Rng(42), n=5), expected)  # type: ignore[arg-type]


def test_functions_are_looked_up_in_the_source(fresh: Open) -> None:
    helpers = Module("_functions", (Chunk("_functions.py", 1, "def square(x):\n    return x * x\n"),))
    student = Module("hw", (Chunk("hw.py", 1, "def apply(f, x):\n    return f(x) + f(x)\n"),))
    client = fresh(Source((student, helpers)))
    assert client.value("apply", f=Function("_functions", "square"), x=3) == 18


def test_calls_of_a_group_share_state_and_groups_do_not(box: Client) -> None:
    assert [box.value("bump"), box.value("bump")] == [1, 2]
    assert box.call("bump", group="another") == Values(1)


def test_patched_libraries_stay_in_their_group(box: Client) -> None:
    assert box.value("patch_numpy") == 3.0
    assert box.call("exp_of_zero", group="another") == Values(1.0)


def test_what_is_printed_comes_with_the_values(box: Client) -> None:
    reply = box.call("print_bytes")
    assert isinstance(reply, Values) and "raw" in reply.printed and "to stderr" in reply.printed


def test_there_is_no_input(box: Client) -> None:
    reply = box.call("read_input")
    assert isinstance(reply, Raised) and reply.error == "EOFError"


def test_cpu_time_grows_with_work_and_never_shrinks(box: Client) -> None:
    before = box.session.cpu_seconds()
    box.value("work", n=3_000_000)
    after = box.session.cpu_seconds()
    assert after > before + 0.02
    box.call("ping", group="a child that takes the place of the busy one")
    assert box.session.cpu_seconds() >= after


def test_global_generators_start_alike(fresh: Open) -> None:
    text = "import random, numpy as np\ndef draw():\n    return [random.random(), np.random.rand()]\n"
    assert fresh(text).value("draw") == fresh(text).value("draw")


# --- changed arguments -----------------------------------------------------------------------------------------------


def test_changed_arguments_are_named(box: Client) -> None:
    reply = box.call("add_in_place", x=np.zeros(3))
    assert isinstance(reply, Values) and reply.changed == ("x",)
    reply = box.call("grow", items=[1, 2], table={})
    assert isinstance(reply, Values) and reply.changed == ("items", "table")


def test_untouched_arguments_are_not_named_nan_or_not(box: Client) -> None:
    reply = box.call("touch_nan", x=np.array([math.nan, 1.0]))
    assert isinstance(reply, Values) and reply.changed == ()


# --- exceptions ------------------------------------------------------------------------------------------------------


def test_an_exception_shows_the_students_frames_only(box: Client) -> None:
    reply = box.call("raise_value_error")
    assert isinstance(reply, Raised)
    assert (reply.error, reply.message, reply.loading) == ("ValueError", "wrong shape", False)
    assert [(frame.label, frame.function) for frame in reply.frames] == [
        ("hw.py", "raise_value_error"),
        ("hw.py", "inner"),
    ]
    assert box.works()


@pytest.mark.parametrize(
    ("function", "error"),
    [
        ("raise_system_exit", "SystemExit"),
        ("raise_keyboard_interrupt", "KeyboardInterrupt"),
        ("raise_unprintable", "BadError"),
        ("raise_huge", "ValueError"),
        ("recurse", "RecursionError"),
    ],
)
def test_every_exception_is_survived(box: Client, function: str, error: str) -> None:
    reply = box.call(function)
    assert isinstance(reply, Raised) and reply.error == error
    assert len(reply.message) <= 2000 and len(reply.frames) <= 16
    assert box.works()


def test_renamed_parameters_get_their_arguments_by_position(box: Client) -> None:
    assert np.allclose(box.value("softmax", logits=np.zeros(4)), 0.25)


def test_too_many_arguments_are_a_type_error(box: Client) -> None:
    reply = box.call("softmax", z=np.zeros(3), axis=1)
    assert isinstance(reply, Raised) and reply.error == "TypeError" and "2 were given" in reply.message


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["hang", "busy_in_c"])
def test_a_call_that_does_not_end(box: Client, function: str) -> None:
    assert box.call(function, deadline_s=0.5) == TimedOut(0.5)
    assert box.works()


def test_a_flood_of_output_neither_blocks_nor_fills_memory(box: Client) -> None:
    for stream in ("stdout", "stderr"):
        reply = box.call("flood", stream=stream, seconds=0.3)
        assert isinstance(reply, Values) and reply.value == "done"
        assert reply.printed.startswith("spam") and len(reply.printed) == LIMITS.printed_bytes
    endless = box.call("flood", deadline_s=0.3, stream="stdout", seconds=1000.0)
    assert isinstance(endless, TimedOut) and endless.deadline_s == 0.3
    assert endless.printed.startswith("spam") and len(endless.printed) == LIMITS.printed_bytes
    assert box.works()


# --- memory and processes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["eat_lists", "eat_arrays", "eat_at_once"])
def test_memory_is_bounded(box: Client, function: str) -> None:
    assert box.call(function, deadline_s=10.0) == OutOfMemory(LIMITS.memory_bytes)
    assert box.works()


def test_a_fork_bomb_is_cleared_away(box: Client, backend: Sandbox) -> None:
    bounded = backend.name != "process"  # there the system may not count root's
    reply = box.call("fork_bomb", n=300 if bounded else 30)
    assert isinstance(reply, Values | Raised | Crashed)
    if bounded:
        assert isinstance(reply, Values) and isinstance(reply.value, int) and reply.value < LIMITS.processes
    assert box.works()


def test_a_function_that_returns_twice_answers_once(box: Client) -> None:
    assert box.value("fork_and_return") == "pong"
    assert box.works()


def test_programs_that_a_call_started_end_with_it(box: Client) -> None:
    pid = box.value("start_program")
    assert box.value("state_of", pid=pid) in ("Z", "gone")


def test_threads_left_running_do_not_reach_the_next_call(box: Client) -> None:
    pid = box.value("leave_thread")
    assert box.value("process_id") != pid


def test_a_daemon_does_not_survive_the_call(box: Client, tmp_path: Path, backend: Sandbox) -> None:
    beat = str(tmp_path / "beat") if backend.name == "process" else "/tmp/beat"
    assert box.value("daemonise", path=beat) is True
    first = box.value("read_text", path=beat)
    time.sleep(0.1)
    assert box.value("read_text", path=beat) == first


def test_a_daemon_does_not_survive_the_session(fresh: Open, tmp_path: Path, backend: Sandbox) -> None:
    if backend.name != "process":
        pytest.skip("the processes of a namespace end with it")
    beat = tmp_path / "beat"
    client = fresh()
    reply = client.call("daemonise_and_kill_parent", path=str(beat))
    assert isinstance(reply, Crashed) and reply.box_lost
    client.session.close()
    first = beat.read_text()
    time.sleep(0.1)
    assert beat.read_text() == first


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        ("exit_now", {"code": 0}, "exited with code 0 in the middle of a call"),
        ("exit_now", {"code": 3}, "exited with code 3 in the middle of a call"),
        ("segfault", {}, "killed by signal 11 (SIGSEGV)"),
        ("kill_self", {}, "killed by signal 9 (SIGKILL)"),
        ("close_everything", {}, "the code closed the sandbox's files"),
    ],
)
def test_a_crash_costs_its_own_call(box: Client, function: str, arguments: dict[str, Value], reason: str) -> None:
    assert box.call(function, **arguments) == Crashed(reason)  # type: ignore[arg-type]
    assert box.works()


def test_ending_the_worker_loses_the_box_and_another_one_works(fresh: Open, backend: Sandbox) -> None:
    client = fresh()
    reply = client.call("kill_parent", deadline_s=1.0 if backend.name != "process" else 5.0)
    if backend.name != "process":  # the worker is an init, which no signal from inside ends
        assert reply == TimedOut(1.0) and client.works()
        return
    assert isinstance(reply, Crashed) and reply.box_lost
    assert client.lost()
    assert fresh().works()


def test_stopping_the_worker_is_a_time_out(fresh: Open, backend: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.session.GRACE_S", 0.5)
    client = fresh(limits=Limits(load_deadline_s=0.5))
    assert client.call("stop_parent", deadline_s=0.5) == TimedOut(0.5)
    assert client.works() if backend.name != "process" else client.lost()


def test_a_closed_session_answers_at_once(fresh: Open) -> None:
    client = fresh()
    client.session.close()
    client.session.close()
    assert client.lost()


# --- foreign answers -------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("matrix", "matrix; return a numpy.ndarray"),
        ("masked", "MaskedArray; return a numpy.ndarray"),
        ("lazy", "pandas Series; return a numpy.ndarray"),
        ("in_list", "set; return a numpy.ndarray"),
        ("objects", "dtype object"),
        ("integer_keys", "keys are not all short strings"),
        ("deep", "nested too deeply"),
        ("huge_result", "MB of data"),
        ("huge_view", "MB of data"),
    ],
)
def test_foreign_values_are_refused_in_words(box: Client, function: str, words: str) -> None:
    reply = box.call(function)
    assert isinstance(reply, Refused)
    assert reply.reason.startswith(f"{function} returned") and words in reply.reason
    assert box.works()


FORGERY = b"".join(encode({"id": "0" * 16, "reply": "values", "value": 1, "changed": []}, HOST, 1 << 20))
# Compared with a word, an array gives an array, which is neither true nor false.
ARRAYS = b"".join(encode({"id": np.zeros(2), "reply": np.zeros(2)}, HOST, 1 << 20))


@pytest.mark.parametrize(
    "raw",
    [FORGERY, ARRAYS, b"\0" * 64, FORGERY[:20], b"KGW1" + b"\xff" * 12],
    ids=["stale", "arrays", "zeros", "cut", "vast"],
)
def test_frames_written_by_the_code_are_refused(box: Client, raw: bytes) -> None:
    reply = box.call("write_everywhere", raw=np.frombuffer(raw, np.uint8))
    assert isinstance(reply, Refused | Crashed | TimedOut) and not getattr(reply, "box_lost", False)
    assert box.works()


def test_a_frame_after_the_answer_never_reaches_the_next_call(box: Client) -> None:
    reply = box.call("answer_twice_later", raw=np.frombuffer(FORGERY, np.uint8))
    assert reply == Values("pong")
    time.sleep(0.1)
    assert box.works()


def test_writing_to_the_files_of_the_workers_reaches_nobody(fresh: Open) -> None:
    client = fresh()
    reply = client.call("write_to_ancestors", raw=np.frombuffer(FORGERY, np.uint8))
    # Whatever the system lets through costs the box at most, never an answer.
    assert isinstance(reply, Values | Refused | Crashed)
    assert client.lost() or client.works()
    assert fresh().works()


# --- loading ---------------------------------------------------------------------------------------------------------


def test_a_missing_function_is_missing(box: Client) -> None:
    reply = box.call("no_such_function")
    assert reply == Missing("hw has no function no_such_function")
    assert box.call("count") == Missing("count is of type int, not a function")


def test_a_syntax_error_is_raised_at_its_line(fresh: Open) -> None:
    reply = fresh("x = 1\n\ndef softmax(z)\n    return z\n").call("softmax")
    assert isinstance(reply, Raised) and reply.error == "SyntaxError" and reply.loading
    assert reply.frames[-1].label == "hw.py" and reply.frames[-1].line == 3


def test_a_chunk_with_a_syntax_error_costs_only_itself(fresh: Open) -> None:
    chunks = (
        Chunk("nb cell 1", 1, "def one():\n    return 1\n"),
        Chunk("nb cell 2", 1, "def two(:\n"),
        Chunk("nb cell 3", 1, "def three():\n    return one() + 2\n"),
    )
    client = fresh(Source((Module("hw", chunks),)))
    assert client.value("three") == 3
    reply = client.call("two")
    assert isinstance(reply, Raised) and reply.error == "SyntaxError" and reply.frames[-1].label == "nb cell 2"


def test_failing_statements_cost_only_what_they_define(fresh: Open) -> None:
    text = (
        "import no_such_library\n\ndef good():\n    return 1\n\n"
        "table = no_such_library.load()\n\nprint(undefined)\n\ndef late():\n    return table\n"
    )
    client = fresh(text)
    reply = client.call("good")
    assert isinstance(reply, Values) and reply.value == 1
    assert "hw.py, line 1: ModuleNotFoundError" in reply.printed and "hw.py, line 8: NameError" in reply.printed
    reply = client.call("late")
    assert isinstance(reply, Raised) and reply.error == "NameError"
    assert "no_such_library" in reply.message and "line 1" in reply.message
    reply = client.call("absent")
    assert isinstance(reply, Missing) and "no_such_library" in reply.reason


def test_a_definition_that_failed_is_raised_as_loading(fresh: Open) -> None:
    reply = fresh("def f(x=undefined):\n    return x\n").call("f")
    assert isinstance(reply, Raised) and reply.loading
    assert reply.error == "NameError" and [(frame.label, frame.line) for frame in reply.frames] == [("hw.py", 1)]


def test_lines_are_counted_from_the_chunks_first_line(fresh: Open) -> None:
    chunk = Chunk("nb cell 7", 41, "\ndef f():\n    raise ValueError\n")
    wrong = Chunk("nb cell 8", 52, "\ndef g(:\n")
    client = fresh(Source((Module("hw", (chunk, wrong)),)))
    for name, place in (("f", ("nb cell 7", 43)), ("g", ("nb cell 8", 53))):
        reply = client.call(name)
        assert isinstance(reply, Raised) and [(f.label, f.line) for f in reply.frames] == [place]


def test_exits_while_loading_are_survived(fresh: Open) -> None:
    client = fresh("import sys\nsys.exit(1)\ndef f():\n    return __name__\n")
    assert client.value("f") == "hw"


def test_a_module_that_hangs_while_loading(fresh: Open) -> None:
    client = fresh("def f():\n    return 1\n\nwhile True:\n    pass\n", Limits(load_deadline_s=0.5))
    assert client.call("f") == TimedOut(0.5, loading=True)
    reply = client.session.call(Call("g", "hw", "f", {}, definitions_only=True), 2.0)
    assert reply == Values(1)


def test_definitions_only_leaves_out_what_merely_runs(fresh: Open) -> None:
    text = (
        "import math\nx = 2\nfor i in range(3):\n    x = 100\nif True:\n    x = 50\n"
        "print('loud')\ndef f():\n    return math.floor(x)\n"
    )
    client = fresh(text)
    assert client.session.call(Call("g", "hw", "f", {}, definitions_only=True), 2.0) == Values(2)
    assert client.session.call(Call("g", "hw", "f", {}), 2.0) == Values(50, printed="loud\n")


def test_future_imports_hold_for_the_chunks_after_them(fresh: Open) -> None:
    chunks = (
        Chunk("a", 1, "from __future__ import annotations\n"),
        Chunk("b", 1, "def f(x: Undefined = 1):\n    return x\n"),
    )
    assert fresh(Source((Module("hw", chunks),))).value("f") == 1


def test_memory_is_bounded_while_loading(fresh: Open) -> None:
    client = fresh("x = []\ndef f():\n    return x\nwhile True:\n    x.append([0] * 1_000_000)\n")
    assert client.call("f", deadline_s=5.0) == OutOfMemory(LIMITS.memory_bytes, loading=True)
    assert client.session.call(Call("g", "hw", "f", {}, definitions_only=True), 2.0) == Values([])


def test_a_module_that_ends_the_process_while_loading(fresh: Open) -> None:
    client = fresh("import os\ndef f():\n    return 1\nos._exit(3)\n")
    assert client.call("f") == Crashed("exited with code 3 in the middle of a call", loading=True)
    assert client.session.call(Call("g", "hw", "f", {}, definitions_only=True), 2.0) == Values(1)


def test_a_students_numpy_shadows_nothing(fresh: Open) -> None:
    modules = (
        Module("numpy", (Chunk("numpy.py", 1, "def zeros(n):\n    return 'mine'\ndef f():\n    return zeros(1)\n"),)),
        Module("statistics", (Chunk("statistics.py", 1, "def g():\n    return 'mine'\n"),)),
        Module(
            "hw",
            (
                Chunk(
                    "hw.py",
                    1,
                    "import numpy\nimport statistics\ndef h():\n    return [numpy.zeros(2), statistics.mean([1, 3])]\n",
                ),
            ),
        ),
    )
    client = fresh(Source(modules))
    assert client.call("f", module="numpy") == Values("mine")
    assert client.call("g", module="statistics") == Values("mine")
    got = client.value("h")
    assert isinstance(got, list) and got[0].tolist() == [0, 0] and got[1] == 2


def test_packages_and_relative_imports(fresh: Open) -> None:
    modules = (
        Module("pkg", (Chunk("pkg/__init__.py", 1, "from .layers import relu\n"),), package=True),
        Module(
            "pkg.layers",
            (Chunk("pkg/layers.py", 1, "from .deep.maths import up\ndef relu(x):\n    return up(max(x, 0))\n"),),
        ),
        Module("pkg.deep.maths", (Chunk("pkg/deep/maths.py", 1, "def up(x):\n    return x + 1\n"),)),
        Module(
            "hw",
            (
                Chunk(
                    "hw.py",
                    1,
                    "import pkg.layers\nfrom pkg import relu\ndef f():\n    return relu(2) + pkg.layers.relu(-1)\n",
                ),
            ),
        ),
    )
    client = fresh(Source(modules))
    assert client.value("f") == 4
    assert client.call("relu", module="pkg.layers", x=5) == Values(6)


def test_the_main_block_does_not_run(fresh: Open) -> None:
    assert fresh("x = 1\nif __name__ == '__main__':\n    x = 2\ndef f():\n    return x\n").value("f") == 1


# --- what the box can see --------------------------------------------------------------------------------------------


def test_the_environment_is_ours(box: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    got = box.value("environment")
    assert isinstance(got, dict)
    assert got["PYTHONHASHSEED"] == "0" and got["OMP_NUM_THREADS"] == "1"
    allowed = {"HOME", "TMPDIR", "PATH", "LANG", "HOSTNAME", "PWD", "KERNEL_GRADER_BOX", "LC_CTYPE"}
    of_podman = {"TERM", "container"}
    ours = {"PYTHONHASHSEED", "VECLIB_MAXIMUM_THREADS", *STEADY_MEMORY}
    assert {name for name in got if not name.endswith("_NUM_THREADS")} <= allowed | of_podman | ours


def test_our_own_modules_are_hidden(fresh: Open) -> None:
    text = "import sys\ndef f():\n    return [name for name in sys.modules if name.startswith('sandbox')]\n"
    assert fresh(text).value("f") == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no such table")
def test_the_folder_of_a_process_box_is_removed(fresh: Open, backend: Sandbox) -> None:
    if backend.name != "process":
        pytest.skip("the folder is in memory")
    client = fresh()
    got = client.value("paths")
    assert isinstance(got, dict) and Path(str(got["cwd"])).is_dir()
    client.session.close()
    assert not Path(str(got["cwd"])).exists()
