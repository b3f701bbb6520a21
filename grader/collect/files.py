"""Finds and reads the files of a submission: bounded, never through a link, and strict about text."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import stat
import tokenize
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from grader.model import Location, Problem

SUFFIXES = (".py", ".ipynb")
SKIPPED_FOLDERS = frozenset({"__pycache__", "venv", "site-packages", "node_modules", "grader-results"})
MAX_FILES = 200
MAX_DEPTH = 20
MAX_ENTRIES = 20_000
MAX_BYTES = {".py": 1 << 20, ".ipynb": 50 << 20}
# Of all files together; notebooks carry their figures, so most of their bytes are not source.
MAX_TOTAL_BYTES = {".py": 10 << 20, ".ipynb": 100 << 20}


class RefusedError(Exception):
    """A file is not read; the message completes the sentence that starts with its name."""


@dataclass(slots=True)
class Intake:
    """The bytes of the files that were read, by relative path, and what was noticed on the way."""

    contents: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, file: str, why: str) -> None:
        """Say that a file does not count, and why."""
        self.problems.append(Problem(f"{file} {why}", Location(file, 1)))

    def sha256(self) -> str:
        """Identify what was read: names and bytes, in order of names."""
        whole = hashlib.sha256()
        for name, data in sorted(self.contents.items()):
            whole.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        return whole.hexdigest()


def read_files(path: Path) -> Intake:
    """Read every .py and .ipynb file at or below the path, the outermost first when there are too many."""
    intake = Intake()
    found = [path] if not path.is_dir() else walk(path, intake)
    root = path if path.is_dir() else path.parent
    left = dict(MAX_TOTAL_BYTES)
    for number, file in enumerate(sorted(found, key=lambda f: (len(f.parts), f.parts))):
        name = printable(file.relative_to(root))
        if number == MAX_FILES:
            rest = len(found) - MAX_FILES
            others = f" and {rest - 1} more" if rest > 1 else ""
            intake.problems.append(Problem(f"{name}{others} not read: there are more than {MAX_FILES} files"))
            break
        suffix = file.suffix.lower()
        try:
            data = read(file, MAX_BYTES[suffix])
            if len(data) > left[suffix]:
                raise RefusedError(
                    f"is too much: all {suffix} files together may hold {mebibytes(MAX_TOTAL_BYTES[suffix])}"
                )
        except RefusedError as refused:
            intake.refuse(name, str(refused))
            continue
        left[suffix] -= len(data)
        intake.contents[name] = data
    return intake


def walk(root: Path, intake: Intake) -> list[Path]:
    """List the files that may hold Python; no link is followed and nothing hidden or installed is entered."""
    found: list[Path] = []
    folders = [root]
    entries = 0
    for folder in folders:
        try:
            with os.scandir(folder) as listing:
                content = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            intake.refuse(printable(folder.relative_to(root)), f"could not be read: {error.strerror}")
            continue
        if folder != root and any(entry.name == "pyvenv.cfg" for entry in content):
            continue  # a virtual environment, whatever its name
        entries += len(content)
        if entries > MAX_ENTRIES:
            intake.problems.append(Problem(f"only the first {MAX_ENTRIES} files and folders were looked at"))
            break
        for entry in content:
            path = folder / entry.name
            wanted = path.suffix.lower() in SUFFIXES
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED_FOLDERS and len(path.relative_to(root).parts) <= MAX_DEPTH:
                    folders.append(path)
            elif wanted:
                found.append(path)
            elif entry.is_symlink() and not path.suffix:
                intake.refuse(printable(path.relative_to(root)), "is a symbolic link, which is not followed")
    return found


def read(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file, without following a link, waiting for a pipe or reading past the limit."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            raise RefusedError("is a symbolic link and was not read: hand in the file itself")
        if not stat.S_ISREG(mode):
            raise RefusedError("is not a regular file and was not read")
        with open(os.open(path, flags), "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise RefusedError(f"could not be read: {error.strerror}") from error
    if len(data) > limit:
        raise RefusedError(f"is larger than {mebibytes(limit)} and was not read")
    return data


def mebibytes(size: int) -> str:
    """Return a size as the messages show it."""
    return f"{size >> 20} MiB"


def decode(data: bytes) -> str:
    """Return the text of a .py file with plain newlines, if it is strictly UTF-8."""
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedError("contains NUL bytes, which Python does not accept: save it again as plain text")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        decode_utf8(data)
        raise RefusedError("declares an encoding that does not fit it: remove the coding line") from None
    if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
        raise RefusedError(f"declares {encoding}: save it as UTF-8 and remove the coding line")
    return universal(decode_utf8(data))


def decode_utf8(data: bytes) -> str:
    """Return the text without its byte order mark, or say which byte is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RefusedError(
            f"is not UTF-8 text (byte 0x{data[error.start]:02x} in line {line}): save it as UTF-8"
        ) from None


def universal(text: str) -> str:
    """Return the text with the newlines that Python's parser sees."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def printable(path: Path) -> str:
    """Return a relative path with slashes; bytes that are no text become replacement characters."""
    return os.fsencode(PurePosixPath(*path.parts)).decode("utf-8", "replace")
