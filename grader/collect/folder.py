"""Reads a submission that lies in a folder, or is a single file."""

from __future__ import annotations

import os
import stat
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.collect.files import MAX_BYTES, MAX_ENTRIES, Entry, Intake, RefusedError, admitted, too_large, walk


def read_files(path: Path) -> Intake:
    """Read every .py and .ipynb file at or below the path."""
    intake = Intake(path.resolve().stem)
    if os.path.isdir(path):
        root, found = path, walk(lambda folder: listing(path, folder), intake)
    else:
        root, found = path.parent, [Entry(PurePosixPath(path.name), "file")]
    for name, entry in admitted(found, intake):
        try:
            intake.contents[name] = read(root / entry.path, entry.suffix)
        except RefusedError as refused:
            intake.refuse(name, str(refused))
    return intake


def listing(root: Path, folder: PurePosixPath) -> list[Entry]:
    """Return what a folder holds, as much of it as is ever looked at."""
    try:
        with os.scandir(root / folder) as content:
            return [described(entry, folder) for entry in islice(content, MAX_ENTRIES + 1)]
    except OSError as error:
        raise RefusedError(f"could not be read: {error.strerror}") from error


def described(entry: os.DirEntry[str], folder: PurePosixPath) -> Entry:
    """Return an entry of a folder without following it."""
    path = folder / entry.name
    if entry.is_symlink():
        return Entry(path, "link")
    if entry.is_dir(follow_symlinks=False):
        return Entry(path, "folder")
    status = entry.stat(follow_symlinks=False)
    return Entry(path, "file" if stat.S_ISREG(status.st_mode) else "other", status.st_size)


def read(path: Path, suffix: str) -> bytes:
    """Return the bytes of a regular file, and never read past the limit of its kind."""
    try:
        with opened(path) as file:
            data = file.read(MAX_BYTES[suffix] + 1)
    except OSError as error:
        raise RefusedError(f"could not be read: {error.strerror}") from error
    if len(data) > MAX_BYTES[suffix]:
        raise RefusedError(too_large(suffix))
    return data


def opened(path: Path) -> BinaryIO:
    """Open a regular file, without following a link or waiting for a pipe. Raises RefusedError and OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        raise RefusedError("is a link and was not read: hand in the file itself")
    if not stat.S_ISREG(mode):
        raise RefusedError("is not a regular file and was not read")
    return open(os.open(path, flags), "rb", buffering=0)
