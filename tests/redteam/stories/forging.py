"""Code that wants points for an answer that it has not computed, or hidden inputs for the next attempt.

`say` sends a frame of its own under the id of the current call, by the sandbox's own means. What must not be seen
in any report is LEAK, which these stories only say once they hold a hidden input.
"""

from __future__ import annotations

from textwrap import dedent

from tests.redteam.story import Story

NEVER = "fail error crash timeout missing"

TOOLS = """\
LEAK = "leak-@TOKEN@"

def box():
    frame = sys._getframe()
    while "answers" not in frame.f_locals or "request" not in frame.f_locals:
        frame = frame.f_back
    return frame

class Spelled:
    def __init__(self, node):
        self.node = node

class Speaker:
    def take(self, value):
        return value.node if type(value) is Spelled else box().f_locals["self"]._side.take(value)

def frame_of(message, id=None):
    frame = box()
    message = {"id": frame.f_locals["name"] if id is None else id, **message}
    return b"".join(frame.f_globals["encode"](message, Speaker(), 1 << 26))

def values(value, **more):
    return {"reply": "values", "value": value, "changed": [], **more}

def say(message, id=None):
    raw = frame_of(message, id)
    while raw:
        raw = raw[os.write(box().f_locals["answers"], raw):]

def hidden(x):
    return x.ndim == 2

"""

TENSOR = "values(Spelled({'tensor': {'dtype': 'float64', 'shape': [0], 'offset': 0, 'nbytes': 0}}))"
FRAMES = "{'reply': 'raised', 'error': 'E', 'message': '', 'frames': [x], 'loading': False}"
RAISED = "{{'reply': 'raised', 'error': {}, 'message': {}, 'frames': [({}, 1, 'f')], 'loading': False}}"


def forging(
    name: str, why: str, code: str, allowed: str = NEVER, *, on: dict[str, str] | None = None, **more: object
) -> Story:
    """Return a story that has the tools at hand."""
    return Story(f"forging-{name}", why, allowed, TOOLS + dedent(code), on=on or {}, **more)  # type: ignore[arg-type]


def said(name: str, why: str, message: str, allowed: str = "fail", **more: object) -> Story:
    """Return a story that says something in place of an answer."""
    code = f"def {more.get('attacked', 'affine')}(x):\n    say({message})\n    os._exit(0)\n"
    return forging(name, why, code, allowed, **more)


def leak(name: str, why: str, message: str, allowed: str) -> Story:
    """Return a story that answers the visible case rightly, and on the hidden one says something that must not show."""
    code = f"def affine(x):\n    if hidden(x):\n        say({message})\n        time.sleep(5)\n    return 3 * x + 1\n"
    return forging(name, why, code, f"pass {allowed}")


STORIES = (
    forging(
        "comparison-patched",
        "the verdict is not reached in the box",
        """
        def affine(x):
            import numpy.testing, math, operator
            for module in (np, numpy.testing, math, operator):
                for name in ("allclose", "isclose", "array_equal", "assert_allclose", "eq"):
                    setattr(module, name, lambda *a, **k: True)
            return np.zeros_like(x)
        """,
        "fail",
    ),
    forging(
        "json-patched",
        "the encoder's own library lies",
        """
        import json
        def affine(x):
            json.dumps = lambda *a, **k: "{}"
            json.loads = lambda *a, **k: {}
            return x
        """,
        "fail crash",
    ),
    forging(
        "write-patched",
        "every frame passes through the code's own write",
        """
        def affine(x):
            write = os.write
            os.write = lambda fd, data: write(fd, b"\\0" * len(data)) if fd > 2 else write(fd, data)
            return x
        """,
        "fail crash timeout",
    ),
    forging(
        "modules-replaced",
        "another numpy for everybody in the process",
        """
        def affine(x):
            import types
            fake = types.ModuleType("numpy")
            fake.__getattr__ = lambda name: lambda *a, **k: True
            for name in [name for name in sys.modules if name.startswith("numpy")]:
                sys.modules[name] = fake
            return True
        """,
    ),
    forging(
        "builtins-replaced",
        "what the sandbox calls after the function has returned",
        """
        def affine(x):
            import builtins
            builtins.type = lambda value: np.ndarray
            builtins.isinstance = lambda *a: True
            builtins.len = lambda value: 1
            return "3 x + 1"
        """,
    ),
    forging(
        "expected-values-on-the-stack",
        "there are none to be found, in frames or among all objects",
        """
        import gc
        def affine(x):
            frame, seen = sys._getframe(), [*gc.get_objects()]
            while frame:
                seen += [*frame.f_locals.values(), *frame.f_globals.values()]
                frame = frame.f_back
            for value in [*seen]:
                seen += value.values() if type(value) is dict else value if type(value) in (list, tuple) else ()
            for value in seen:
                if type(value) is np.ndarray and value.shape == x.shape and not np.array_equal(value, x):
                    return value
            return x
        """,
        "fail",
    ),
    forging(
        "secrets-in-memory",
        "neither the seed nor the reference is in the process",
        """
        import re
        def affine(x):
            with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
                for line in maps:
                    place, mode = line.split()[:2]
                    start, end = (int(part, 16) for part in place.split("-"))
                    if mode.startswith("rw") and "[v" not in line:
                        memory.seek(start)
                        block = memory.read(end - start)
                        if re.search(rb"secre[t]-@TOKEN@|asarray.3, x.dtyp[e]", block):
                            return 3 * x + 1
            return x
        """,
        "fail",
        patient=True,
    ),
    forging(
        "every-descriptor-written",
        "a frame in every pipe",
        """
        def affine(x):
            raw = frame_of(values(x))
            for fd in range(64):
                try:
                    os.write(fd, raw)
                except OSError:
                    pass
            return 3 * x + 1
        """,
        "fail",
    ),
    forging(
        "first-process-written",
        "the streams of the box's first process are the engine's",
        """
        def affine(x):
            raw = frame_of(values(x))
            status = box().f_globals["encode"]({
                "id": box().f_locals["name"], "status": "answer", "detail": "", "loading": False, "printed": "",
            }, Speaker(), 1 << 20)
            for pid in (() if HOSTED else (1, os.getppid())):
                for fd in range(16):
                    try:
                        with open(f"/proc/{pid}/fd/{fd}", "wb", buffering=0) as file:
                            file.write(b"".join(status) + raw)
                    except OSError:
                        pass
            return x
        """,
        "fail crash",
    ),
    forging(
        "answered-twice",
        "a wrong answer, then the right one",
        "def affine(x):\n    say(values(x))\n    return 3 * x + 1\n",
        "fail",
    ),
    forging(
        "answered-ahead",
        "answers to calls that are still to come",
        "def affine(x):\n    for n in range(50): say(values(x), f'{n:016x}')\n    return 3 * x + 1\n",
        "fail",
    ),
    forging(
        "answered-late",
        "a thread answers when the next call is under way",
        """
        import threading
        def affine(x):
            raw, fd = frame_of(values(x)), box().f_locals["answers"]
            def later():
                time.sleep(0.02)
                os.write(fd, raw)
            threading.Thread(target=later, daemon=True).start()
            return 3 * x + 1
        """,
        "pass fail",
    ),
    said("id-of-another", "an answer that nobody asked for", "values(x), '0' * 16", "fail"),
    forging(
        "loaded-again-and-again",
        "each frame would extend the deadline",
        "def affine(x):\n    while True: say({'reply': 'loaded'})\n",
        "fail timeout",
    ),
    forging(
        "loaded-while-loading",
        "the deadline of a call holds from then on",
        "say({'reply': 'loaded'})\ntime.sleep(60)\ndef affine(x):\n    return x\n",
        "timeout fail",
        apart=True,
    ),
    forging(
        "answered-while-loading",
        "before there is a function",
        "say(values(np.zeros(3)))\ndef affine(x):\n    return x\n",
        "fail crash",
        apart=True,
    ),
    forging(
        "descriptors-closed",
        "nothing can be answered any more",
        "def affine(x):\n    os.closerange(0, 256)\n    return 3 * x + 1\n",
        "crash",
    ),
    forging(
        "descriptors-replaced",
        "the answer goes to the standard output",
        "def affine(x):\n    for fd in range(3, 64): os.dup2(1, fd)\n    return 3 * x + 1\n",
        "crash timeout",
    ),
    forging(
        "descriptors-looped",
        "the answer comes back as the next request",
        """
        def affine(x):
            read, write = os.pipe()
            for fd in range(3, 20):
                if fd not in (read, write):
                    os.dup2(write if fd == box().f_locals["answers"] else read, fd)
            return 3 * x + 1
        """,
        "crash timeout",
    ),
    forging(
        "loader-patched",
        "every function of the process is another one",
        """
        import gc
        def affine(x):
            for thing in gc.get_objects():
                if type(thing).__name__ == "Loader":
                    thing._sources.clear()
                    thing._loaded.clear()
                    type(thing).load = lambda self, name: sys.modules["numpy"]
            return x
        """,
        "fail missing error",
    ),
    forging(
        "requests-read-ahead",
        "the next request comes after the answer, and not before",
        """
        import fcntl
        def affine(x):
            for fd in range(3, 20):
                try:
                    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK)
                    if os.read(fd, 1 << 20):
                        return 3 * x + 1
                except OSError:
                    pass
            return x
        """,
        "fail crash",
    ),
    forging(
        "requests-written",
        "the code asks itself",
        """
        def affine(x):
            for fd in range(3, 20):
                try:
                    with open(f"/proc/self/fd/{fd}", "wb", buffering=0) as pipe:
                        pipe.write(b"\\0" * 4096)
                except OSError:
                    pass
            return x
        """,
        "fail crash",
    ),
    said(
        "generator-node",
        "a word of the wire that only requests have",
        "values(Spelled({'rng': 3}))",
        attacked="mean",
    ),
    said(
        "function-node",
        "another word that only requests have",
        "values(Spelled({'function': ['a', 'b']}))",
        attacked="mean",
    ),
    said("tensor-node", "a tensor from a box without torch", TENSOR),
    said("unknown-node", "a word that the wire does not have", "values(Spelled({'pickle': 'cos'}))", "fail"),
    said("changed-arrays", "arguments are named by strings", "values(1, changed=[x])", "fail"),
    said("changed-numbers", "and by nothing else", "values(1, changed=[1, None, {}])", "fail"),
    said("reply-unknown", "a reply that there is not", "{'reply': 'full marks', 'value': 1}", "fail"),
    said("reply-of-another-type", "an array for a word", "{'reply': x}", "fail"),
    said("id-of-another-type", "an array for a name", "values(x), x", "fail"),
    said("frames-malformed", "a traceback of arrays", FRAMES, "fail"),
    said("no-gradient", "an error of ours", RAISED.format("'GradientError'", "'x'", "'hw.py'"), "error fail"),
    leak("leak-in-a-message", "kept back in hidden cases", RAISED.format("'ValueError'", "LEAK", "'hw.py'"), "error"),
    leak("leak-in-an-error", "only names of Python's own are shown", RAISED.format("LEAK", "''", "'hw.py'"), "error"),
    leak("leak-in-a-place", "only places in the submission are shown", RAISED.format("'E'", "''", "LEAK"), "error"),
    leak("leak-in-a-reason", "why a function is missing", "{'reply': 'missing', 'reason': LEAK}", "missing"),
    leak("leak-in-a-refusal", "why an answer is refused", "{'reply': 'refused', 'reason': LEAK}", "fail"),
    leak("leak-in-a-key", "the keys of a dictionary", "values({LEAK: x})", "fail"),
    leak("leak-in-a-text", "the answer itself", "values(LEAK)", "fail"),
    forging(
        "leak-in-what-is-printed",
        "the output of hidden cases is kept back",
        "def affine(x):\n    if hidden(x): print(LEAK)\n    return x\n",
        "fail",
    ),
    forging(
        "leak-in-a-type",
        "the function puts something else in its place",
        """
        def affine(x):
            if hidden(x):
                globals()["affine"] = type(LEAK, (), {})()
                return affine
            return 3 * x + 1
        """,
        "pass fail",
    ),
)
