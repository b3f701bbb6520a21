"""Code that does not come to an end."""

from __future__ import annotations

from tests.redteam.story import Story

STORIES = (
    Story("time-endless-loop", "the commonest mistake of all", "timeout", "def affine(x):\n    while True: pass"),
    Story(
        "time-loop-in-c",
        "C code that holds the interpreter's lock looks at no signal",
        "timeout",
        "def affine(x):\n    return pow(7, 10**9)",
    ),
    Story(
        "time-regular-expression",
        "a pattern that backtracks for ever in C",
        "timeout",
        "import re\ndef affine(x):\n    return re.match('(a+)+b', 'a' * 60)",
    ),
    Story(
        "time-sleep", "no CPU time is used, so no CPU limit helps", "timeout", "def affine(x):\n    time.sleep(1000)"
    ),
    Story(
        "time-endless-output",
        "a flood of output must neither block nor fill memory",
        "timeout",
        "def affine(x):\n    while True: print('spam' * 1000)",
    ),
    Story(
        "time-loop-at-import",
        "the file is loaded again by its definitions alone",
        "pass",
        "def affine(x):\n    return 3 * x + 1\nwhile True: pass",
    ),
    Story(
        "time-sleep-in-a-class-at-import",
        "a class body is a definition, so the file never finishes loading",
        "timeout",
        """
        class Slow:
            time.sleep(1000)

        def affine(x):
            return 3 * x + 1
        """,
        apart=True,
    ),
    Story(
        "time-loop-in-del",
        "the finaliser runs after the function has returned",
        "timeout pass",
        """
        class Sticky:
            def __del__(self):
                while True: pass

        def affine(x):
            sticky = Sticky()
            return 3 * x + 1
        """,
    ),
    Story(
        "time-loop-at-exit",
        "nothing that the code registers runs when its process ends",
        "pass",
        """
        import atexit, threading
        def forever():
            while True: pass
        def affine(x):
            atexit.register(forever)
            threading._register_atexit(forever)
            return 3 * x + 1
        """,
    ),
    Story(
        "time-signals-ignored",
        "a polite end is not enough",
        "timeout",
        """
        import signal
        def affine(x):
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True: pass
        """,
    ),
    Story(
        "time-exceptions-swallowed",
        "nothing that is raised into the code would end it",
        "timeout",
        """
        def affine(x):
            while True:
                try:
                    while True: pass
                except BaseException:
                    pass
        """,
    ),
    Story(
        "time-busy-thread",
        "a thread that computes on must not slow the next call",
        "pass",
        """
        import threading
        def forever():
            while True: sum(range(1000))
        def affine(x):
            threading.Thread(target=forever).start()
            return 3 * x + 1
        """,
    ),
    Story(
        "time-alarm-later",
        "a timer of one call goes off in the next",
        "pass error crash",
        """
        import signal
        def affine(x):
            signal.signal(signal.SIGALRM, lambda *a: os._exit(0))
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            return 3 * x + 1
        """,
    ),
    Story(
        "time-stops-itself",
        "a stopped process neither ends nor answers",
        "timeout",
        "import signal\ndef affine(x):\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return 3 * x + 1",
    ),
    Story(
        "time-answer-one-byte-at-a-time",
        "each byte must not extend the deadline",
        "timeout",
        """
        def affine(x):
            for fd in range(3, 64):
                try:
                    if os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"):
                        os.write(fd, b"KGW1" + (1000).to_bytes(4, "little") + bytes(8))
                        while True:
                            os.write(fd, b" ")
                            time.sleep(0.05)
                except OSError:
                    pass
        """,
    ),
)
