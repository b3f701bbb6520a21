"""A limited child: parses, reads or unpacks what is hostile in a process of its own, whose end costs nothing.

It runs as `python -I -S -B limited.py JOB`: neither the environment nor the current folder, which may be the
submission, can put code in. Standard library only, and little of it, so that starting stays cheap.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False  # importing typing would cost a part of the start
if TYPE_CHECKING:
    from typing import Any

MEMORY_BYTES = 1 << 30


def limit() -> None:
    """Bound the memory and forbid to write files, where the system can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    except (ImportError, ValueError, OSError):
        return


def limit_cpu(seconds: float) -> None:
    """End this process after so much more CPU time, where the system can."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def command(job: str, *arguments: str) -> list[str]:
    """Return the command that runs a job in a limited child."""
    return [sys.executable, "-I", "-S", "-B", "-W", "ignore", __file__, job, *arguments]


def heard(run: list[str], deadline_s: float, **given: Any) -> bytes:
    """Return what a limited child says after its first word, up to its end or the deadline.

    Raises RuntimeError when it does not start.
    """
    import subprocess  # the child needs none

    try:
        done = subprocess.run(run, capture_output=True, timeout=deadline_s, check=False, **given)  # noqa: S603
        output, complaint = done.stdout, done.stderr
    except subprocess.TimeoutExpired as expired:
        output, complaint = expired.stdout or b"ready\n", b""
    ready, _, answer = output.partition(b"\n")
    if ready != b"ready":
        raise RuntimeError(f"the reading process did not start: {complaint.decode(errors='replace')[-500:]}")
    return bytes(answer)


def main() -> None:
    """Do the job that the command line names."""
    limit()
    gc.disable()  # trees have no cycles, and looking for them costs a third more on a large file
    # The packages' own __init__ files would import all that grading needs.
    for name in ("grader", "grader.collect"):
        package = type(sys)(name)
        package.__path__ = [os.path.dirname(__file__)]
        sys.modules[name] = package
    if sys.argv[1] == "parse":
        from grader.collect.parse import main as job
    elif sys.argv[1] == "cells":
        from grader.collect.cells import main as job
    else:
        from grader.collect.unpack import main as job
    job()


if __name__ == "__main__":
    main()
