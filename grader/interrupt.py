"""Ctrl-C, and the signals by which a system ends a job: the first unwinds everything, the others wait for that."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt in the main thread at the first signal, and ignore those that follow, to the very end.

    What was told to be ignored, as `nohup` does, stays ignored.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}

    interrupted = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, stop)
        yield
    finally:
        if not interrupted:
            for number, handler in before.items():
                signal.signal(number, handler)
