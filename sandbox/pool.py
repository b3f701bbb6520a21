"""A box started ahead: it takes long to start, and needs nothing of the submission to do so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from sandbox.base import Framework, Limits

Box = TypeVar("Box")


class Pool(Generic[Box]):
    """At most one waiting box, for one use; `start` makes a box and may raise.

    With `in_background` a thread starts it: for a box whose start is mostly waiting for somebody else.
    """

    def __init__(self, start: Callable[[Framework, Limits], Box], in_background: bool) -> None:
        self._start, self._in_background = start, in_background
        self._wanted: tuple[Framework, Limits] | None = None
        self._thread: threading.Thread | None = None
        self._box: Box | None = None

    def warm(self, framework: Framework, limits: Limits) -> None:
        """Start a box ahead, unless one waits already."""
        if self._wanted is not None:
            return
        self._wanted = framework, limits
        if self._in_background:
            self._thread = threading.Thread(target=self._fill, name="box", daemon=True)
            self._thread.start()
        else:
            self._fill()

    def take(self, framework: Framework, limits: Limits) -> Box:
        """Return the waiting box if it is one like this, else a new one. Raises what `start` raises."""
        box = self._waiting() if self._wanted == (framework, limits) else None
        return self._start(framework, limits) if box is None else box

    def drain(self) -> Box | None:
        """Return the box that nobody took, for its end."""
        return self._waiting()

    def _waiting(self) -> Box | None:
        if self._thread is not None:
            self._thread.join()
        box, self._box, self._wanted, self._thread = self._box, None, None, None
        return box

    def _fill(self) -> None:
        try:
            assert self._wanted is not None  # noqa: S101 - warm() sets it
            self._box = self._start(*self._wanted)
        except Exception:  # take() starts another, and raises what is wrong
            self._box = None
