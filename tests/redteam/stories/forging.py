"""Code that wants points for an answer that it has not computed: it patches, searches and rewires its process."""

from __future__ import annotations

from textwrap import dedent

from tests.redteam.story import Story

NEVER = "fail error crash timeout missing"

TOOLS = """\
import contextlib
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


def forging(
    name: str, why: str, code: str, allowed: str = NEVER, *, on: dict[str, str] | None = None, **more: object
) -> Story:
    """Return a story that has the tools at hand."""
    return Story(f"forging-{name}", why, allowed, TOOLS + dedent(code), on=on or {}, **more)  # type: ignore[arg-type]


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
)
