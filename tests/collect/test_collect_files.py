"""Hostile and odd files cost themselves only."""

import os
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.collect import CollectError, collect, files
from tests.collect.submissions import messages

GOOD = "def relu(x):\n    return x\n"
SOFTMAX = "def softmax(z):\n    return z\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# caf\xe9\n", "is not UTF-8 text (byte 0xe9 in line 1): save it as UTF-8"),
        (b"x = 1\ny = '\xff'\n", "is not UTF-8 text (byte 0xff in line 2): save it as UTF-8"),
        (b"x = 1\0\n", "contains NUL bytes, which Python does not accept: save it again as plain text"),
        (b"# -*- coding: latin-1 -*-\n# caf\xe9\n", "declares iso-8859-1: save it as UTF-8 and remove the coding line"),
        (b"\n# vim: fileencoding=cp1252\n", "declares cp1252: save it as UTF-8 and remove the coding line"),
        (
            b"# coding: klingon\n",
            "declares an encoding that does not fit it: remove the coding line",
        ),
        (b"\xef\xbb\xbf# coding: latin-1\n", "declares an encoding that does not fit it: remove the coding line"),
        ("x = 1\n".encode("utf-16"), "is not UTF-8 text (byte 0xff in line 1): save it as UTF-8"),
    ],
)
def test_text_that_is_not_strict_utf8_is_refused(gather, content, said):
    submission = gather(["relu", "softmax"], {"good.py": GOOD, "bad.py": content + SOFTMAX.encode()})
    assert messages(submission) == [f"bad.py {said}"]
    assert submission.problems[0].location.file == "bad.py"
    assert set(submission.definitions) == {"relu"}
    assert submission.absent["softmax"] == "bad.py could not be read, so softmax could not be loaded"
    assert submission.files == ("bad.py", "good.py")


@pytest.mark.parametrize(
    "head", [b"\xef\xbb\xbf", b"# coding: utf-8\n", b"# coding: utf8\r\n", b"#!x\n# coding: ascii\n", b"\x0c\n"]
)
def test_utf8_in_its_variants_is_read(gather, head):
    submission = gather(["relu"], {"hw.py": head + GOOD.encode()})
    assert "relu" in submission.definitions and submission.problems == ()
    assert not submission.modules[0].chunks[0].text.startswith("\ufeff")


def test_newlines_of_other_systems_keep_the_line_numbers(gather):
    submission = gather(["relu"], {"hw.py": b"x = 1\r\ny = 2\rdef relu(x):\r\n    return x\r\n"})
    assert submission.definitions["relu"].location.line == 3


def test_hidden_and_installed_folders_are_skipped(gather):
    skipped = [
        ".git",
        "__pycache__",
        ".venv",
        "venv",
        "lib/site-packages",
        "node_modules",
        ".ipynb_checkpoints",
        "grader-results",
    ]
    submission = gather(
        ["relu"],
        {
            "hw.py": GOOD,
            ".hidden.py": "",
            "tf/pyvenv.cfg": "",
            "tf/lib/x.py": GOOD,
            **{f"{name}/x.py": "def relu(): ..." for name in skipped},
        },
    )
    assert submission.files == ("hw.py",) and submission.problems == ()


def test_a_folder_named_like_a_file_is_a_folder(gather):
    submission = gather(["relu"], {"hw.py/inner.py": GOOD})
    assert submission.files == ("hw.py/inner.py",)
    assert submission.definitions["relu"].module == "hw_py.inner"


def test_links_are_not_followed(gather, root, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").write_text("def softmax(z): ...")
    (root / "loop").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "passwd.py").symlink_to("/etc/passwd")
    (root / "gone.py").symlink_to("nowhere")
    (root / "data.csv").symlink_to("/etc/passwd")
    submission = gather(["relu", "softmax"], {"hw.py": GOOD})
    assert submission.files == ("hw.py",)
    assert set(submission.definitions) == {"relu"}
    assert sorted(messages(submission)) == [
        "gone.py is a link and was not read: hand in the file itself",
        "loop is a link, which is not followed",
        "out is a link, which is not followed",
        "passwd.py is a link and was not read: hand in the file itself",
    ]


def test_a_link_given_as_the_file_is_not_followed(root):
    (root / "hw.py").symlink_to("/etc/passwd")
    with pytest.raises(CollectError, match=r"hw\.py is a link"):
        collect(root / "hw.py", [])


def test_pipes_and_sockets_are_not_opened(gather, root):
    os.mkfifo(root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(root)
        server.bind("sock.py")
        submission = gather(["relu"], {"hw.py": GOOD})
    assert sorted(messages(submission)) == [
        "pipe.py is not a regular file and was not read",
        "sock.py is not a regular file and was not read",
    ]


def test_a_huge_file_is_refused(gather, root):
    with open(root / "big.py", "wb") as sparse:
        sparse.truncate(1 << 40)
    submission = gather(["relu"], {"hw.py": GOOD})
    assert messages(submission) == ["big.py is larger than 1 MiB and was not read"]


def test_all_files_together_are_bounded(gather):
    submission = gather(["relu"], {"hw.py": GOOD, **{f"pad{n:02}.py": b"#" * (1 << 20) for n in range(11)}})
    assert messages(submission) == [
        f"pad{n}.py is too much: all .py files together may hold 10 MiB" for n in ("09", "10")
    ]
    assert "relu" in submission.definitions


def test_the_outermost_200_files_are_read(gather):
    submission = gather(
        ["relu", "softmax"], {**{f"a/f{n:03}.py": "" for n in range(200)}, "a/z.py": SOFTMAX, "hw.py": GOOD}
    )
    assert len(submission.files) == 200
    assert set(submission.definitions) == {"relu"}
    assert messages(submission) == ["a/f199.py and 1 more not read: there are more than 200 files"]


def test_a_crowd_of_entries_is_bounded(gather, monkeypatch):
    monkeypatch.setattr(files, "MAX_ENTRIES", 5)
    submission = gather(["relu"], {"hw.py": GOOD, **{f"data/{n}.txt": "" for n in range(9)}})
    assert "relu" in submission.definitions
    assert messages(submission) == ["only the first 5 files and folders were looked at"]


def test_a_deep_tree_does_not_end_the_walk(gather, root):
    gather(["relu"], {"hw.py": GOOD})
    path = root
    for _ in range(60):
        path = path / "d"
        path.mkdir()
    (path / "hw.py").write_text(SOFTMAX)
    submission = collect(root, ["relu"])
    assert submission.files == ("hw.py",)
    assert messages(submission) == [f"{'/'.join('d' * 21)} is more than 20 folders deep and was not looked at"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_named(gather, root):
    (root / "locked.py").write_text("")
    (root / "locked.py").chmod(0)
    assert messages(gather(["relu"], {"hw.py": GOOD})) == ["locked.py could not be read: Permission denied"]


def test_a_file_name_that_is_no_text_is_shown_with_replacements(root):
    with open(os.fsencode(root) + b"/h\xff.py", "wb") as file:
        file.write(GOOD.encode())
    submission = collect(root, ["relu"])
    assert submission.files == ("h\ufffd.py",)
    assert submission.definitions["relu"].module == "h_"


@pytest.mark.parametrize(
    "bomb",
    [
        "x = " + "-" * 100_000 + "1",
        "x = " + "[" * 100_000,
        "x = a" + ".b" * 100_000,
        "lambda:" * 100_000 + "1",
        "f" + "()" * 100_000,
    ],
)
def test_deep_nesting_costs_its_file_only(gather, bomb):
    started = time.monotonic()
    submission = gather(["relu", "softmax"], {"a.py": SOFTMAX + bomb, "b.py": GOOD})
    assert set(submission.definitions) == {"relu"}
    assert (
        submission.absent["softmax"].startswith("a.py ")
        and "softmax could not be loaded" in submission.absent["softmax"]
    )
    assert len(submission.problems) == 1
    assert time.monotonic() - started < 5


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200) | st.text(max_size=100).map(str.encode), suffix=st.sampled_from([".py", ".ipynb"])
)
def test_no_bytes_crash_collecting(root, content, suffix):
    (root / "good.py").write_text(GOOD)
    (root / f"any{suffix}").write_bytes(content)
    assert "relu" in collect(root, ["relu", "any"]).definitions
    (root / f"any{suffix}").unlink()
