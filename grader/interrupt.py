"""Ctrl-C, and the signals by which a system ends a job: the first unwinds everything, the others wait for that."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, TypeVar

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
RETRY = (signal.SIGALRM,) if hasattr(signal, "SIGALRM") else ()
IMPORT_SYSTEM = "<frozen importlib"
RETRY_S = 0.01


class HasClose(Protocol):
    """What can be closed, twice if need be."""

    def close(self) -> None: ...


Closable = TypeVar("Closable", bound=HasClose)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt in the main thread at the first signal, and ignore those that follow, to the very end.

    What was told to be ignored, as `nohup` does, stays ignored. While the main thread imports, the signal waits: an
    import that is broken off can leave its lock behind, for which a thread that starts a box would wait for ever, or
    swallow the exception.
    """
    before = {number: signal.getsignal(number) for number in (*SIGNALS, *RETRY)}
    interrupted = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if RETRY and _imports(frame):
            signal.signal(signal.SIGALRM, stop)
            signal.setitimer(signal.ITIMER_REAL, RETRY_S)
            return
        interrupted = True
        for other in (*SIGNALS, *RETRY):
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    try:
        for number in SIGNALS:
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, stop)
        yield
    finally:
        if not interrupted:
            if RETRY:
                signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def ended(thing: Closable) -> Iterator[Closable]:
    """Yield a thing and close it at the end; an end that the only interruption breaks off is begun again."""
    try:
        yield thing
    finally:
        try:
            thing.close()
        except KeyboardInterrupt:
            thing.close()
            raise


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORT_SYSTEM):
            return True
        frame = frame.f_back
    return False
