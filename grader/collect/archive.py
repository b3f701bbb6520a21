"""Reads a submission that is an archive, as if the folder in it had been handed in; nothing of it is written to disk.

Unpacking happens in a limited child: the bounds on what a stream unpacks to would do in this process, but the libraries
that read zips and tars have had endless loops and unbounded headers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeAlias

import msgspec

from grader.collect.files import MAX_DEPTH, Entry, Intake, Kind, RefusedError, admitted, mebibytes, printable, walk
from grader.collect.folder import opened
from grader.collect.limited import command, heard

MAX_ARCHIVE_BYTES = 500 << 20
MAX_NAME = 1000
DEADLINE_S = 60.0
GIVEN_UP = "could not be unpacked within the limits of time and memory: leave data out, or make the archive again"
FOLDER = -1
DRIVE = re.compile("[A-Za-z]:")


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the archive claims about a member; `refusal` says why it cannot be read."""

    name: str
    kind: Kind
    size: int
    refusal: str


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member that was read: so many bytes follow, or `refusal` says why there are none."""

    number: int
    size: int
    refusal: str


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to `list`, up to the error that ended it."""

    members: tuple[Member, ...]
    error: str


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to `read`, up to the error that ended it."""

    members: tuple[Content, ...]
    error: str


# The members of each folder by their names; a folder has no number, since archives need not list folders.
Tree: TypeAlias = "dict[tuple[str, ...], dict[str, int]]"


def read_archive(path: Path, stem: str) -> Intake:
    """Read every .py and .ipynb file in an archive. Raises RefusedError when it cannot be read as a whole."""
    try:
        with opened(path) as archive:
            if archive.seek(0, 2) > MAX_ARCHIVE_BYTES:
                raise RefusedError(f"is larger than {mebibytes(MAX_ARCHIVE_BYTES)}: leave data out")
            return read_members(archive, stem)
    except OSError as error:
        raise RefusedError(f"could not be read: {error.strerror}") from error


def read_members(archive: BinaryIO, stem: str) -> Intake:
    """List the archive, choose as in a folder, and read what was chosen."""
    line, _ = asked(archive, "list")
    listed = msgspec.json.decode(line, type=Listed)
    if listed.error:
        raise RefusedError(listed.error)
    intake = Intake(stem)
    tree = tree_of(listed.members, intake)
    root = root_of(tree, listed.members)
    if root:
        intake.root = PurePosixPath(root[0]).stem

    def listing(folder: PurePosixPath) -> Sequence[Entry]:
        return [entry(folder / name, n, listed.members) for name, n in tree[root + folder.parts].items()]

    names = {chosen.member: name for name, chosen in admitted(walk(listing, intake), intake)}
    if names:
        fill(intake, names, archive)
    return intake


def entry(path: PurePosixPath, number: int, members: Sequence[Member]) -> Entry:
    """Return a member, or a folder, as an entry of the folder that it lies in."""
    if number == FOLDER:
        return Entry(path, "folder")
    member = members[number]
    return Entry(path, member.kind, member.size, member.refusal, number)


def tree_of(members: Sequence[Member], intake: Intake) -> Tree:
    """Return the folders of the archive, saying which members have no place in them."""
    tree: Tree = {(): {}}
    for number, member in enumerate(members):
        try:
            parts = parts_of(member.name)
            if not parts and member.kind != "folder":
                raise RefusedError("has no name and was not read: make the archive with another tool")
            is_folder = member.kind == "folder" or len(parts) > MAX_DEPTH + 2  # deeper ones are never looked at
            folder = folder_at(tree, parts[: MAX_DEPTH + 2] if is_folder else parts[:-1])
            if is_folder:
                continue
            old = folder.setdefault(parts[-1], number)
            if old == FOLDER:
                raise RefusedError("is a file and a folder at once in the archive: rename one")
            if old != number:
                folder[parts[-1]] = number
                raise RefusedError("is in the archive more than once: the last one counts")
        except RefusedError as refused:
            intake.refuse(printable(PurePosixPath(member.name[:MAX_NAME])), str(refused))
    return tree


def folder_at(tree: Tree, parts: tuple[str, ...]) -> dict[str, int]:
    """Return what lies in a folder, which need not have been listed."""
    for depth, name in enumerate(parts):
        if tree[parts[:depth]].setdefault(name, FOLDER) != FOLDER:
            raise RefusedError("is a file and a folder at once in the archive: rename one")
        tree.setdefault(parts[: depth + 1], {})
    return tree[parts]


def parts_of(name: str) -> tuple[str, ...]:
    """Return the parts of a member's name, if it is a plain relative path on every system."""
    if len(name) > MAX_NAME:
        raise RefusedError(f"has a name of more than {MAX_NAME:,} characters and was not read: rename it")
    if "\0" in name or "\\" in name:
        raise RefusedError("has a NUL or a backslash in its name and was not read: make the archive with another tool")
    if name.startswith("/") or DRIVE.match(name):
        raise RefusedError("has an absolute name and was not read: make the archive inside the folder")
    if ".." in name.split("/"):
        raise RefusedError("has a name that leads out of the archive and was not read: make it inside the folder")
    return tuple(part for part in name.split("/") if part not in ("", "."))


def root_of(tree: Tree, members: Sequence[Member]) -> tuple[str, ...]:
    """Return the one folder that holds everything, as archives of a folder do, or the top."""
    content = [entry(PurePosixPath(name), number, members) for name, number in tree[()].items()]
    shown = [one for one in content if not one.ignored]
    return shown[0].path.parts if len(shown) == 1 and shown[0].kind == "folder" else ()


def fill(intake: Intake, names: Mapping[int, str], archive: BinaryIO) -> None:
    """Read the members of these numbers into the intake, in the given order."""
    line, rest = asked(archive, "read", *map(str, names))
    read = msgspec.json.decode(line, type=Read)
    if read.error:
        raise RefusedError(read.error)
    if len(rest) != sum(content.size for content in read.members):
        raise RefusedError(GIVEN_UP)
    place, contents = 0, {}
    for content in read.members:
        contents[content.number] = content.refusal, rest[place : place + content.size]
        place += content.size
    for number, name in names.items():
        refusal, data = contents[number]
        if refusal:
            intake.refuse(name, refusal)
        else:
            intake.contents[name] = data


def asked(archive: BinaryIO, *request: str) -> tuple[bytes, bytes]:
    """Return the line and the bytes that the unpacking child answers with."""
    archive.seek(0)
    answer = heard(command("unpack", *request), DEADLINE_S, stdin=archive)
    line, newline, rest = answer.partition(b"\n")
    if not newline:
        raise RefusedError(GIVEN_UP)
    return line, rest
