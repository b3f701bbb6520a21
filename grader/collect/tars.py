"""Tars in the unpacking child, plain or gzipped: one stream, all of which is unpacked, also what nobody asks for."""

from __future__ import annotations

import gzip
import io
import tarfile

from grader.collect.unpack import BOMB, MAX_RATIO, SMALL, UnpackError

TYPE_CHECKING = False  # importing typing would cost a part of the start
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any, BinaryIO

MAX_UNPACKED = 1 << 30
CHUNK = 1 << 18
# The library skips a member of any size in steps, also behind the end.
MAX_EMPTY = 8


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


def entries(archive: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield what a tar says about each member."""
    for _, info in opened_tar(archive):
        kind = "link" if info.issym() or info.islnk() else "folder" if info.isdir() else "other"
        if info.isreg() and not info.issparse():
            kind = "file"
        yield {"name": info.name, "kind": kind, "size": info.size, "refusal": ""}


def contents(archive: BinaryIO, numbers: Collection[int]) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield number, size and bytes of members."""
    for number, (opened, info) in enumerate(opened_tar(archive)):
        if number in numbers:
            member = opened.extractfile(info)
            yield number, info.size, member.read(info.size + 1) if member else None
