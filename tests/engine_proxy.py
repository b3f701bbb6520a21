"""A stand between the grader and the engine: it passes everything on until it is told to die or to fall silent."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

CHUNK = 1 << 16


class EngineProxy:
    """Listens on a socket of its own and connects each caller with the engine's."""

    def __init__(self, path: Path, engine: str) -> None:
        self.host = f"unix://{path}"
        self._engine = engine
        self._sockets: list[socket.socket] = []
        self._talking = threading.Event()
        self._talking.set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self) -> None:
        """Break every connection and refuse new ones, as an engine does that was killed."""
        self._talking.set()
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def fall_silent(self) -> None:
        """Accept and pass on nothing more, as an engine does that hangs."""
        self._talking.clear()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(self._engine)
            self._sockets += [caller, upstream]
            for source, target in ((caller, upstream), (upstream, caller)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self._talking.wait()
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
