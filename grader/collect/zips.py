"""Zips in the unpacking child: members are found by their places, and only what is asked for is unpacked."""

from __future__ import annotations

import stat
import zipfile

from grader.collect.unpack import BOMB, DAMAGED, MAX_RATIO, SMALL, UnpackError

TYPE_CHECKING = False  # importing typing would cost a part of the start
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any, BinaryIO

LOCAL_HEADER = 30


def opened_zip(archive: BinaryIO) -> zipfile.ZipFile:
    """Open a zip, if no two of its members share bytes, as those of bombs do."""
    opened = zipfile.ZipFile(archive)
    end = 0
    for info in sorted(opened.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise UnpackError("holds members that overlap, as only a bomb's do: make the archive again")
        end = info.header_offset + LOCAL_HEADER + info.compress_size
    if end > opened.start_dir:
        raise UnpackError(DAMAGED)
    return opened


def entries(archive: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield what a zip says about each member."""
    for info in opened_zip(archive).infolist():
        kind = kind_of(info.external_attr >> 16)
        if kind == "file" and info.is_dir():
            kind = "folder"
        refusal = ""
        if info.flag_bits & 0x41:
            refusal = "is encrypted and was not read: make the archive without a password"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            refusal = "is compressed by an unusual method and was not read: make an ordinary .zip"
        elif info.file_size > max(SMALL, MAX_RATIO * info.compress_size):
            refusal = BOMB
        # `filename` ends at a NUL; what the archive says does not.
        yield {"name": info.orig_filename, "kind": kind, "size": info.file_size, "refusal": refusal}


def kind_of(mode: int) -> str:
    """Return the kind of a member by its Unix mode, 0 where the archive knows none."""
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "other")


def contents(archive: BinaryIO, numbers: Collection[int]) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield number, claimed size and bytes of members; no bytes where the archive is damaged."""
    opened = opened_zip(archive)
    for number, info in enumerate(opened.infolist()):
        if number in numbers:
            try:
                with opened.open(info) as member:
                    yield number, info.file_size, member.read(info.file_size + 1)
            except MemoryError:
                raise
            except Exception:  # one damaged member does not cost the others
                yield number, info.file_size, None
