"""Makes archives: by the libraries where they agree, by hand where they do not."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

GOOD = "def relu(x):\n    return x\n"
SOFTMAX = "def softmax(z):\n    return z\n"


def data_of(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def zipped(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of the files by name; a name that ends with a slash is a folder."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, data_of(content))
    return out.getvalue()


def tarred(files: Mapping[str, str | bytes | tarfile.TarInfo]) -> bytes:
    """Return a tar of the files by name; a TarInfo is a member without content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data_of(content))
            archive.addfile(info, io.BytesIO(data_of(content)))
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """Return a link, a device or a pipe for a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def raw_zip(*members: tuple[str, bytes, dict[str, int]]) -> bytes:
    """Return a zip written by hand: name, content, and what to lie about.

    `size` and `packed` are the sizes; `at` is the number of the member at whose place this one pretends to lie, and
    then it has no place of its own; the others are `method`, `flags` and `mode`.
    """
    body, directory, places = b"", b"", []
    for name, content, lies in members:
        raw = name.encode()
        data = content if lies.get("method") == 0 else zlib.compress(content, 9)[2:-4]
        flags, method = 0x800 | lies.get("flags", 0), lies.get("method", 8)
        size, packed = lies.get("size", len(content)), lies.get("packed", len(data))
        place = places[lies["at"]] if "at" in lies else len(body)
        places.append(place)
        common = struct.pack("<HHHHHLLLHH", 20, flags, method, 0, 33, zlib.crc32(content), packed, size, len(raw), 0)
        if "at" not in lies:
            body += b"PK\3\4" + common + raw + data
        rest = struct.pack("<HHHLL", 0, 0, 0, lies.get("mode", 0) << 16, place)
        directory += b"PK\1\2" + struct.pack("<H", 0x314) + common + rest + raw
    count = len(members)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


def written(folder: Path, name: str, data: bytes) -> Path:
    """Write an archive and return its path."""
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith("gz") and data[:2] != b"\x1f\x8b" else data)
    return path
