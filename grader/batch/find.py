"""The hand-ins in a folder, and what of each is sent to whoever grades it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grader.collect import CollectError, Taken, archive_suffix, take
from grader.collect.files import ARCHIVES, OTHER_ARCHIVES, SKIPPED_FOLDERS, SUFFIXES, printable

# What a batch writes beside the folders of the submissions.
GRADEBOOK_CSV, GRADEBOOK, CLASS_PAGE = "gradebook.csv", "gradebook.json", "class.html"
MAX_FOLDER_BYTES = 200


class BatchError(Exception):
    """A batch that cannot be begun; the message is one line that says what to do."""


class HaltedError(BatchError):
    """A batch that cannot go on, for a reason that is ours or the machine's; what was graded is kept."""


@dataclass(frozen=True, slots=True)
class HandIn:
    """A sub-folder or file that was handed in: the name to show, its place, and the folder for its results."""

    name: str
    path: Path
    folder: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """What of a hand-in travels to where it is graded: files that were read, or an archive, by path or by content.

    `sha256` identifies the content. With `refusal` there is nothing to grade, for that reason.
    """

    sha256: str
    taken: Taken | None = None
    archive: Path | bytes = b""
    archive_name: str = ""
    refusal: str = ""


def find(root: Path) -> tuple[list[HandIn], list[str]]:
    """Return the hand-ins directly below a folder, by name, and the names of files that are none.

    Raises BatchError when the folder cannot be read or holds no hand-in.
    """
    try:
        entries = sorted(root.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise BatchError(f"{root} cannot be read: {error.strerror}; give a folder of submissions.") from error
    visible = [path for path in entries if not path.name.startswith(".") and path.name not in SKIPPED_FOLDERS]
    endings = (*SUFFIXES, *ARCHIVES, *OTHER_ARCHIVES)
    handed = [path for path in visible if os.path.isdir(path) or path.name.lower().endswith(endings)]
    if not handed:
        raise BatchError(f"{root} holds no submission: each is a sub-folder, an archive, a notebook or a .py file.")
    others = [printable(Path(path.name)) for path in visible if path not in set(handed)]
    return _with_folders(handed), others


def parcel(hand_in: HandIn, travels: bool = False) -> Parcel:
    """Read a hand-in; an archive stays closed, and is read as a whole where it `travels` to another machine."""
    path = hand_in.path
    try:
        if path.is_symlink():
            raise CollectError(f"{hand_in.name} is a link and was not followed: put the submission itself here")
        if os.path.isdir(path) or not archive_suffix(path):
            taken = take(path, hand_in.name)
            named = f"{taken.name}\0{taken.intake.root}\0{taken.intake.sha256()}\0{taken.intake.problems}"
            return Parcel(hashlib.sha256(named.encode("utf-8", "replace")).hexdigest(), taken)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        digest.update(path.name.encode("utf-8", "replace"))
        return Parcel(digest.hexdigest(), None, path.read_bytes() if travels else path, path.name)
    except (CollectError, OSError) as error:
        said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return Parcel(hashlib.sha256(said.encode("utf-8", "replace")).hexdigest(), refusal=said)


def handed_in_at(hand_in: HandIn) -> datetime:
    """Return when a hand-in was last changed: the newest file of a folder, as far as the file system knows."""
    newest = hand_in.path.lstat().st_mtime
    if hand_in.path.is_dir() and not hand_in.path.is_symlink():
        files = (Path(folder) / name for folder, _, names in os.walk(hand_in.path) for name in names)
        newest = max((file.lstat().st_mtime for file in files), default=newest)
    return datetime.fromtimestamp(newest, UTC)


def _with_folders(paths: Sequence[Path]) -> list[HandIn]:
    """Give each hand-in a folder of its own, named like the submission where that is possible."""
    given = {name.casefold() for name in (GRADEBOOK_CSV, GRADEBOOK, CLASS_PAGE)}
    hand_ins = []
    for path in paths:
        name = printable(Path(path.name))
        folder = next(one for one in _folder_names(path, name) if one.casefold() not in given)
        given.add(folder.casefold())
        hand_ins.append(HandIn(name, path, folder))
    return hand_ins


def _folder_names(path: Path, name: str) -> Iterable[str]:
    suffix = "" if os.path.isdir(path) else archive_suffix(path) or path.suffix
    stem = name.removesuffix(suffix) if suffix else name
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]
    if stem.strip(". ") and len(stem.encode()) <= MAX_FOLDER_BYTES and "\ufffd" not in stem:
        yield stem
        yield name
    short = name.encode()[: MAX_FOLDER_BYTES // 2].decode(errors="ignore")
    yield f"{short}-{digest}"
