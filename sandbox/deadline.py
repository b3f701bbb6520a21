"""A soft time limit for code that runs in our own process: it ends Python code, and waits for what Python calls."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
AGAIN_S = 1.0  # code that catches everything is interrupted again


class Overtime(BaseException):
    """The time is up: no `except Exception` of the student's catches it. `running` says that the code still runs."""

    def __init__(self, running: bool = False) -> None:
        super().__init__()
        self.running = running


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what `work` returns. Raises Overtime after the time, even when `work` caught it and returned."""
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        return _interrupted(seconds, work)
    return _abandoned(seconds, work)


def _interrupted(seconds: float, work: Callable[[], T]) -> T:
    """Raise Overtime inside of the work, by an alarm; handler and timer are put back."""
    rings, over = 0, False

    def ring(number: int, frame: FrameType | None) -> None:
        nonlocal rings
        if not over:
            rings += 1
            raise Overtime

    handler = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        try:
            value = work()
        finally:
            over = True
    finally:
        over = True  # the alarm may have rung just before it was said above
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
    if rings:
        raise Overtime
    return value


def _abandoned(seconds: float, work: Callable[[], T]) -> T:
    """Wait for the work in a thread of its own, which nothing can end."""
    values: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            values.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not values:
        raise Overtime(running=True)
    return values[0]
