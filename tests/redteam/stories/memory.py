"""Code that wants all the memory there is."""

from __future__ import annotations

from tests.redteam.story import Story

STORIES = (
    Story(
        "memory-lists",
        "many small objects",
        "memory",
        "def affine(x):\n    kept = []\n    while True: kept.append([0] * 1_000_000)",
    ),
    Story(
        "memory-arrays",
        "large blocks that are touched",
        "memory",
        "def affine(x):\n    kept = []\n    while True: kept.append(np.ones(10_000_000))",
    ),
    Story(
        "memory-at-once", "one request for 8 TiB", "memory", "def affine(x):\n    return np.zeros((1 << 20, 1 << 20))"
    ),
    Story(
        "memory-huge-integer",
        "a number of 2**40 bits",
        "memory error",
        "def affine(x):\n    return 1 << (1 << 40)",
    ),
    Story(
        "memory-at-import",
        "of a file that needs too much to be loaded the definitions alone are",
        "pass",
        "kept = []\nwhile True: kept.append([0] * 1_000_000)\ndef affine(x):\n    return 3 * x + 1",
        apart=True,
    ),
    Story(
        "memory-temporary-files",
        "what is written to /tmp is memory in a container",
        "error memory",
        """
        import tempfile
        def affine(x):
            for number in range(3 if HOSTED else 1000):
                with tempfile.NamedTemporaryFile(delete=False) as file:
                    for _ in range(8):
                        file.write(bytes(1 << 20))
            raise OSError("no space")
        """,
    ),
    Story(
        "memory-shared",
        "memory that is a file counts for no process: 640 MiB where the box has 512",
        "error memory crash",
        """
        def affine(x):
            for number in range(5 if HOSTED else 40):
                fd = os.memfd_create(f"m{number}")
                os.ftruncate(fd, 16 << 20)
                os.pwrite(fd, bytes(16 << 20), 0)
            if HOSTED:
                raise OSError("enough")
            return 3 * x + 1
        """,
    ),
    Story(
        "memory-mapped",
        "anonymous pages, touched one by one",
        "memory error",
        """
        import mmap
        def affine(x):
            kept = []
            while True:
                kept.append(mmap.mmap(-1, 64 << 20))
                for place in range(0, 64 << 20, 4096):
                    kept[-1][place] = 1
        """,
    ),
    Story(
        "memory-doubling-bytes",
        "a view of a buffer that doubles",
        "memory",
        """
        def affine(x):
            block = bytearray(b"x")
            while True:
                block = bytearray(memoryview(block)) * 2
        """,
    ),
    Story(
        "memory-in-children",
        "each child has a limit of its own: together they must not exceed the box",
        "memory crash error timeout pass",
        """
        def affine(x):
            for _ in range(2 if HOSTED else 8):
                if os.fork() == 0:
                    block = np.ones(30_000_000 if not HOSTED else 1_000)
                    time.sleep(0.3)
                    os._exit(0)
            time.sleep(0.4)
            return 3 * x + 1
        """,
        patient=True,
    ),
    Story(
        "memory-kept-between-calls",
        "the second call finds no room",
        "pass memory",
        "kept = []\ndef affine(x):\n    kept.append(np.ones(20_000_000))\n    return 3 * x + 1",
    ),
    Story("memory-recursion", "Python's own limit", "error", "def affine(x):\n    return affine(x)"),
    Story(
        "memory-recursion-without-limit",
        "the C stack overflows",
        "crash memory error timeout",
        """
        class Deep:
            def __repr__(self):
                return repr(self)

        def affine(x):
            sys.setrecursionlimit(10**9)
            return repr(Deep())
        """,
        patient=True,
    ),
    Story(
        "memory-error-forged",
        "a MemoryError that the code raises itself",
        "memory",
        "def affine(x):\n    raise MemoryError",
    ),
    Story(
        "memory-limit-raised",
        "limits are hard",
        "memory error",
        """
        import resource
        def affine(x):
            try:
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            except ValueError:
                pass
            else:
                if HOSTED:
                    raise MemoryError
            kept = []
            while True: kept.append(np.ones(10_000_000))
        """,
    ),
)
