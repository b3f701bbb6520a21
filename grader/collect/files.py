"""Which files of a submission count, in a folder and in an archive alike: bounded, never through a link."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Literal, TypeAlias

from grader.model import Location, Problem

Kind: TypeAlias = Literal["file", "folder", "link", "other"]

SUFFIXES = (".py", ".ipynb")
SETTINGS = "grader.toml"  # at the top of a submission, where it may say which functions are meant
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")
OTHER_ARCHIVES = (".7z", ".rar", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
SKIPPED_FOLDERS = frozenset({"__pycache__", "venv", "site-packages", "node_modules", "grader-results", "__MACOSX"})
MAX_FILES = 200
MAX_DEPTH = 20
MAX_ENTRIES = 20_000
MAX_BYTES = {".py": 1 << 20, ".ipynb": 100 << 20, ".toml": 16 << 10}
# Of all files together; notebooks carry their figures, so most of their bytes are not source.
MAX_TOTAL_BYTES = {".py": 10 << 20, ".ipynb": 100 << 20, ".toml": 16 << 10}


class RefusedError(Exception):
    """A file is not read; the message completes the sentence that starts with its name."""


@dataclass(slots=True)
class Intake:
    """The bytes of the files that were read, by relative path, and what was noticed on the way.

    `root` is the name of the folder that the paths are relative to.
    """

    root: str
    contents: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def settings(self) -> bytes | None:
        """The bytes of `grader.toml`, if there is one."""
        return self.contents.get(SETTINGS)

    def refuse(self, file: str, why: str) -> None:
        """Say that a file does not count, and why."""
        self.problems.append(Problem(f"{file} {why}", Location(file, 1)))

    def sha256(self) -> str:
        """Identify what was read: names and bytes, in order of names."""
        whole = hashlib.sha256()
        for name, data in sorted(self.contents.items()):
            whole.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds under a name, before anything is read.

    `size` is a claim, in bytes; `refusal` says why an archive does not give the file, and `member` which one it is.
    """

    path: PurePosixPath
    kind: Kind
    size: int = 0
    refusal: str = ""
    member: int = 0

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    @property
    def ignored(self) -> bool:
        """Whether nobody misses it: hidden, installed or made by a tool."""
        return self.path.name.startswith(".") or (self.kind == "folder" and self.path.name in SKIPPED_FOLDERS)


Listing = Callable[[PurePosixPath], Sequence[Entry]]


def walk(listing: Listing, intake: Intake) -> list[Entry]:
    """Find the files that may hold Python; nothing hidden or installed is entered, and no link is followed.

    `listing` returns what the folder at a path holds, or raises RefusedError.
    """
    found: list[Entry] = []
    root = PurePosixPath()
    folders = [root]
    entries = 0
    for folder in folders:
        try:
            content = sorted(listing(folder), key=lambda entry: entry.path.name)
        except RefusedError as refused:
            intake.refuse(printable(folder), str(refused))
            continue
        if folder != root and any(entry.path.name == "pyvenv.cfg" for entry in content):
            continue  # a virtual environment, whatever its name
        entries += len(content)
        if entries > MAX_ENTRIES:
            intake.problems.append(Problem(f"only the first {MAX_ENTRIES} files and folders were looked at"))
            break
        for entry in content:
            if entry.ignored:
                continue
            if entry.kind != "folder":
                found += [entry] if counts(entry, intake) else []
            elif len(entry.path.parts) <= MAX_DEPTH:
                folders.append(entry.path)
            else:
                intake.refuse(printable(entry.path), f"is more than {MAX_DEPTH} folders deep and was not looked at")
    return found


def counts(entry: Entry, intake: Intake) -> bool:
    """Whether an entry that is no folder is a file to read, saying so where a student may expect that it is."""
    if entry.suffix in SUFFIXES or str(entry.path) == SETTINGS:
        if entry.kind == "link":
            intake.refuse(printable(entry.path), "is a link and was not read: hand in the file itself")
        elif entry.kind == "other":
            intake.refuse(printable(entry.path), "is not a regular file and was not read")
        return entry.kind == "file"
    if entry.kind == "link" and not entry.path.suffix:
        intake.refuse(printable(entry.path), "is a link, which is not followed")
    elif entry.path.name.lower().endswith((*ARCHIVES, *OTHER_ARCHIVES)):
        intake.refuse(printable(entry.path), "is an archive and was not opened: hand in what is in it")
    return False


def admitted(found: Sequence[Entry], intake: Intake) -> Iterator[tuple[str, Entry]]:
    """Yield the files to read and the names to show, the outermost first when there are too many."""
    left = dict(MAX_TOTAL_BYTES)
    names = set()
    for number, entry in enumerate(sorted(found, key=lambda one: (len(one.path.parts), one.path.parts))):
        name, limit = printable(entry.path), MAX_BYTES[entry.suffix]
        if number == MAX_FILES:
            rest = len(found) - MAX_FILES
            others = f" and {rest - 1} more" if rest > 1 else ""
            intake.problems.append(Problem(f"{name}{others} not read: there are more than {MAX_FILES} files"))
            break
        if entry.refusal:
            intake.refuse(name, entry.refusal)
        elif entry.size > limit:
            intake.refuse(name, too_large(entry.suffix))
        elif entry.size > left[entry.suffix]:
            total = mebibytes(MAX_TOTAL_BYTES[entry.suffix])
            intake.refuse(
                name, f"is too much: all {entry.suffix} files together may hold {total}{advice(entry.suffix)}"
            )
        elif name in names:
            intake.refuse(name, "stands for several files whose names cannot be shown: rename them")
        else:
            left[entry.suffix] -= entry.size
            names.add(name)
            yield name, entry


def too_large(suffix: str) -> str:
    """Return why a file is not read that holds more than one of its kind may."""
    return f"is larger than {mebibytes(MAX_BYTES[suffix])} and was not read{advice(suffix)}"


def advice(suffix: str) -> str:
    """Return how a file gets smaller, where that is clear."""
    return ": clear the outputs of its cells and save it again" if suffix == ".ipynb" else ""


def mebibytes(size: int) -> str:
    """Return a size as the messages show it."""
    return f"{size >> 20} MiB"


def printable(path: PurePath) -> str:
    """Return a relative path with slashes; what is no text or cannot be seen becomes a replacement character."""
    text = os.fsencode(PurePosixPath(*path.parts)).decode("utf-8", "replace")
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
