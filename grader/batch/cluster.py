"""Workers of a Dask cluster that runs already; one that dies loses nothing, since its jobs run elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grader.batch import remote
from grader.batch.find import BatchError, HaltedError
from grader.batch.keys import course_digest
from grader.batch.model import Done, Job, Setup

if TYPE_CHECKING:
    from distributed import Future

CONNECT_S, WORKER_S = 30, 120
SCHEMES = ("tcp://", "tls://", "ws://", "wss://", "ucx://")
AHEAD = 2  # jobs for each thread of the cluster, so that none waits for the next


class Cluster:
    """The cluster at the address of its scheduler.

    Raises BatchError without the library or with an address that is none; HaltedError when no scheduler answers, no
    worker comes, or a worker has another course or engine.
    """

    travels = True

    def __init__(self, setup: Setup, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise BatchError("--scheduler needs Dask: pip install 'kernel-grader[cluster]'.") from error
        if not address.startswith(SCHEMES):
            raise BatchError(f"--scheduler: {address!r} is no address such as tcp://HOST:8786.")
        self._task = remote.Task(setup, remote.facts(setup, course_digest(setup.request.course)))
        try:
            self._client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise HaltedError(f"no Dask scheduler answers at {address}: {error}.") from error
        try:
            self._client.wait_for_workers(1, timeout=WORKER_S)
            _agree(self._client.run(remote.differences, self._task))
        except TimeoutError as error:
            self.close()
            raise HaltedError(f"the scheduler at {address} has no workers: start some with `dask worker`.") from error
        except BaseException:
            self.close()
            raise

    def run(self, jobs: Iterator[Job]) -> Iterator[Done]:
        """Yield the outcomes as they come; a few more jobs than fit are on their way. Raises HaltedError."""
        from distributed import as_completed

        sent: dict[str, Job] = {}
        coming = as_completed(loop=self._client.loop)
        while True:
            room = AHEAD * max(1, sum(self._client.nthreads().values())) - len(sent)
            for job in _taken(jobs, room):
                # Not pure: a job that is given again is to be graded again.
                future = self._client.submit(remote.grade, self._task, job, pure=False)
                sent[future.key] = job
                coming.add(future)
            if not sent:
                return
            future = next(coming)
            yield _outcome(future, sent.pop(future.key))

    def close(self) -> None:
        """Let the workers end their sandboxes, and leave them to their cluster."""
        try:
            self._client.run(remote.release, on_error="ignore")
        finally:
            self._client.close()


def _taken(jobs: Iterator[Job], count: int) -> Iterator[Job]:
    for _ in range(count):
        if (job := next(jobs, None)) is None:
            return
        yield job


def _outcome(future: Future, job: Job) -> Done:
    from distributed.scheduler import KilledWorker

    from grader.batch.worker import unscored

    try:
        done: Done = future.result()
        return done
    except BatchError:
        raise
    except KilledWorker:
        return unscored(job, "fault", "the workers that graded it died, one after the other")
    except Exception as error:  # whatever the cluster says of a job costs that job its grade, and not the batch
        return unscored(job, "fault", f"the cluster: {type(error).__name__}: {error}")
    finally:
        future.release()


def _agree(found: dict[str, Any]) -> None:
    """Raise HaltedError when a worker would grade something else, or in another way."""
    for worker, differences in sorted(found.items()):
        if differences:
            raise HaltedError(f"the worker {worker} has {'; '.join(differences)}.")
