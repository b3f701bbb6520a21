"""Boxes started ahead: a box takes long to start, and needs nothing of the submission to do so."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeAlias, TypeVar

from sandbox.base import Framework, Limits, SandboxUnavailable


class Destroyable(Protocol):
    """What must be known of a box to keep it, or to refuse it."""

    def destroy(self) -> None:
        """End the box; safe to call twice."""
        ...


Box = TypeVar("Box", bound=Destroyable)
Kind: TypeAlias = "tuple[Framework, Limits]"


class Pool(Generic[Box]):
    """Started, waiting boxes, each taken once; `start` makes one in a thread of the pool, and may raise.

    The threads live until `close`: a process can be tied to the life of the thread that started it.
    """

    def __init__(self, start: Callable[[Framework, Limits], Box], threads: int = 1) -> None:
        self._start = start
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="box")
        self._lock = threading.Lock()
        self._quiet = threading.Condition(self._lock)
        self._starting = 0
        self._closed = False
        self._waiting: dict[Kind, deque[Future[Box]]] = {}
        self._keep: dict[Kind, int] = {}
        self._boxes: weakref.WeakSet[Box] = weakref.WeakSet()

    def warm(self, framework: Framework, limits: Limits, keep: int = 0) -> None:
        """Start a box ahead, unless one waits; with `keep`, so many, and another for each one that is taken."""
        kind = framework, limits
        with self._lock:
            self._keep[kind] = keep
            self._fill(kind, max(keep, 1))

    def take(self, framework: Framework, limits: Limits) -> Box:
        """Return the box that has waited longest, else a new one. Raises what `start` raises."""
        kind = framework, limits
        with self._lock:
            queue = self._waiting.setdefault(kind, deque())
            future = queue.popleft() if queue else None
            self._fill(kind, self._keep.get(kind, 0))
        try:
            if future is not None:
                return future.result()
        except SandboxUnavailable:  # what was wrong then may be mended now
            pass
        return self._threads.submit(self._begin, kind).result()

    def close(self) -> None:
        """End every box that was ever started, taken or not, once those that are starting have started.

        An interruption of the main thread can hide a thread from the executor, which then does not wait for it.
        """
        with self._quiet:
            self._closed = True
        self._threads.shutdown(cancel_futures=True)
        with self._quiet:
            self._quiet.wait_for(lambda: not self._starting)
        for box in list(self._boxes):
            box.destroy()

    def _fill(self, kind: Kind, count: int) -> None:
        queue = self._waiting.setdefault(kind, deque())
        while len(queue) < count:
            queue.append(self._threads.submit(self._begin, kind))

    def _begin(self, kind: Kind) -> Box:
        with self._quiet:
            if self._closed:
                raise SandboxUnavailable("the sandbox is closed")
            self._starting += 1
        try:
            box = self._start(*kind)
            self._boxes.add(box)
            return box
        finally:
            with self._quiet:
                self._starting -= 1
                self._quiet.notify_all()
