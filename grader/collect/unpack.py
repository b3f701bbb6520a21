"""The unpacking job of the limited child: lists an archive on standard input, or reads members of it, in memory alone.

`unpack list` and `unpack read NUMBER...` write one line of JSON, `{"members": [...], "error": ""}`, and `read` then
the members' bytes. The libraries' readers are not made for hostile archives: an endless loop, a huge header or a bomb
ends this process and not the grader. Sizes in an archive are claims, and a member that does not keep its own is
refused.
"""

from __future__ import annotations

import json
import sys

from grader.collect.limited import limit_cpu

TYPE_CHECKING = False  # importing typing would cost a part of the start
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from types import ModuleType
    from typing import Any, BinaryIO

CPU_SECONDS = 20
MAX_MEMBERS = 100_000
# Source and text shrink to a fifth; figures and weights less. Small things may be as empty as they like.
MAX_RATIO = 200
SMALL = 16 << 20
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
    for number, member in enumerate(reader_of(archive).entries(archive)):
        if number == MAX_MEMBERS:
            raise UnpackError(f"holds more than {MAX_MEMBERS:,} files: leave environments and data out")
        member["name"] = member["name"].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        yield member, b""


def contents_of(archive: BinaryIO, numbers: Collection[int]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield the numbered members and their bytes."""
    for number, size, content in reader_of(archive).contents(archive, numbers):
        refusal = "" if content is not None and len(content) == size else DAMAGED
        data = b"" if refusal or content is None else content
        yield {"number": number, "size": len(data), "refusal": refusal}, data


def reader_of(archive: BinaryIO) -> ModuleType:
    """Return the module that reads the archive, by how it begins, whatever its name; the other's library stays away."""
    magic = archive.read(4)
    archive.seek(0)
    if magic in (b"PK\3\4", b"PK\5\6"):
        from grader.collect import zips

        return zips
    from grader.collect import tars

    return tars
