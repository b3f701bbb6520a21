"""Files that cannot be loaded, or do harm while they are."""

from __future__ import annotations

from tests.redteam.story import Story

RIGHT = "def affine(x):\n    return 3 * x + 1\n"

STORIES = (
    Story("load-syntax-error", "the file is lost, and no other", "missing", "def affine(x)\n    return x", apart=True),
    Story("load-empty-file", "there is nothing", "missing", files={"hw.py": ""}),
    Story(
        "load-deep-brackets",
        "the parser's own limit",
        "missing",
        files={"hw.py": RIGHT + "y = " + "(" * 5000 + ")" * 5000},
    ),
    Story(
        "load-deep-operators",
        "a tree so deep that the compiler may overflow its stack",
        "missing pass",
        files={"hw.py": RIGHT + "y = " + "-" * 100_000 + "1"},
    ),
    Story(
        "load-long-sum",
        "another deep tree",
        "missing pass",
        files={"hw.py": RIGHT + "y = " + "1+" * 50_000 + "1"},
    ),
    Story("load-nul-bytes", "Python reads none", "missing", files={"hw.py": RIGHT.encode() + b"y = '\0'\n"}),
    Story("load-latin-1", "a byte that is not UTF-8", "missing", files={"hw.py": RIGHT.encode() + b"# caf\xe9\n"}),
    Story("load-utf-16", "another encoding altogether", "missing", files={"hw.py": RIGHT.encode("utf-16")}),
    Story(
        "load-coding-line",
        "a codec that runs on the source",
        "missing",
        files={"hw.py": "# coding: unicode_escape\n" + RIGHT},
    ),
    Story("load-ten-megabytes", "more source than is read", "missing", files={"hw.py": RIGHT + "x = 1\n" * 1_800_000}),
    Story("load-many-files", "the outermost are read", "pass", RIGHT, files={f"lib/m{i}.py": "" for i in range(300)}),
    Story("load-named-pipe", "a pipe that nobody writes to", "missing", files={"hw.py": None}),
    Story("load-link-outside", "a link to a file of this machine", "missing", links={"hw.py": "@CANARY@"}),
    Story("load-exit", "sys.exit() costs its own statement", "pass", "sys.exit(1)\n" + RIGHT + "raise SystemExit"),
    Story(
        "load-exit-at-once",
        "what ends the process costs its own statement",
        "pass",
        "os._exit(0)\n" + RIGHT,
        apart=True,
    ),
    Story("load-raising", "a failing statement costs itself", "pass", "1 / 0\n" + RIGHT + "raise KeyboardInterrupt"),
    Story(
        "load-hostile-exception",
        "an exception that cannot be shown",
        "pass",
        "class E(BaseException):\n    def __str__(self): raise self\n    __repr__ = __str__\n" + RIGHT + "raise E",
    ),
    Story("load-missing-module", "not installed", "pass", "import no_such_library as lib\n" + RIGHT),
    Story(
        "load-missing-module-needed",
        "the function cannot do without",
        "error",
        "import no_such_library as lib\ndef affine(x):\n    return lib.affine(x)",
    ),
    Story(
        "load-circular-import",
        "two files that import each other",
        "pass",
        "from other import one\nthree = 3\ndef affine(x):\n    return three * x + one",
        files={"other.py": "import hw\none = 1\nthree = hw.three if hasattr(hw, 'three') else 3\n"},
    ),
    Story("load-imports-itself", "a file that is still being loaded", "pass", "import hw\nfrom hw import *\n" + RIGHT),
    Story("load-star-import", "pow is no longer the built-in one", "pass", "from math import *\n" + RIGHT),
    Story("load-recursion", "a recursion without end", "pass", "def f(): f()\nf()\n" + RIGHT),
    Story("load-deleted", "the function is taken away again", "missing", RIGHT + "del affine"),
    Story("load-overwritten", "the name ends as a number", "missing", RIGHT + "affine = 3"),
    Story(
        "load-class", "a class is no function", "missing", "class affine:\n    def __new__(cls, x): return 3 * x + 1"
    ),
    Story(
        "load-callable-object",
        "whose signature is a trap",
        "error pass",
        """
        class Trap:
            @property
            def __signature__(self): raise ZeroDivisionError
            @property
            def __wrapped__(self): return self
            def __call__(self, x): return 3 * x + 1
        affine = Trap()
        """,
    ),
    Story(
        "load-module-replaced",
        "the module takes itself out of the table of modules",
        "pass error",
        RIGHT + "sys.modules[__name__] = None\ndel sys.modules[__name__]",
        apart=True,
    ),
    Story(
        "load-modules-cleared",
        "everything has to be imported again",
        "pass error crash memory timeout missing",
        RIGHT + "sys.modules.clear()\nsys.meta_path.clear()\nsys.path.clear()",
        apart=True,
    ),
    Story(
        "load-builtins-replaced",
        "what the sandbox itself calls is no longer what it was",
        "pass fail error crash memory timeout missing",
        RIGHT
        + "import builtins\nbuiltins.len = lambda x: 0\nbuiltins.isinstance = lambda *a: True\nbuiltins.type = id",
        apart=True,
    ),
    Story("load-no-builtins", "of the module alone", "pass", RIGHT + "__builtins__ = {}", apart=True),
)
