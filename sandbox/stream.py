"""Byte streams to and from a box, over a socket with deadlines: plain, and with the engine's multiplex of outputs."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Sequence

ERRORS_CAP = 4096
HEADER = 8
STDOUT, STDERR = 1, 2


class Stream:
    """A connected socket whose operations keep monotonic deadlines."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def send(self, buffers: Sequence[bytes | bytearray | memoryview], deadline: float) -> None:
        """Write everything. Raises TimeoutError and OSError."""
        from sandbox.wire import joined  # with it comes NumPy, which the start of a box need not wait for

        for buffer in joined(buffers):
            self._until(deadline)
            self._socket.sendall(buffer)

    def receive_into(self, room: memoryview, deadline: float) -> int:
        """Read some bytes, 0 at the end. Raises TimeoutError and OSError."""
        self._until(deadline)
        return self._socket.recv_into(room)

    def shut(self) -> None:
        """End the stream in both directions, so that nobody waits for it to be read."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the stream and release the socket."""
        self.shut()
        self._socket.close()

    def _until(self, deadline: float) -> None:
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))


class Multiplex(Stream):
    """The engine's stream: stretches of stdout and stderr, each behind a header that can arrive in pieces."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(connected)
        self._left = 0
        self.errors = b""

    def receive_into(self, room: memoryview, deadline: float) -> int:
        """Read some bytes of stdout; keep the end of stderr in `errors`."""
        while not self._left:
            header = self._exactly(HEADER, deadline)
            if len(header) < HEADER:
                return 0
            length = int.from_bytes(header[4:], "big")
            if header[0] == STDOUT:
                self._left = length
            elif header[0] != STDERR:
                raise OSError("the attach stream is not a multiplex")
            elif not self._keep(length, deadline):
                return 0
        count = super().receive_into(room[: self._left], deadline)
        self._left -= count
        return count

    def _keep(self, length: int, deadline: float) -> bool:
        while length:
            text = self._exactly(min(length, ERRORS_CAP), deadline)
            if not text:
                return False
            length -= len(text)
            self.errors = (self.errors + text)[-ERRORS_CAP:]
        return True

    def _exactly(self, size: int, deadline: float) -> bytes:
        """Return `size` bytes, or what came before the end of the stream."""
        buffer, have = bytearray(size), 0
        while have < size and (count := super().receive_into(memoryview(buffer)[have:], deadline)):
            have += count
        return bytes(buffer[:have])


def last_line(text: bytes) -> str:
    """Return the last line of a program's errors, where Python says what went wrong."""
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
