"""Code that uses up what is neither time nor memory."""

from __future__ import annotations

from tests.redteam.story import Story

STORIES = (
    Story(
        "resources-open-files",
        "a file that is opened in a loop and never closed",
        "error",
        "def affine(x):\n    kept = []\n    while True: kept.append(open(os.devnull))",
    ),
    Story(
        "resources-sockets",
        "the answer needs no new descriptor",
        "pass",
        """
        import socket
        kept = []
        def affine(x):
            try:
                while True: kept.extend(socket.socketpair())
            except OSError:
                return 3 * x + 1
        """,
    ),
    Story(
        "resources-terminals",
        "a table that the whole machine shares",
        "error",
        "def affine(x):\n    kept = []\n    while True: kept.append(os.openpty())",
    ),
    Story(
        "resources-inodes",
        "many empty files",
        "error",
        """
        def affine(x):
            for number in range(100 if HOSTED else 100_000):
                open(f"f{number}", "w").close()
            raise OSError("enough")
        """,
    ),
    Story(
        "resources-large-file",
        "no file may exceed 64 MiB",
        "error",
        """
        def affine(x):
            with open("large", "wb") as file:
                for _ in range(100):
                    file.write(bytes(1 << 20))
            return 3 * x + 1
        """,
    ),
    Story(
        "resources-sparse-file",
        "a size that costs nothing is refused too",
        "error",
        "def affine(x):\n    open('sparse', 'wb').truncate(1 << 40)\n    return 3 * x + 1",
    ),
    Story(
        "resources-deep-folders",
        "a tree that recursion cannot remove",
        "pass error",
        """
        def affine(x):
            for _ in range(1500):
                os.mkdir("d")
                os.chdir("d")
            return 3 * x + 1
        """,
    ),
    Story(
        "resources-odd-names",
        "names that are no text, and a folder that nobody may enter",
        "pass",
        """
        def affine(x):
            for name in (b"\\xff\\xfe", b"-rf", b"a\\nb", b" "):
                open(name, "w").close()
            if not os.path.exists("closed"):
                os.makedirs("closed/inner")
                os.chmod("closed", 0)
            return 3 * x + 1
        """,
    ),
    Story(
        "resources-links-outside",
        "cleaning up must not follow a link",
        "pass",
        """
        def affine(x):
            if not os.path.lexists("link"):
                os.symlink(os.path.dirname("@CANARY@"), "link")
                os.symlink("@CANARY@", "file")
            return 3 * x + 1
        """,
    ),
    Story(
        "resources-wide-pipes",
        "kernel memory behind pipes",
        "error",
        """
        import fcntl
        def affine(x):
            kept = []
            for _ in range(8 if HOSTED else 1000):
                kept.append(os.pipe())
                fcntl.fcntl(kept[-1][1], fcntl.F_SETPIPE_SZ, 1 << 20)
                os.write(kept[-1][1], bytes(1 << 20))
            raise OSError("enough")
        """,
    ),
    Story(
        "resources-working-folder-gone",
        "the code removes the folder that it stands in",
        "pass error",
        """
        import shutil
        def affine(x):
            shutil.rmtree(os.environ["TMPDIR"] if HOSTED else "/tmp", ignore_errors=True)
            return 3 * x + 1
        """,
    ),
    Story(
        "resources-core-dump",
        "a crash leaves no core behind",
        "crash",
        """
        import ctypes, resource
        def affine(x):
            try:
                resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            except ValueError:
                pass
            os.chdir(os.environ["TMPDIR"] if HOSTED else "/tmp")
            ctypes.string_at(0)
        """,
    ),
)
