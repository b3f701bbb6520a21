"""Hostile and damaged archives cost themselves only, in one line that says what to do, and write nothing."""

import contextlib
import gzip
import io
import os
import random
import struct
import sys
import tarfile
import time
import zipfile
import zlib
from unittest import mock

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grader.collect import CollectError, archive, collect, limited, tars, unpack
from tests.collect.archives import GOOD, SOFTMAX, raw_zip, special, tarred, written, zipped
from tests.collect.submissions import messages

DAMAGED = "is damaged or cut off: make the archive again"


def refusal(path) -> str:
    """Return why an archive is refused as a whole."""
    with pytest.raises(CollectError) as error:
        collect(path, ["relu"])
    said = str(error.value)
    assert said.startswith(str(path)) and "\n" not in said
    return said.removeprefix(f"{path} ")


def submitted(tmp_path, data, kind="zip"):
    """Collect an archive that holds a good hw.py among others; only that one may count."""
    submission = collect(written(tmp_path, f"x.{kind}", data), ["relu", "softmax"])
    assert submission.files == ("hw.py",) and set(submission.definitions) == {"relu"}
    return submission


UNSAFE = {
    "../up.py": "has a name that leads out of the archive and was not read: make it inside the folder",
    "a/../../up.py": "has a name that leads out of the archive and was not read: make it inside the folder",
    "/etc/abs.py": "has an absolute name and was not read: make the archive inside the folder",
    "C:/win.py": "has an absolute name and was not read: make the archive inside the folder",
    "c:win.py": "has an absolute name and was not read: make the archive inside the folder",
    "..\\up.py": "has a NUL or a backslash in its name and was not read: make the archive with another tool",
    "a\\b.py": "has a NUL or a backslash in its name and was not read: make the archive with another tool",
    "n" * 1001 + ".py": "has a name of more than 1,000 characters and was not read: rename it",
    "//": "has an absolute name and was not read: make the archive inside the folder",
}


@pytest.mark.parametrize("name", UNSAFE, ids=lambda name: name[:20])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_unsafe_names_are_skipped_and_said(tmp_path, name, kind):
    if kind == "zip":
        data = raw_zip((name, SOFTMAX.encode(), {}), ("hw.py", GOOD.encode(), {}))
    else:
        data = tarred({name: SOFTMAX, "hw.py": GOOD})
    submission = submitted(tmp_path, data, kind)
    assert len(messages(submission)) == 1 and messages(submission)[0].endswith(UNSAFE[name])
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"x.{kind}"]


def test_a_nul_in_a_name_hides_nothing(tmp_path):
    said = messages(submitted(tmp_path, raw_zip(("hw.py", GOOD.encode(), {}), ("a.py\0.txt", b"", {}))))
    assert said == [
        "a.py\ufffd.txt has a NUL or a backslash in its name and was not read: make the archive with another tool"
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("\x1b[31mred.py", "\ufffd[31mred.py"), ("a\u202eyp.py", "a\ufffdyp.py"), ("a\nb.py", "a\ufffdb.py")],
)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_marks_that_cannot_be_seen_are_shown(tmp_path, make, name, shown):
    kind = "zip" if make is zipped else "tar"
    submission = collect(written(tmp_path, f"x.{kind}", make({name: GOOD, "bad.py": "def f(:"})), ["relu"])
    assert submission.files == tuple(sorted([shown, "bad.py"]))
    assert submission.definitions["relu"].location.file == shown


def test_names_that_are_shown_alike_are_not_mixed_up(tmp_path):
    submission = collect(written(tmp_path, "x.zip", zipped({"a\x01.py": GOOD, "a\x02.py": SOFTMAX})), ["relu"])
    assert submission.files == ("a\ufffd.py",)
    assert messages(submission) == ["a\ufffd.py stands for several files whose names cannot be shown: rename them"]


def test_bytes_that_are_no_text_are_shown_as_in_a_folder(tmp_path):
    (tmp_path / "hw").mkdir()
    for name in (b"h\xff.py", b"\xe2\x82.py"):
        (tmp_path / "hw").joinpath(os.fsdecode(name)).write_text(GOOD)
    with tarfile.open(tmp_path / "x.tar", "w") as made:
        made.add(tmp_path / "hw", "hw")
    assert collect(tmp_path / "x.tar", ["relu"]).files == collect(tmp_path / "hw", ["relu"]).files


@pytest.mark.parametrize("names", [("HW.py", "hw.py"), ("caf\u00e9.py", "cafe\u0301.py")])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_names_that_differ_in_case_or_normalisation_are_two_files(tmp_path, make, names):
    kind = "zip" if make is zipped else "tar"
    submission = collect(written(tmp_path, f"x.{kind}", make(dict(zip(names, (GOOD, SOFTMAX), strict=True)))), ["relu"])
    assert submission.files == tuple(sorted(names))
    assert len({module.name for module in submission.modules}) == 2


def test_the_last_of_members_with_one_name_counts(tmp_path):
    zip_of_two = raw_zip(("hw.py", SOFTMAX.encode(), {}), ("hw.py", GOOD.encode(), {}))
    tar_of_two = tarred({"./hw.py": SOFTMAX, "hw.py": GOOD})
    for data, kind in ((zip_of_two, "zip"), (tar_of_two, "tar")):
        assert messages(submitted(tmp_path, data, kind)) == [
            "hw.py is in the archive more than once: the last one counts"
        ]


@pytest.mark.parametrize("order", [("a.py", "a.py/b.py"), ("a.py/b.py", "a.py")])
def test_what_is_a_file_and_a_folder_at_once(tmp_path, order):
    data = zipped({"hw.py": GOOD} | dict.fromkeys(order, "x = 1\n"))
    submission = collect(written(tmp_path, "x.zip", data), ["relu"])
    assert submission.files == tuple(sorted(("hw.py", order[0])))
    assert messages(submission) == [f"{order[1]} is a file and a folder at once in the archive: rename one"]


def test_only_regular_files_of_a_tar_are_read(tmp_path):
    kinds = {
        "sym.py": (tarfile.SYMTYPE, "hw.py"),
        "out.py": (tarfile.SYMTYPE, "../../etc/passwd"),
        "hard.py": (tarfile.LNKTYPE, "hw.py"),
        "fifo.py": (tarfile.FIFOTYPE, ""),
        "null.py": (tarfile.CHRTYPE, ""),
        "disk.py": (tarfile.BLKTYPE, ""),
        "hole.py": (tarfile.GNUTYPE_SPARSE, ""),
        "folder": (tarfile.SYMTYPE, "/"),
        "data.csv": (tarfile.SYMTYPE, "/etc/passwd"),
    }
    members = {name: special(name, *what) for name, what in kinds.items()}
    assert sorted(messages(submitted(tmp_path, tarred({"hw.py": GOOD, **members}), "tar"))) == sorted(
        [f"{name} is a link and was not read: hand in the file itself" for name in ("sym.py", "out.py", "hard.py")]
        + [f"{name} is not a regular file and was not read" for name in ("fifo.py", "null.py", "disk.py", "hole.py")]
        + ["folder is a link, which is not followed"]
    )


def test_a_file_below_a_link_is_a_file_below_a_folder_or_nothing(tmp_path):
    members = {"hw.py": GOOD, "out": special("out", tarfile.SYMTYPE, "/tmp"), "out/x.py": SOFTMAX}
    assert messages(submitted(tmp_path, tarred(members), "tar")) == [
        "out/x.py is a file and a folder at once in the archive: rename one",
        "out is a link, which is not followed",
    ]


def test_only_regular_files_of_a_zip_are_read(tmp_path):
    data = raw_zip(
        ("hw.py", GOOD.encode(), {"mode": 0o100644}),
        ("link.py", b"/etc/passwd", {"mode": 0o120777}),
        ("pipe.py", b"", {"mode": 0o010644}),
        ("disk.py", b"", {"mode": 0o060644}),
    )
    assert messages(submitted(tmp_path, data)) == [
        "disk.py is not a regular file and was not read",
        "link.py is a link and was not read: hand in the file itself",
        "pipe.py is not a regular file and was not read",
    ]


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        ({"flags": 1}, "is encrypted and was not read: make the archive without a password"),
        ({"flags": 0x41}, "is encrypted and was not read: make the archive without a password"),
        ({"method": 14}, "is compressed by an unusual method and was not read: make an ordinary .zip"),
        ({"method": 99}, "is compressed by an unusual method and was not read: make an ordinary .zip"),
        ({"size": 3}, DAMAGED),
        ({"size": 300}, DAMAGED),
        ({"size": 1 << 31}, "unpacks to more than 200 times its size and was not read: leave data out"),
        ({"size": 2 << 20}, "is larger than 1 MiB and was not read"),
        ({"method": 0, "size": 10, "packed": 26}, DAMAGED),
        ({"flags": 0x20}, DAMAGED),
    ],
    ids=repr,
)
def test_a_member_that_lies_costs_itself(tmp_path, lies, said):
    data = raw_zip(("bad.py", SOFTMAX.encode(), lies), ("hw.py", GOOD.encode(), {}))
    assert messages(submitted(tmp_path, data)) == [f"bad.py {said}"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_with_memory_of_its_own_is_not_read(tmp_path, method):
    with pytest.raises(CollectError, match=r"hw\.py is compressed by an unusual method .* make an ordinary \.zip"):
        collect(written(tmp_path, "x.zip", zipped({"hw.py": GOOD}, method)), ["relu"])


def test_members_that_overlap_are_a_bomb(tmp_path):
    kernel = raw_zip(("a.py", bytes(1000), {}), ("hw.py", GOOD.encode(), {"at": 0}))
    assert refusal(written(tmp_path, "x.zip", kernel)) == (
        "holds members that overlap, as only a bomb's do: make the archive again"
    )


def quoted_bomb(count: int) -> bytes:
    """Return David Fifield's zip: each stream quotes the header of the next member, and all end in one kernel."""
    body = zlib.compress(bytes(1 << 20), 9)[2:-4]
    packed, size, members, following = len(body), 1 << 20, [], b""
    for number in reversed(range(count)):
        if following:
            body = b"\0" + struct.pack("<HH", len(following), len(following) ^ 0xFFFF) + body
            packed, size = packed + 5 + len(following), size + len(following)
        name = b"%d.py" % number
        common = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 33, 0, packed, size, len(name), 0)
        following = b"PK\3\4" + common + name
        body = following + body
        members.append((common, name, len(body)))
    directory = b"".join(
        b"PK\1\2\x14\0" + common + struct.pack("<HHHLL", 0, 0, 0, 0, len(body) - behind) + name
        for common, name, behind in members
    )
    return body + directory + struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)


def test_the_better_zip_bomb_is_a_bomb(tmp_path):
    bomb = quoted_bomb(50)
    first = zipfile.ZipFile(io.BytesIO(bomb)).infolist()[-1]
    stream = bomb[first.header_offset + 30 + len(first.filename) :][: first.compress_size]
    assert len(bomb) < 10_000 and len(zlib.decompress(stream, -15)) == first.file_size > 1 << 20
    assert refusal(written(tmp_path, "x.zip", bomb)) == (
        "holds members that overlap, as only a bomb's do: make the archive again"
    )


def zip64_lie() -> bytes:
    """Return a zip whose member claims sizes and a place that only fit into 64 bits."""
    whole = raw_zip(("hw.py", GOOD.encode(), {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}))
    start = whole.index(b"PK\1\2")
    extra = struct.pack("<HHQQ", 1, 16, 1 << 62, 1 << 61)
    entry = bytearray(whole[start : whole.index(b"PK\5\6")])
    entry[30:32] = struct.pack("<H", len(extra))
    entry += extra
    return whole[:start] + entry + struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, len(entry), start, 0)


def gnu_number(size: int) -> bytes:
    """Return a tar whose only member has a size that tar's own numbers have no room for."""
    data = bytearray(tarred({"hw.py": GOOD}))
    data[124:136] = (b"\x80" if size >= 0 else b"\xff") + size.to_bytes(11, "big", signed=True)
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + sum(data[156:512]) + 8 * 32)
    return bytes(data)


def pax(record: bytes) -> bytes:
    """Return a tar with a pax header of this content."""
    info = tarfile.TarInfo("PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, len(record)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        made.addfile(info, io.BytesIO(record))
        made.addfile(tarfile.TarInfo("hw.py"))
    return out.getvalue()


WHOLE = {
    "empty.zip": b"",
    "text.zip": b"def relu(x):\n    return x\n" * 100,
    "rar.zip": b"Rar!\x1a\x07\x01\x00" + bytes(600),
    "empty.tar.gz": gzip.compress(b""),
    "notar.tar.gz": gzip.compress(b"def relu(x): ..." * 100),
    "cut.zip": zipped({"hw.py": GOOD, "b.py": "#" * 999})[:-30],
    "front.zip": zipped({"hw.py": GOOD, "b.py": "#" * 999})[40:],
    "head.zip": zipped({"hw.py": GOOD})[:40],
    "cut.tar": tarred({"hw.py": GOOD, "data.bin": bytes(5000)})[:3000],
    "header.tar": tarred({"hw.py": GOOD, "b.py": GOOD}).replace(b"b.py", b"c.py"),
    "cut.tar.gz": gzip.compress(tarred({"hw.py": GOOD, "data.bin": random.Random(1).randbytes(9000)}))[:5000],
    "crc.tar.gz": (lambda data: data[:-8] + bytes([data[-8] ^ 1]) + data[-7:])(gzip.compress(tarred({"hw.py": GOOD}))),
    "zip64.zip": zip64_lie(),
    "negative.tar": gnu_number(-512),
    "huge.tar": gnu_number(1 << 80),
    "pax.tar": pax(b"11 size=-9\n"),
    "paxes.tar": pax(b"99999999999999999999 path=x\n"),
    "far.tar": pax(b"22 size=999999999999\n"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_no_whole_archive_is_refused_in_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(WHOLE[name])
    started = time.monotonic()
    assert refusal(tmp_path / name) in (
        DAMAGED,
        "is neither a zip nor a tar archive, whatever its name says: make a .zip",
        "holds members that overlap, as only a bomb's do: make the archive again",
    )
    assert time.monotonic() - started < 30


def test_an_expensive_header_is_bounded_by_cpu_time(tmp_path, monkeypatch):
    loop = written(tmp_path, "x.tar", pax(b"1" * 500_000 + b"x"))  # quadratic in some versions of the library
    monkeypatch.setattr(archive, "DEADLINE_S", 5.0)
    with contextlib.suppress(CollectError):
        collect(loop, ["relu"])


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_bombs_are_told_by_their_ratio(tmp_path, kind):
    if kind == "zip":
        bomb = zipped({"hw.py": GOOD, "b.ipynb": bytes(40 << 20)})
        assert messages(submitted(tmp_path, bomb)) == [f"b.ipynb {unpack.BOMB}"]
        return
    out = io.BytesIO()
    with gzip.open(out, "wb", compresslevel=1) as stream:
        stream.write(tarred({"hw.py": GOOD})[:1024] + special("zero.bin", tarfile.REGTYPE).tobuf())
        for _ in range(64):
            stream.write(bytes(1 << 20))
    assert refusal(written(tmp_path, "x.tar.gz", out.getvalue())) in (unpack.BOMB, DAMAGED)


def test_a_stream_is_bounded_while_it_is_read(monkeypatch):
    monkeypatch.setattr(tars, "MAX_UNPACKED", 50_000)
    noise = random.Random(1).randbytes(60_000)
    for data in (tarred({"x.bin": noise}), gzip.compress(tarred({"x.bin": noise}))):
        with pytest.raises(unpack.UnpackError, match="unpacks to more than"):
            list(unpack.members_of(io.BytesIO(data)))


@pytest.mark.parametrize("make", [zipped, tarred])
def test_members_are_counted(monkeypatch, make):
    monkeypatch.setattr(unpack, "MAX_MEMBERS", 10)
    with pytest.raises(unpack.UnpackError, match="holds more than 10 files"):
        list(unpack.members_of(io.BytesIO(make({f"{n}.txt": "" for n in range(11)}))))
    assert len(list(unpack.members_of(io.BytesIO(make({f"{n}.txt": "" for n in range(10)}))))) == 10


def test_a_huge_archive_is_not_opened(tmp_path):
    with open(tmp_path / "x.zip", "wb") as sparse:
        sparse.truncate(1 << 40)
    assert refusal(tmp_path / "x.zip") == "is larger than 500 MiB: leave data out"


def test_files_are_bounded_as_in_a_folder(tmp_path):
    many = {f"a/f{number:03}.py": "" for number in range(200)} | {"a/z.py": SOFTMAX, "hw.py": GOOD}
    submission = collect(written(tmp_path, "x.zip", zipped(many)), ["relu", "softmax"])
    assert len(submission.files) == 200 and set(submission.definitions) == {"relu"}
    assert messages(submission) == ["a/f199.py and 1 more not read: there are more than 200 files"]
    large = {f"pad{number:02}.py": b"#" * (1 << 20) for number in range(11)} | {"hw.py": GOOD}
    submission = collect(written(tmp_path, "x.tar.gz", tarred(large)), ["relu"])
    assert messages(submission) == [
        f"pad{n}.py is too much: all .py files together may hold 10 MiB" for n in ("09", "10")
    ]


PROGRAMS = {
    "hangs": ("print('ready', flush=True); import time; time.sleep(99)", archive.GIVEN_UP),
    "dies": ("print('ready', flush=True); import os; os.kill(os.getpid(), 9)", archive.GIVEN_UP),
    "stops": ("""print('ready\\n{"members": [', end="", flush=True)""", archive.GIVEN_UP),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_child_that_fails_costs_the_archive(tmp_path, monkeypatch, what):
    program, said = PROGRAMS[what]
    monkeypatch.setattr(archive, "DEADLINE_S", 2.0)
    monkeypatch.setattr(archive, "command", lambda *request: [sys.executable, "-c", program])
    assert refusal(written(tmp_path, "x.zip", zipped({"hw.py": GOOD}))) == said


def test_a_child_that_does_not_start_is_our_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "command", lambda *request: [sys.executable, "gone.py"])
    with pytest.raises(RuntimeError, match="did not start"):
        collect(written(tmp_path, "x.zip", zipped({"hw.py": GOOD})), ["relu"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems keep no such limits")
def test_the_child_can_write_no_file_and_use_little_memory(tmp_path):
    import subprocess

    code = f"""
import runpy, sys
limited = runpy.run_path({limited.__file__!r})
limited["limit"]()
try:
    with open({str(tmp_path / "out")!r}, "w") as file:
        file.write("x")
except OSError as error:
    print(error.errno)
try:
    bytearray(2 << 30)
except MemoryError:
    print("memory")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["27", "memory"]


names = st.lists(
    st.sampled_from(["a", "b.py", "A", "..", ".", "", "x" * 30, ".git", "venv", "c:", "\\", "\0", "é"])
).map("/".join)
members = st.builds(
    archive.Member,
    names | st.text(max_size=10),
    st.sampled_from(["file", "folder", "link", "other"]),
    st.integers(0, 1 << 64),
    st.sampled_from(["", "is encrypted"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(members, max_size=12))
@example([archive.Member("a/" * 500 + "b.py", "file", 1, "")])
def test_no_list_of_members_does_harm(listed):
    def asked(stream, job, *numbers):
        said = (
            archive.Listed(tuple(listed), "")
            if job == "list"
            else archive.Read(tuple(archive.Content(int(number), 1, "") for number in numbers), "")
        )
        return msgspec.json.encode(said), b"#" * len(numbers)

    with mock.patch.object(archive, "asked", asked):
        intake = archive.read_members(io.BytesIO(), "x")
    assert all(".." not in name.split("/") and name[0] != "/" and "\\" not in name for name in intake.contents)
    assert all(b"\n" not in problem.message.encode() for problem in intake.problems)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["zip", "tar", "tar.gz"]), st.integers(0, 1 << 32))
def test_no_flipped_bytes_crash_collecting(tmp_path, kind, seed):
    chance = random.Random(seed)
    files = {"hw/relu.py": GOOD, "hw/b/softmax.py": SOFTMAX * 50, "hw/c.txt": "x" * 3000}
    data = bytearray(zipped(files) if kind == "zip" else tarred(files))
    data = bytearray(gzip.compress(data)) if kind == "tar.gz" else data
    for _ in range(chance.choice([1, 1, 3, 10])):
        data[chance.randrange(len(data))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    (tmp_path / f"x.{kind}").write_bytes(data[: chance.choice([len(data), len(data), chance.randrange(len(data))])])
    with contextlib.suppress(CollectError):
        submission = collect(tmp_path / f"x.{kind}", ["relu", "softmax"])
        assert all("\n" not in message for message in messages(submission))
