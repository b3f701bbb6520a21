"""Ways to lie about time: none makes slow work look fast, and none costs an honest function its points."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from grader.model import Pace, Timing
from tests.timing.conftest import Timed

TIMES = 8
PRELUDE = f"""
import atexit, gc, mmap, os, resource, signal, subprocess, sys, threading, time
import numpy as np

def slow(x, w):
    for _ in range({TIMES}):
        y = x @ w
    return y

def waste(x, w):
    for _ in range({TIMES - 1}):
        x @ w

def bench():
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Bench":
        frame = frame.f_back
    return frame.f_locals["self"]
"""
# A cheat that does the slow work elsewhere may look so much faster than the honest slow function, for noise alone.
NOISE = 0.7

# The work is done: somewhere else, at another time, or for some calls only. It is paid for, or earns nothing.
ELSEWHERE = {
    "a thread that is waited for": """
        def product(x, w):
            answers = []
            thread = threading.Thread(target=lambda: answers.append(slow(x, w)))
            thread.start()
            thread.join()
            return answers[0]
    """,
    "a thread that goes on": """
        def product(x, w):
            threading.Thread(target=waste, args=(x, w), daemon=True).start()
            time.sleep(0.001)
            return x @ w
    """,
    "a child": """
        def product(x, w):
            shared = np.frombuffer(mmap.mmap(-1, x.nbytes)).reshape(x.shape)
            if not (pid := os.fork()):
                shared[:] = slow(x, w)
                os._exit(0)
            os.waitpid(pid, 0)
            return shared.copy()
    """,
    "a child that nobody waits for": """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        def product(x, w):
            shared = np.frombuffer(mmap.mmap(-1, x.nbytes)).reshape(x.shape)
            if not (pid := os.fork()):
                shared[:] = slow(x, w)
                os._exit(0)
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass
            return shared.copy()
    """,
    "an orphan": """
        def product(x, w):
            memory = mmap.mmap(-1, x.nbytes + 8)
            shared, done = np.frombuffer(memory, count=x.size).reshape(x.shape), np.frombuffer(memory)[-1:]
            if not (pid := os.fork()):
                if not os.fork():
                    os.setsid()
                    shared[:] = slow(x, w)
                    done[0] = 1
                os._exit(0)
            os.waitpid(pid, 0)
            while not done[0]:
                time.sleep(0.0005)
            return shared.copy()
    """,
    "another program": """
        def product(x, w):
            subprocess.run([sys.executable, "-I", "-S", "-c", "for i in range(1_000_000): pass"])
            return x @ w
    """,
    "a finalizer": """
        class Later:
            def __init__(self, *work):
                self.work = work
            def __del__(self):
                waste(*self.work)

        kept = []

        def product(x, w):
            kept[:] = [Later(x, w)]
            return x @ w
    """,
    "a callback of the collector": """
        work = []

        def later(phase, info):
            while work:
                waste(*work.pop())

        gc.callbacks.append(later)

        def product(x, w):
            work.append((x, w))
            gc.collect(0)
            return x @ w
    """,
    "a signal handler": """
        work = []

        def later(number, frame):
            while work:
                waste(*work.pop())

        signal.signal(signal.SIGALRM, later)

        def product(x, w):
            work.append((x, w))
            signal.setitimer(signal.ITIMER_REAL, 0.0001)
            return x @ w
    """,
    "the next call": """
        work = []

        def product(x, w):
            while work:
                waste(*work.pop())
            work.append((x, w))
            return x @ w
    """,
    "the first call of a block, for all of it": """
        ahead = []

        def product(x, w):
            if not ahead:
                frame = sys._getframe()
                while "block" not in frame.f_locals:
                    frame = frame.f_back
                block, own = frame.f_locals["block"], bench()
                rng = np.random.default_rng(block["seed"])
                ahead.extend(slow(**own._vary(rng, **own._base)) for _ in range(block["repeat"]))
            return ahead.pop(0)
    """,
    "a guess of the next seed": """
        known = {}

        def product(x, w):
            own, frame = bench(), sys._getframe()
            while "block" not in frame.f_locals:
                frame = frame.f_back
            seed = frame.f_locals["block"]["seed"]
            answer = known.get(x.tobytes())
            guess = own._vary(np.random.default_rng(seed + 1), **own._base)
            known[guess["x"].tobytes()] = slow(**guess)
            return x @ w if answer is None else answer
    """,
    "all but equal inputs": """
        known = {}

        def product(x, w):
            key = hash(x.tobytes())
            if key not in known:
                known[key] = slow(x, w)
            return known[key]
    """,
    "after the warm-up": """
        calls = []

        def product(x, w):
            calls.append(0)
            return x @ w if len(calls) < 5 else slow(x, w)
    """,
    "every second call": """
        calls = []

        def product(x, w):
            calls.append(0)
            if len(calls) % 2:
                waste(x, w)
                waste(x, w)
            return x @ w
    """,
    "under other clocks": """
        for module, names in ((time, "time perf_counter process_time monotonic thread_time clock_gettime"),):
            for name in names.split():
                setattr(module, name, lambda *_: 0.0)
        resource.getrusage = lambda *_: None
        os.times = lambda: (0.0,) * 5

        def product(x, w):
            return slow(x, w)
    """,
    **{
        f"the projection, in {name}": f"""
            waiting = []
            usual = np.{name}

            def product(x, w):
                own = bench()
                waiting.append((own, x, w))
                return np.zeros_like(x)

            def late(*arguments, **named):
                if waiting and sys._getframe(1).f_code.co_name == "_projected":
                    for leaves, (own, x, w) in zip(waiting[0][0]._results, waiting):
                        leaves[0][:] = slow(x, w)
                    waiting.clear()
                return usual(*arguments, **named)

            np.{name} = late
        """
        for name in ("asarray", "random.default_rng", "unpackbits")
    },
}

# The work is not done, or not so that anybody could know.
WORTHLESS = {
    "a thread that waits": """
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()

        def product(x, w):
            return x @ w
    """,
    "a thread that fills the answer later": """
        def product(x, w):
            y = np.zeros_like(x)
            threading.Thread(target=lambda: np.copyto(y, slow(x, w))).start()
            return y
    """,
    "a child that fills the answer later": """
        def product(x, w):
            shared = np.frombuffer(mmap.mmap(-1, x.nbytes)).reshape(x.shape)
            if not os.fork():
                os.setsid()
                shared[:] = slow(x, w)
                os._exit(0)
            return shared
    """,
    "the next call fills the answer": """
        work = []

        def product(x, w):
            for y, *inputs in work:
                y[:] = slow(*inputs)
            work[:] = [(np.zeros_like(x), x, w)]
            return work[0][0]
    """,
    "the end of the process fills the answer": """
        def product(x, w):
            y = np.zeros_like(x)
            atexit.register(lambda: np.copyto(y, slow(x, w)))
            return y
    """,
    "an object with __array__": """
        class Later:
            def __init__(self, *work):
                self.work = work
            def __array__(self, dtype=None, copy=None):
                return slow(*self.work)

        product = Later
    """,
    "an array of another class": """
        class Later(np.ndarray):
            def __array_finalize__(self, other):
                pass

        def product(x, w):
            return (x @ w).view(Later)
    """,
    "the last answer": """
        last = []

        def product(x, w):
            last.append(x @ w)
            return last[max(0, len(last) - 2)]
    """,
    "the first answer, scaled": """
        first = []

        def product(x, w):
            if not first:
                first.append((x.sum(), x @ w))
            return first[0][1] * (x.sum() / first[0][0])
    """,
    "single precision": """
        def product(x, w):
            return (x.astype("f4") @ w.astype("f4")).astype("f8")
    """,
    "half precision": """
        def product(x, w):
            return x.astype("f2").astype("f8") @ w.astype("f2").astype("f8")
    """,
    "half of the rows": """
        def product(x, w):
            y = np.zeros_like(x)
            np.matmul(x[::2], w, out=y[::2])
            return y
    """,
    "projections of one's own": """
        def product(x, w):
            type(bench()).step.__globals__["_projected"] = lambda result, seed: iter([float(x.size), 1.0, 1.0])
            return x
    """,
    "projections of rank one": """
        def product(x, w):
            def projected(result, seed):
                n, rng = len(x), np.random.default_rng(seed)
                u, v = rng.standard_normal(n), rng.standard_normal(n)
                return iter([float(x.size), 1.0, float((u @ x) @ (w @ v))])
            type(bench()).step.__globals__["_projected"] = projected
            return x
    """,
    "a generator without chance": """
        class Same:
            def __init__(self, *_): pass
            def random(self, *_): return 0.5
            def bytes(self, n): return bytes(n)

        np.random.default_rng = Same
        first = []

        def product(x, w):
            first.append(first[0] if first else x @ w)
            return first[0]
    """,
    "the base spoilt": """
        def product(x, w):
            for array in bench()._base.values():
                array[:] = 0
            return np.zeros_like(x)
    """,
    "garbage on every pipe": """
        def product(x, w):
            for fd in range(3, 64):
                try:
                    os.write(fd, b"KGW1" + bytes(64))
                except OSError:
                    pass
            return x @ w
    """,
    "an end before the projection": """
        def product(x, w):
            np.unpackbits = lambda *_, **__: os._exit(0)
            return x @ w
    """,
    "a raise in the projection": """
        def product(x, w):
            np.unpackbits = None
            return x @ w
    """,
}

# What an honest function may do.
HONEST = {
    "one array for all answers": """
        y = np.empty((200, 200))

        def product(x, w):
            return np.matmul(x, w, out=y)
    """,
    "arrays in turn": """
        kept = [np.empty((200, 200)) for _ in range(3)]

        def product(x, w):
            kept.append(kept.pop(0))
            return np.matmul(x, w, out=kept[-1])[:]
    """,
    "work in place": """
        def product(x, w):
            x *= 2
            w *= 4
            return (x @ w) / 8
    """,
    "a thread": """
        def product(x, w):
            y = np.empty_like(x)
            thread = threading.Thread(target=np.matmul, args=(x, w, y))
            thread.start()
            thread.join()
            return y
    """,
    "sleep": """
        def product(x, w):
            time.sleep(0.002)
            return x @ w
    """,
    "a slow start": """
        calls = []

        def product(x, w):
            calls.append(0)
            return slow(x, w) if len(calls) < 4 else x @ w
    """,
    "another order": """
        def product(x, w):
            return (w.T @ x.T).T
    """,
}


@pytest.fixture(scope="session")
def honest(timed: Timed) -> Timing:
    return timed(code("def product(x, w):\n    return slow(x, w)"))


def code(text: str) -> str:
    return PRELUDE + dedent(text)


def test_the_honest_slow_function_is_slow(honest: Timing) -> None:
    assert honest.pace is Pace.SLOW
    assert honest.ratio is not None and TIMES / 2 < honest.ratio < TIMES * 2
    assert 0 < honest.share < 1


@pytest.mark.parametrize("cheat", ELSEWHERE)
def test_work_done_elsewhere_is_paid_for(cheat: str, timed: Timed, honest: Timing) -> None:
    timing = timed(code(ELSEWHERE[cheat]))
    assert honest.ratio is not None
    assert timing.pace is Pace.SLOW, timing.reason
    assert timing.share == 0 or (timing.ratio is not None and timing.ratio > NOISE * honest.ratio), timing.reason


@pytest.mark.parametrize("cheat", WORTHLESS)
def test_what_is_not_computed_earns_nothing(cheat: str, timed: Timed) -> None:
    timing = timed(code(WORTHLESS[cheat]))
    assert (timing.pace, timing.share) == (Pace.SLOW, 0.0), timing.reason
    assert timing.ratio is None and "earns nothing" in timing.reason


@pytest.mark.parametrize("way", HONEST)
def test_honest_ways_keep_their_points(way: str, timed: Timed) -> None:
    timing = timed(code(HONEST[way]))
    assert timing.share == 1 and timing.ratio is not None, timing.reason
    assert 0.5 < timing.ratio < NOISE * TIMES


def test_sleeping_ends_with_the_deadline(timed: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.timing.measure.DEADLINE_S", 0.5)
    timing = timed(code("def product(x, w):\n    time.sleep(60)\n    return x @ w"))
    assert (timing.pace, timing.share) == (Pace.SLOW, 0.0)
    assert "does not end within 0.5 s" in timing.reason


@pytest.mark.parametrize(
    "loss", ["os.kill(os.getppid(), 9)", "os.killpg(os.getpgid(os.getppid()), 9)", "os.write(3, b'')"]
)
def test_ending_the_box_pays_for_nobody(loss: str, timings: Callable[..., dict[str, Timing]], honest: Timing) -> None:
    """Not for the function that does it, and what is timed after it is timed as ever."""
    both = timings(
        code(f"def product(x, w):\n    {loss}\n    return slow(x, w)\n\ndef square(x):\n    return slow(x, x)"),
        "product",
        "square",
    )
    assert both["product"].pace is both["square"].pace is Pace.SLOW
    assert both["product"].share < 0.9
    assert both["square"].ratio is not None and honest.ratio is not None
    assert both["square"].ratio > NOISE * honest.ratio
