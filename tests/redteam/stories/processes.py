"""Code that makes processes, leaves them behind, or turns on those of the box."""

from __future__ import annotations

from tests.redteam.story import Story

THE_MACHINES_OWN = {"process": "it would be this machine's own process"}

STORIES = (
    Story(
        "processes-fork-bomb",
        "bounded by the box; where root is not counted, by the story itself",
        "error timeout crash memory pass",
        """
        def affine(x):
            left = 5 if HOSTED else 1 << 30
            while left:
                left -= 1
                os.fork()
            time.sleep(5)
        """,
    ),
    Story(
        "processes-threads",
        "more threads than the box may have",
        "error pass memory",
        """
        import threading
        def affine(x):
            for _ in range(60 if HOSTED else 10_000):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            raise RuntimeError("no bound")
        """,
    ),
    Story(
        "processes-daemon",
        "a child in a session of its own outlives its parent",
        "pass",
        """
        def affine(x):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.closerange(0, 64)
                    time.sleep(60)
                os._exit(0)
            os.wait()
            return 3 * x + 1
        """,
    ),
    Story(
        "processes-daemon-without-environment",
        "a program that bears no mark of the box",
        "pass",
        """
        def affine(x):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.chdir("/")
                    os.execve(sys.executable, ["@TOKEN@", "-c", "import time; time.sleep(60)"], {})
                os._exit(0)
            os.wait()
            return 3 * x + 1
        """,
    ),
    Story(
        "processes-daemon-and-dead-worker",
        "the worker that would have ended it is gone",
        "crash",
        """
        import signal
        def affine(x):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(60)
                os._exit(0)
            os.wait()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(5)
        """,
    ),
    Story(
        "processes-returns-twice",
        "the copy must not answer",
        "pass crash",
        "def affine(x):\n    os.fork()\n    return 3 * x + 1",
    ),
    Story(
        "processes-returns-twice-unnoticed",
        "both copies answer, since the code has patched what tells them apart",
        "pass fail crash",
        """
        def affine(x):
            own = os.getpid()
            os.getpid = lambda: own
            os.fork()
            return 3 * x + 1
        """,
    ),
    Story(
        "processes-the-copy-answers",
        "the parent is gone and a child speaks in its place",
        "crash",
        """
        def affine(x):
            own = os.getpid()
            os.getpid = lambda: own
            if os.fork():
                os._exit(0)
            time.sleep(0.2)
            return 3 * x + 1
        """,
    ),
    Story(
        "processes-zombies",
        "children that nobody waits for",
        "pass",
        """
        def affine(x):
            for _ in range(10):
                if os.fork() == 0:
                    os._exit(0)
            return 3 * x + 1
        """,
    ),
    Story(
        "processes-child-keeps-the-pipes",
        "the function has ended, its pipes are still open",
        "crash timeout",
        """
        def affine(x):
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
        """,
    ),
    Story(
        "processes-hot-potato",
        "a chain of processes of which each lives for a moment",
        "pass crash",
        """
        def affine(x):
            if os.fork() == 0:
                os.setsid()
                end = time.monotonic() + 3
                while time.monotonic() < end:
                    if os.fork():
                        os._exit(0)
                os._exit(0)
            return 3 * x + 1
        """,
    ),
    Story(
        "processes-worker-killed",
        "the box is lost and another one takes its place",
        "crash",
        "import signal\ndef affine(x):\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(5)",
    ),
    Story(
        "processes-worker-killed-at-import",
        "each function of the file loses its box, but no other file does",
        "crash",
        "import signal\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(5)\ndef affine(x):\n    return 3 * x + 1",
        apart=True,
    ),
    Story(
        "processes-worker-killed-after-the-answer",
        "the answer is there, the box is not",
        "pass crash",
        """
        import signal, threading
        def affine(x):
            worker = os.getppid()
            if os.fork() == 0:
                time.sleep(0.002)
                os.kill(worker, signal.SIGKILL)
                os._exit(0)
            return 3 * x + 1
        """,
    ),
    Story(
        "processes-worker-stopped",
        "a stopped worker keeps no deadline: the host does",
        "timeout",
        "import signal\ndef affine(x):\n    os.kill(os.getppid(), signal.SIGSTOP)\n    time.sleep(60)",
    ),
    Story(
        "processes-signals-to-the-worker",
        "a hail of harmless signals",
        "pass",
        """
        import signal
        def affine(x):
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGWINCH, signal.SIGCONT, signal.SIGPIPE) * 500:
                os.kill(os.getppid(), number)
            return 3 * x + 1
        """,
    ),
    Story(
        "processes-worker-terminated",
        "every signal whose default is to end the process",
        "crash",
        """
        import signal
        def affine(x):
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGSEGV, signal.SIGALRM):
                os.kill(os.getppid(), number)
            time.sleep(5)
        """,
    ),
    Story(
        "processes-first-process-killed",
        "the init of the box; the kernel protects that of the machine",
        "crash error timeout fail",
        """
        import signal
        def affine(x):
            if HOSTED:
                raise RuntimeError
            for number in (signal.SIGTERM, signal.SIGKILL):
                os.kill(1, number)
            time.sleep(5)
        """,
        never_on=THE_MACHINES_OWN,
    ),
    Story(
        "processes-everything-killed",
        "kill(-1) reaches all that the user may signal",
        "crash error",
        """
        import signal
        def affine(x):
            if HOSTED:
                raise RuntimeError
            os.kill(-1, signal.SIGKILL)
            time.sleep(5)
        """,
        never_on=THE_MACHINES_OWN,
    ),
    Story(
        "processes-own-group-killed",
        "a process group is not the box",
        "crash",
        "import signal\ndef affine(x):\n    os.killpg(0, signal.SIGKILL)",
    ),
    Story(
        "processes-workers-group-killed",
        "the group of the worker, which is its session too",
        "crash",
        "import signal\ndef affine(x):\n    os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)\n    time.sleep(5)",
    ),
)
