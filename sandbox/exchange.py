"""One request and its answer, as the parent in the box sees it: frames relayed, output drained, the deadline kept."""

from __future__ import annotations

import contextlib
import os
import select
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, Protocol

from sandbox.decoder import decode
from sandbox.wire import Frame, Reader, Side, WireError, joined

CHUNK = 64 << 10
FORGED = "forged or malformed answer"
DYING_S = 0.5  # between the end of a child's files and the news of its death


class Overseer(Protocol):
    """What an exchange asks of the worker."""

    requests: int
    wake: int
    box: dict[str, Any]

    def reap(self) -> bool:
        """Collect the children that ended; return whether the current one did."""
        ...

    def last_words(self) -> str:
        """Return how the current child ended, in words."""
        ...

    def leave(self) -> NoReturn:
        """End everything."""
        ...


class Key(NamedTuple):
    """What calls must have in common to share a child."""

    group: str
    definitions_only: bool
    timed: bool


@dataclass
class Child:
    """A forked child as its parent sees it: the parent's ends of its pipes, and what it has loaded.

    It has no `key` until it has heard what it is to run. `problem` says why it could not open its device; `threads` is
    how many it had before any were the student's.
    """

    pid: int
    requests: int
    answers: int
    printed: int
    key: Key | None = None
    reader: Reader = field(default_factory=lambda: Reader(0))
    threads: int = 1
    problem: str = ""
    loaded: set[str] = field(default_factory=set)

    def close(self) -> None:
        """Close the parent's ends of the pipes."""
        for fd in (self.requests, self.answers, self.printed):
            os.close(fd)


@dataclass
class Outcome:
    """How a request ended: the status for the host, and the child's frame if it answered."""

    status: str
    detail: str = ""
    loading: bool = False
    answer: Frame | None = None
    reply: str = ""


class Exchange:
    """One request to a child: sends it, drains what is printed, waits for the answer or for the deadline."""

    def __init__(self, worker: Overseer, child: Child, request: dict[str, Any], frame: Frame) -> None:
        self._worker, self._child = worker, child
        self._id, self._module, self._deadline_s = request["id"], request["module"], request["deadline_s"]
        self._loading = self._module not in child.loaded
        self._end = time.monotonic() + (request["load_deadline_s"] if self._loading else self._deadline_s)
        self._outgoing = [memoryview(buffer) for buffer in joined(frame.buffers())]
        self._closed = False
        self.printed = bytearray()

    def run(self) -> Outcome:
        """Return how the request ended; the child is still there and may still run."""
        child, worker = self._child, self._worker
        poll = select.poll()
        poll.register(worker.requests, 0)
        poll.register(worker.wake, select.POLLIN)
        poll.register(child.answers, select.POLLIN)
        poll.register(child.printed, select.POLLIN)
        if self._send():
            poll.register(child.requests, select.POLLOUT)
        while (left := self._end - time.monotonic()) > 0:
            for fd, event in poll.poll(left * 1000 + 1):
                outcome = None
                if fd == child.answers:
                    outcome = self._listen()
                    if self._closed:
                        poll.unregister(fd)
                elif fd == child.printed:
                    if not self.drain():
                        poll.unregister(fd)
                elif fd == child.requests:
                    if not self._send():
                        poll.unregister(fd)
                elif fd == worker.wake:
                    outcome = self._woken()
                elif event & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                    worker.leave()
                if outcome is not None:
                    return outcome
        if self._closed:
            return Outcome("crashed", "the code closed the sandbox's files", loading=self._loading)
        return Outcome("timed out", loading=self._loading)

    def drain(self) -> bool:
        """Read what the child printed and keep its beginning; return False at the end of the stream."""
        try:
            text = os.read(self._child.printed, CHUNK)
        except BlockingIOError:
            return True
        self.printed += text[: max(0, self._worker.box["printed_bytes"] - len(self.printed))]
        return bool(text)

    def _send(self) -> bool:
        """Write more of the request; return False when there is nothing more to write."""
        while self._outgoing:
            try:
                count = os.write(self._child.requests, self._outgoing[0])
            except BlockingIOError:
                return True
            except BrokenPipeError:
                return False
            self._outgoing[0] = self._outgoing[0][count:]
            if not self._outgoing[0]:
                del self._outgoing[0]
        return False

    def _listen(self) -> Outcome | None:
        """Read what the child answers; return the outcome once there is one."""
        reader = self._child.reader
        while True:
            try:
                count = os.readv(self._child.answers, [reader.room()])
            except BlockingIOError:
                return None
            if not count:
                # The files of a dying child end a moment before the news of its death.
                self._closed = True
                self._end = min(self._end, time.monotonic() + DYING_S)
                return None
            reader.filled(count)
            try:
                while (frame := reader.take()) is not None:
                    outcome = self._judged(frame)
                    if outcome is not None:
                        return Outcome("refused", FORGED) if reader.partial else outcome
            except WireError:
                return Outcome("refused", FORGED)

    def _judged(self, frame: Frame) -> Outcome | None:
        message = decode(frame, Side())
        # Types first: an array compares element by element, and has no truth value.
        if type(message) is not dict or not type(message.get("id")) is type(message.get("reply")) is str:
            raise WireError(FORGED)
        if message["id"] != self._id:
            raise WireError(FORGED)
        if message["reply"] != "loaded":
            return Outcome("answer", answer=frame, reply=message["reply"], loading=self._loading)
        if not self._loading:
            raise WireError(FORGED)
        self._loading = False
        self._child.loaded.add(self._module)
        self._end = time.monotonic() + self._deadline_s
        return None

    def _woken(self) -> Outcome | None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._worker.wake, CHUNK)
        if not self._worker.reap():
            return None
        # What it wrote before it died counts.
        return self._listen() or Outcome("crashed", self._worker.last_words(), loading=self._loading)
