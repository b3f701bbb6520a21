"""Runs a story through the whole grader, and looks at what is left of the world around it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from grader.codec import encode
from grader.collect import CollectError
from grader.execute import PATIENCE
from grader.model import FunctionResult, Report
from grader.pipeline import Request, grade, prepare
from grader.report import write_feedback
from grader.visibility import public
from sandbox import session
from sandbox.base import Limits, Sandbox
from tests.redteam.story import OUTSIDE, REFUSED, Story, filled

COURSE = Path(__file__).with_name("course")
CHAPTERS = {"affine": "patient", "order": "indices", "mean": "scalar"}
LIMITS = Limits(memory_bytes=512 << 20, processes=40, load_deadline_s=3.0)
GRACE_S = 1.0
START_S = 60.0  # for all that is not a deadline, on a busy machine
DYING_S = 5.0
REMOVAL_S = 30.0


@dataclass
class Yard:
    """The ground of one story: folders for the submission and the boxes, and things that must stay as they are."""

    root: Path
    token: str
    listeners: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("submission", "boxes", "canary", "out"):
            (self.root / name).mkdir()
        self.canary = self.root / "canary" / "untouched"
        self.canary.write_text(f"canary {self.token}\n")
        self.canary.chmod(0o600)
        for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, f"\0{self.token}")):
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.bind(address)
            listener.listen()
            listener.setblocking(False)
            self.listeners.append(listener)

    @property
    def names(self) -> dict[str, str]:
        """What the names in a story's files stand for."""
        return {
            "CANARY": str(self.canary),
            "PORT": str(self.listeners[0].getsockname()[1]),
            "PID_NS": os.readlink("/proc/self/ns/pid"),
            "PID": str(os.getpid()),
            "COURSE": str(COURSE),
            "TOKEN": self.token,
        }

    def secret(self) -> str:
        return f"secret-{self.token}"

    def place(self, story: Story) -> None:
        """Write the submission."""
        for name, content in story.contents(self.names).items():
            path = self.root / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                os.mkfifo(path)
            else:
                path.write_bytes(content)
        for name, target in story.links.items():
            (self.root / "submission" / name).symlink_to(filled(target, self.names))

    def seen(self) -> dict[str, tuple[int, int, bytes]]:
        """Return everything that must not change: names, modes, times and contents."""
        found = {}
        for path in sorted([*(self.root / "submission").rglob("*"), *(self.root / "canary").rglob("*"), self.root]):
            status = path.lstat()
            is_file = path.is_file() and not path.is_symlink()
            found[str(path)] = (status.st_mode, status.st_mtime_ns, path.read_bytes() if is_file else b"")
        return found

    def connected(self) -> bool:
        """Whether anybody has connected to this machine's listeners."""
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                return True
        return False

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()
        # Not by recursion: a story may have left a tree deeper than Python's stack.
        subprocess.run(["rm", "-rf", str(self.root)], check=True)


def complaints(story: Story, sandbox: Sandbox, yard: Yard) -> list[str]:
    """Grade the story's submission and return everything that is not as it should be."""
    yard.place(story)
    seen, cwd, children = yard.seen(), os.getcwd(), set(_children())
    started = time.monotonic()
    with _failures_of_threads() as found:
        report = _graded(story, sandbox, yard)
    seconds = time.monotonic() - started
    found += [f"still there: {survivor}" for survivor in (*_ended(children), *_containers(sandbox))]
    if seconds > _bound():
        found.append(f"took {seconds:.0f} s")
    if os.getcwd() != cwd:
        found.append("the grader's working directory has changed")
    if left := sorted(path.name for path in (yard.root / "boxes").iterdir()):
        found.append(f"left in the folder of the boxes: {left}")
    found += _judged(story, sandbox.name, report, yard)
    if story.promised(sandbox.name) and yard.seen() != seen:
        found.append("files outside the box have changed")
    if OUTSIDE.exists():
        found.append(f"{OUTSIDE} is there")
    if story.promised(sandbox.name) and yard.connected():
        found.append("somebody has connected to this machine")
    return found


@contextlib.contextmanager
def _failures_of_threads() -> Iterator[list[str]]:
    failures: list[str] = []
    usual = threading.excepthook
    threading.excepthook = lambda args: failures.append(f"a thread of the grader fails: {args.exc_type.__name__}")
    try:
        yield failures
    finally:
        threading.excepthook = usual


def _graded(story: Story, sandbox: Sandbox, yard: Yard) -> Report | str:
    hurried = story.attacked == "affine" and not story.takes_its_time(sandbox.name)
    chapter = "hurried" if hurried else CHAPTERS[story.attacked]
    try:
        prepared = prepare(
            Request(
                yard.root / "submission" / story.submission, COURSE, ("before", chapter, "after"), secret=yard.secret()
            )
        )
    except CollectError as error:
        return str(error)
    return grade(prepared, sandbox)


def _judged(story: Story, backend: str, report: Report | str, yard: Yard) -> Iterator[str]:
    allowed = story.verdicts(backend)
    if isinstance(report, str):
        if REFUSED not in allowed or "\n" in report:
            yield f"collecting refused it: {report}"
        return
    if report.outcome != "graded":
        yield f"the outcome is {report.outcome}: {report.faults}"
    for function in report.functions:
        wanted = allowed if function.name == story.attacked else frozenset(story.others.split())
        verdicts = _verdicts(function)
        if not verdicts <= wanted:
            summaries = {check.summary for check in function.checks}
            yield f"{function.name}: {sorted(verdicts)} where {sorted(wanted)} are allowed: {summaries}"
        if "pass" not in wanted and function.hundredths:
            yield f"{function.name} earns {function.hundredths}"
        if wanted == {"pass"} and function.hundredths != function.max_hundredths:
            yield f"{function.name} earns {function.hundredths} of {function.max_hundredths}"
    student = public(report, datetime.now(UTC))
    write_feedback(student, yard.root / "out")
    write_feedback(report, yard.root / "out")
    texts = {"results.json": encode(student), "staff.json": encode(report)}
    texts |= {path.name: path.read_bytes() for path in (yard.root / "out").iterdir()}
    for name, text in texts.items():
        if yard.secret().encode() in text:
            yield f"the secret is in {name}"
        if f"canary {yard.token}".encode() in text and story.promised(backend):
            yield f"the canary's content is in {name}"
        if f"leak-{yard.token}".encode() in text and not name.startswith("staff"):
            yield f"a hidden input may be in {name}"
    for name in ("feedback", "staff"):
        if b"<script>alert" in texts[f"{name}.html"] or "<script>alert" in _prose(texts[f"{name}.md"].decode()):
            yield f"live markup is in {name}"


def _prose(markdown: str) -> str:
    """Return Markdown without its code, where markup means nothing."""
    return re.sub(r"(`+)[^`].*?\1", "", re.sub(r"^(```+).*?^\1$", "", markdown, flags=re.MULTILINE | re.DOTALL))


def _verdicts(function: FunctionResult) -> set[str]:
    return {check.verdict.value for check in function.checks if check.kind == "values"}


def _bound() -> float:
    """Return what all deadlines of a story come to, when each box is lost twice and every call waits to the end."""
    waiting = LIMITS.load_deadline_s + 20.0 + session.GRACE_S
    return START_S + 3 * 2 * PATIENCE * waiting


def _children() -> Iterator[int]:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process.pid


def _ended(before: set[int]) -> list[str]:
    """Return the processes that live on, and end them; orphans come to this process, the subreaper of the tests."""
    end = time.monotonic() + DYING_S
    while (left := set(_children()) - before) and time.monotonic() < end:
        time.sleep(0.02)
    named = []
    for pid in left:
        with contextlib.suppress(psutil.Error):
            named.append(f"process {' '.join(psutil.Process(pid).cmdline())[-60:]}")
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    return named


def _containers(sandbox: Sandbox) -> list[str]:
    """Return the containers that have not been removed; the backend does it in the background."""
    if sandbox.name != "docker":
        return []
    from sandbox.engine import engine
    from sandbox.leftovers import RUN_LABEL

    label = f"{RUN_LABEL}={sandbox._run}"  # type: ignore[attr-defined]
    end = time.monotonic() + REMOVAL_S
    with engine() as client:
        while left := client.containers.list(all=True, ignore_removed=True, filters={"label": label}):
            if time.monotonic() > end:
                return [f"container {container.short_id}" for container in left]
            time.sleep(0.05)
    return []
