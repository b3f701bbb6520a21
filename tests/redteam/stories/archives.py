"""Submissions that are archives: refused in one line, or read safely; never a file outside."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile

from tests.redteam.story import HONEST, REFUSED, Story

RIGHT = "def affine(x):\n    return 3 * x + 1\n"
ANY = f"{REFUSED} missing pass"


def zipped(members: dict[str, str | bytes], mode: int = 0, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive; `mode` is that of the members that are not Python."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = compression
            entry.external_attr = (mode or stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return file.getvalue()


def tarred(members: dict[str, tuple[bytes, str]], **fields: object) -> bytes:
    """Return a tar archive of members with a type (`tarfile`'s letter) and a target or content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, (kind, content) in members.items():
            entry = tarfile.TarInfo(name)
            entry.type = kind
            entry.mode = 0o6777
            if kind == tarfile.REGTYPE:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content.encode()))
            else:
                entry.linkname = content
                archive.addfile(entry)
    return file.getvalue()


SOURCE = {"hw.py": RIGHT, "honest.py": HONEST}
FILES = {name: (tarfile.REGTYPE, text) for name, text in SOURCE.items()}


def archive(name: str, why: str, content: bytes, suffix: str = "zip", others: str = "pass") -> Story:
    """Return a story whose whole submission is one archive."""
    return Story(
        f"archives-{name}", why, ANY, submission=f"hw.{suffix}", files={f"hw.{suffix}": content}, others=others
    )


STORIES = (
    archive("plain", "nothing is wrong with it", zipped(SOURCE)),
    archive("bomb", "a gigabyte in a megabyte", zipped({**SOURCE, "big.py": bytes(1 << 30)}), others="pass missing"),
    archive("climbing", "members above the folder", zipped({**SOURCE, "../../canary/new.py": RIGHT, "../x.py": "x"})),
    archive(
        "absolute", "members from the root", zipped({**SOURCE, "/tmp/redteam-absolute.py": RIGHT, "C:\\x.py": "x"})
    ),
    archive("backslashes", "climbing in Windows' manner", zipped({**SOURCE, "..\\..\\canary\\x.py": RIGHT})),
    archive(
        "twice", "one name, two contents", zipped(SOURCE) + zipped({"hw.py": "os._exit(0)"}), others="pass missing"
    ),
    archive("many", "a hundred thousand members", zipped({f"d/{n}.py": "" for n in range(20_000)}), others="missing"),
    archive("nested", "an archive in an archive", zipped({**SOURCE, "inner.zip": zipped({"x.py": RIGHT})})),
    archive("no-archive", "the name of one, and other bytes", b"PK\x03\x04 not really", others="missing"),
    archive("cut", "half of one", zipped(SOURCE)[:-40], others="pass missing"),
    archive(
        "linked", "a member that is a link", zipped({"hw.py": "/etc/passwd"}, stat.S_IFLNK | 0o777), others="missing"
    ),
    archive("tar", "nothing is wrong with it", tarred(FILES), "tar.gz"),
    archive(
        "tar-links",
        "links to files of this machine, hard and soft",
        tarred({**FILES, "a.py": (tarfile.SYMTYPE, "/etc/passwd"), "b.py": (tarfile.LNKTYPE, "/etc/passwd")}),
        "tar.gz",
    ),
    archive(
        "tar-through-a-link",
        "a folder that is a link, and a member in it",
        tarred({**FILES, "d": (tarfile.SYMTYPE, "../canary"), "d/x.py": (tarfile.REGTYPE, RIGHT)}),
        "tar.gz",
    ),
    archive(
        "tar-devices",
        "devices and pipes",
        tarred({**FILES, "d.py": (tarfile.BLKTYPE, ""), "p.py": (tarfile.FIFOTYPE, ""), "c.py": (tarfile.CHRTYPE, "")}),
        "tar.gz",
    ),
    archive("tar-climbing", "above the folder", tarred({**FILES, "../canary/x.py": (tarfile.REGTYPE, RIGHT)}), "tar"),
)
