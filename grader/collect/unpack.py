"""The unpacking job of the limited child: lists an archive on standard input, or reads members of it, in memory alone.

`unpack list` and `unpack read NUMBER...` write one line of JSON, `{"members": [...], "error": ""}`, and `read` then
the members' bytes. The libraries' readers are not made for hostile archives: an endless loop, a huge header or a bomb
ends this process and not the grader. Sizes in an archive are claims, and a member that does not keep its own is
refused.
"""

from __future__ import annotations

import gzip
import io
import json
import stat
import sys
import tarfile
import zipfile

from grader.collect.limited import limit_cpu

TYPE_CHECKING = False  # importing typing would cost a part of the start
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any, BinaryIO

CPU_SECONDS = 20
MAX_MEMBERS = 100_000
# A zip's members are found by their place; of a tar everything is unpacked, also what nobody reads.
MAX_UNPACKED = 1 << 30
# Source and text shrink to a fifth; figures and weights less. Small things may be as empty as they like.
MAX_RATIO = 200
SMALL = 16 << 20
CHUNK = 1 << 18
LOCAL_HEADER = 30
# The library skips a member of any size in steps, also behind the end.
MAX_EMPTY = 8
DAMAGED = "is damaged or cut off: make the archive again"
BOMB = f"unpacks to more than {MAX_RATIO} times its size and was not read: leave data out"


class UnpackError(Exception):
    """The archive as a whole is refused; the message completes the sentence that starts with its name."""


def main() -> None:
    """Do what the command line says."""
    limit_cpu(CPU_SECONDS)
    print("ready", flush=True)
    archive = sys.stdin.buffer
    numbers = frozenset(map(int, sys.argv[3:]))
    members: list[dict[str, Any]] = []
    contents: list[bytes] = []
    error = ""
    try:
        found = members_of(archive) if sys.argv[2] == "list" else contents_of(archive, numbers)
        for member, content in found:
            members.append(member)
            contents.append(content)
    except UnpackError as refused:
        error = str(refused)
    except MemoryError:
        error = "needs too much memory to be unpacked: leave data out"
    except Exception:  # whatever a hostile archive makes the libraries stumble over
        error = DAMAGED
    sys.stdout.buffer.write(json.dumps({"members": members, "error": error}).encode() + b"\n")
    sys.stdout.buffer.writelines(contents)


def members_of(archive: BinaryIO) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield what the archive says about each member."""
    listed = zip_entries(opened_zip(archive)) if is_zip(archive) else tar_entries(opened_tar(archive))
    for number, member in enumerate(listed):
        if number == MAX_MEMBERS:
            raise UnpackError(f"holds more than {MAX_MEMBERS:,} files: leave environments and data out")
        member["name"] = member["name"].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        yield member, b""


def contents_of(archive: BinaryIO, numbers: Collection[int]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield the numbered members and their bytes."""
    readers = zip_contents(opened_zip(archive), numbers) if is_zip(archive) else tar_contents(archive, numbers)
    for number, size, content in readers:
        refusal = "" if content is not None and len(content) == size else DAMAGED
        data = b"" if refusal or content is None else content
        yield {"number": number, "size": len(data), "refusal": refusal}, data


def is_zip(archive: BinaryIO) -> bool:
    """Whether the archive begins as a zip does, whatever its name."""
    magic = archive.read(4)
    archive.seek(0)
    return magic in (b"PK\3\4", b"PK\5\6")


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


def zip_entries(opened: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    """Yield what a zip says about each member."""
    for info in opened.infolist():
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


def zip_contents(opened: zipfile.ZipFile, numbers: Collection[int]) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield number, claimed size and bytes of members; no bytes where the archive is damaged."""
    for number, info in enumerate(opened.infolist()):
        if number in numbers:
            try:
                with opened.open(info) as member:
                    yield number, info.file_size, member.read(info.file_size + 1)
            except MemoryError:
                raise
            except Exception:  # one damaged member does not cost the others
                yield number, info.file_size, None


class Counted(io.RawIOBase):
    """The stream of a tar, unpacked, as long as it keeps to the bounds."""

    def __init__(self, archive: BinaryIO) -> None:
        self._packed = archive.seek(0, 2)
        archive.seek(0)
        zipped = archive.read(2) == b"\x1f\x8b"
        archive.seek(0)
        self._source = gzip.GzipFile(fileobj=archive) if zipped else archive
        self._count = self._empty = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes. Raises UnpackError at the bounds."""
        data = self._source.read(size)
        self._count += len(data)
        self._empty += not data
        if self._empty > MAX_EMPTY:
            raise EOFError("a member that lies behind the end")
        if self._count > MAX_UNPACKED:
            raise UnpackError(f"unpacks to more than {MAX_UNPACKED >> 20:,} MiB: leave data out")
        if self._count > max(SMALL, MAX_RATIO * self._packed):
            raise UnpackError(BOMB)
        return data

    def drain(self) -> None:
        """Read the rest, at whose end are the checksums."""
        while self.read(CHUNK):
            pass


class StrictInfo(tarfile.TarInfo):
    """A member whose damaged header is an error: the library takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> StrictInfo:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError:
            if any(buf):
                raise tarfile.ReadError("a damaged header") from None
            raise


def opened_tar(archive: BinaryIO) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the members of a tar one after the other, each to be read before the next."""
    stream = Counted(archive)
    try:
        whole = tarfile.open(fileobj=stream, mode="r|", tarinfo=StrictInfo, bufsize=CHUNK)  # noqa: SIM115
    except tarfile.ReadError:
        raise UnpackError("is neither a zip nor a tar archive, whatever its name says: make a .zip") from None
    with whole as opened:
        for info in opened:
            yield opened, info
        stream.drain()


def tar_entries(opened: Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]) -> Iterator[dict[str, Any]]:
    """Yield what a tar says about each member."""
    for _, info in opened:
        kind = "link" if info.issym() or info.islnk() else "folder" if info.isdir() else "other"
        if info.isreg() and not info.issparse():
            kind = "file"
        yield {"name": info.name, "kind": kind, "size": info.size, "refusal": ""}


def tar_contents(archive: BinaryIO, numbers: Collection[int]) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield number, size and bytes of members."""
    for number, (opened, info) in enumerate(opened_tar(archive)):
        if number in numbers:
            member = opened.extractfile(info)
            yield number, info.size, member.read(info.size + 1) if member else None
