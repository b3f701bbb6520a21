"""Grades one submission after another: the course is loaded, planned and answered once, and the sandbox stays."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from grader.batch.digest import record_of
from grader.batch.model import RECORD_SCHEMA, Done, Job, Record, Setup, State
from grader.collect import CollectError, Taken, search, take
from grader.model import Submission
from grader.pipeline import Prepared, grade, material
from grader.plan import plan, wanted_names
from grader.results import files_of
from grader.trials import Trials
from grader.visibility import public
from sandbox.base import Limits, Sandbox, SandboxUnavailable
from sandbox.select import choose

NOTE = 500
NO_SANDBOX = (
    "only the process sandbox works here, which does not protect against hostile code: set up Docker "
    "(grader sandbox build) or bubblewrap, or give --sandbox process."
)


class Grader:
    """A course that is ready and a sandbox that stays warm. Raises what a wrong request or a missing sandbox raise."""

    def __init__(self, setup: Setup) -> None:
        self._request = request = setup.request
        self._sandbox: Sandbox = choose(setup.backend, request.framework, setup.runtime, request.device)  # type: ignore[arg-type]
        try:
            if self._sandbox.name == "process" != setup.backend:
                raise SandboxUnavailable(NO_SANDBOX)
            self._sandbox.warm(request.framework, Limits.for_framework(request.framework, request.device), keep=1)
            self._assignment, course = material(request)
            self._wanted = wanted_names(self._assignment, course, request.framework)
            self._plan = plan(self._assignment, course, request.framework, request.secret, request.speed)
            self._trials = Trials(course.topics, request.framework, request.secret)
        except BaseException:
            self._sandbox.close()
            raise

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()

    def grade(self, job: Job) -> Done:
        """Return the outcome of a job, whatever it is: reports, a refusal, or a fault of ours."""
        begin = time.monotonic()
        try:
            with unpacked(job) as taken:
                return self._graded(job, search(taken, self._wanted), begin)
        except CollectError as error:
            return unscored(job, "refused", str(error), time.monotonic() - begin)
        except SandboxUnavailable as error:
            return unscored(job, "fault", str(error), time.monotonic() - begin)
        except Exception as error:  # whatever we did not foresee costs one submission its grade, and not the batch
            return unscored(job, "fault", f"our own fault: {type(error).__name__}: {error}", time.monotonic() - begin)

    def _graded(self, job: Job, submission: Submission, begin: float) -> Done:
        request = replace(self._request, submission=Path(job.name))
        started = datetime.now(UTC)
        prepared = Prepared(request, self._assignment, submission, self._plan, self._trials, started)
        report = grade(prepared, self._sandbox)
        record = record_of(report, key=job.key, folder=job.folder, name=job.name)
        record = replace(record, seconds=round(time.monotonic() - begin, 3))
        return Done(record, files_of(public(report, datetime.now(UTC)), report))


@contextmanager
def unpacked(job: Job) -> Iterator[Taken]:
    """Yield the files of a hand-in. Raises CollectError."""
    parcel = job.parcel
    if parcel.refusal:
        raise CollectError(parcel.refusal)
    if parcel.taken is not None:
        yield parcel.taken
    elif isinstance(parcel.archive, Path):
        yield take(parcel.archive, job.name)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / parcel.archive_name
            path.write_bytes(parcel.archive)
            yield take(path, job.name)


def unscored(job: Job, state: State, note: str, seconds: float = 0.0) -> Done:
    """Return the outcome of a job that gave no report."""
    text = " ".join(note.encode("utf-8", "replace").decode().split())[:NOTE]
    record = Record(
        RECORD_SCHEMA,
        job.key,
        job.folder,
        job.name,
        state,
        None,
        0,
        (),
        text,
        round(seconds, 3),
    )
    return Done(record, {})
