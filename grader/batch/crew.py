"""Workers on this machine: processes that each grade one submission at a time, and are replaced when they die."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from grader.batch.find import BatchError, HaltedError
from grader.batch.model import Done, Job, Setup

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

END_S = 15.0
# As many workers as cores, each with as many threads, would wait for each other.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(slots=True, eq=False)
class Worker:
    """A process, the connection to it, and the job that it has."""

    process: SpawnProcess
    connection: Connection
    job: Job | None = None


class Crew:
    """So many workers, started with the first job."""

    travels = False

    def __init__(self, setup: Setup, jobs: int) -> None:
        self._setup, self._count = setup, jobs
        self._workers: list[Worker] = []

    def run(self, jobs: Iterator[Job]) -> Iterator[Done]:
        """Yield the outcomes as they come. Raises BatchError when a worker cannot begin."""
        waiting = next(jobs, None)
        while waiting is not None or any(worker.job for worker in self._workers):
            for worker in self._idle(waiting is not None):
                if waiting is not None:
                    worker.connection.send(waiting)
                    worker.job = waiting
                    waiting = next(jobs, None)
            busy = {worker.connection: (worker, worker.job) for worker in self._workers if worker.job}
            for connection in wait(list(busy)):
                yield self._received(*busy[connection])  # type: ignore[index]

    def close(self) -> None:
        """End the workers: those that grade are interrupted, and take their boxes with them."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(END_S)
            worker.process.kill()
            worker.connection.close()
        self._workers.clear()

    def _idle(self, wanted: bool) -> list[Worker]:
        while wanted and len(self._workers) < self._count:
            self._workers.append(_started(self._setup))
        return [worker for worker in self._workers if not worker.job]

    def _received(self, worker: Worker, job: Job) -> Done:
        try:
            answer: Done | BatchError = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(END_S)
            self._workers.remove(worker)
            return _lost(job, f"the process that graded it ended with {worker.process.exitcode}")
        if isinstance(answer, BatchError):
            raise answer
        worker.job = None
        return answer


def serve(connection: Connection, setup: Setup) -> None:
    """Grade what arrives, until nothing more does or the parent is gone; a worker's life."""
    from grader.batch.worker import Grader
    from grader.interrupt import ended, interruptible
    from sandbox.base import SandboxUnavailable

    with contextlib.suppress(KeyboardInterrupt, EOFError, OSError), interruptible():
        threading.Thread(target=_follow_parent, daemon=True).start()
        job = connection.recv()
        try:
            grader = Grader(setup)
        except SandboxUnavailable as error:
            connection.send(HaltedError(str(error)))
            return
        with ended(grader):
            while True:
                connection.send(grader.grade(job))
                job = connection.recv()


def _lost(job: Job, why: str) -> Done:
    from grader.batch.worker import unscored

    return unscored(job, "fault", why)


def _started(setup: Setup) -> Worker:
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold
    ours, its = context.Pipe()
    process = context.Process(target=serve, args=(its, setup), name="grader worker", daemon=False)
    with _environment(dict.fromkeys(ONE_THREAD, "1")):
        process.start()
    its.close()
    return Worker(process, ours)


def _follow_parent() -> None:
    """End this process when the one that started it has ended, however that was."""
    parent: Any = multiprocessing.parent_process()
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    """Set variables that are not set, for what is started meanwhile."""
    new = {name: value for name, value in added.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]
