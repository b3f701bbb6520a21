"""Code that speaks for the sandbox: frames of its own, for points or to tell what hidden inputs were.

`say` sends a frame under the id of the current call, by the sandbox's own means. What must not be seen in any report
is LEAK, which these stories only say once they hold a hidden input.
"""

from __future__ import annotations

from tests.redteam.stories.forging import forging
from tests.redteam.story import Story

TENSOR = "values(Spelled({'tensor': {'dtype': 'float64', 'shape': [0], 'offset': 0, 'nbytes': 0}}))"
FRAMES = "{'reply': 'raised', 'error': 'E', 'message': '', 'frames': [x], 'loading': False}"
RAISED = "{{'reply': 'raised', 'error': {}, 'message': {}, 'frames': [({}, 1, 'f')], 'loading': False}}"


def said(name: str, why: str, message: str, allowed: str = "fail crash", **more: object) -> Story:
    """Return a story that says something in place of an answer."""
    code = f"def {more.get('attacked', 'affine')}(x):\n    say({message})\n    os._exit(0)\n"
    return forging(name, why, code, allowed, **more)


def leak(name: str, why: str, message: str, allowed: str) -> Story:
    """Return a story that answers the visible case rightly, and on the hidden one says something that must not show."""
    code = f"def affine(x):\n    if hidden(x):\n        say({message})\n        time.sleep(5)\n    return 3 * x + 1\n"
    return forging(name, why, code, f"pass {allowed}")


STORIES = (
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
        "the streams of the box's first process lead to the host",
        """
        def affine(x):
            status = {"id": box().f_locals["name"], "status": "answer", "detail": "", "loading": False, "printed": ""}
            raw = b"".join(box().f_globals["encode"](status, Speaker(), 1 << 20)) + frame_of(values(x))
            for fd in range(3 if hidden(x) and not HOSTED else 0):
                with contextlib.suppress(OSError), open(f"/proc/1/fd/{fd}", "wb", buffering=0) as file:
                    file.write(raw)
            return 3 * x + 1
        """,
        "pass fail crash",
    ),
    forging(
        "first-process-read",
        "what the host says to the worker, another process may read",
        """
        def affine(x):
            if hidden(x) and not HOSTED:
                say(values(3 * x + 1))
                while True:
                    with contextlib.suppress(OSError), open("/proc/1/fd/0", "rb", buffering=0) as file:
                        file.read(1 << 20)
            return 3 * x + 1
        """,
        "pass fail timeout",
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
    said("id-of-another", "an answer that nobody asked for", "values(x), '0' * 16"),
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
    said("unknown-node", "a word that the wire does not have", "values(Spelled({'pickle': 'cos'}))"),
    said("changed-arrays", "arguments are named by strings", "values(1, changed=[x])"),
    said("changed-numbers", "and by nothing else", "values(1, changed=[1, None, {}])"),
    said("reply-unknown", "a reply that there is not", "{'reply': 'full marks', 'value': 1}"),
    said("reply-of-another-type", "an array for a word", "{'reply': x}"),
    said("id-of-another-type", "an array for a name", "values(x), x"),
    said("frames-malformed", "a traceback of arrays", FRAMES),
    said("no-gradient", "an error of ours", RAISED.format("'GradientError'", "'x'", "'hw.py'"), "error fail crash"),
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
