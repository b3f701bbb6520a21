"""Files that are named like something else, in the hope of being loaded in its place."""

from __future__ import annotations

from tests.redteam.story import Story

RIGHT = "import numpy as np\n\ndef affine(x):\n    return np.asarray(3 * x + 1)\n"
TRAP = "import os\nos._exit(0)\n"
TAMPER = "def pytest_configure(*a): raise SystemExit\nopen('@CANARY@', 'w').write('changed')\n"
SOURCES = ("numpy.py", "json.py", "torch.py", "os.py", "sandbox.py", "grader.py", "ast.py", "struct.py", "encodings.py")


def beside(name: str, why: str, files: dict[str, str], allowed: str = "pass") -> Story:
    """Return a story of a right answer beside files that must not be loaded for it."""
    return Story(f"shadowing-{name}", why, allowed, RIGHT, files=files)


STORIES = (
    beside("modules", "modules of the libraries and of ours", dict.fromkeys(SOURCES, TRAP)),
    beside("package", "a package named numpy", {"numpy/__init__.py": TRAP, "numpy/linalg.py": TRAP}),
    beside("parts-of-ours", "modules of the sandbox", {"sandbox/worker.py": TRAP, "sandbox/__init__.py": TRAP}),
    beside("start-up", "what Python loads at its start", {"sitecustomize.py": TAMPER, "usercustomize.py": TAMPER}),
    beside(
        "pytest",
        "what pytest loads",
        {"conftest.py": TAMPER, "pytest.ini": "", "test_x.py": TAMPER, "setup.py": TAMPER},
    ),
    beside("main", "what runs a folder", {"__main__.py": TAMPER, "__init__.py": ""}),
    beside("path-files", "what extends the path", {"x.pth": "import os; os._exit(0)\n", "pyvenv.cfg": ""}),
    beside(
        "course",
        "a course of the submission's own",
        {"reference/hostile/affine.py": TAMPER, "assignments/patient/assignment.toml": "title = 'mine'"},
    ),
    beside("course-module", "the module that carries arguments", {"_course_affine.py": TRAP}),
    beside("settings", "settings of tools", {"pyproject.toml": "[tool]", "tox.ini": "", ".env": "GRADER_SECRET=x"}),
    beside("bytecode", "compiled code", {"__pycache__/hw.cpython-311.pyc": "x", "hw.pyc": "x", "hw.so": "x"}),
    Story(
        "shadowing-defined-in-numpy",
        "the function stands in a file named numpy.py",
        "pass",
        files={"numpy.py": "def affine(x):\n    return 3 * x + 1\n"},
    ),
    Story(
        "shadowing-defined-in-main",
        "the function stands in a file named __main__.py",
        "pass",
        files={"__main__.py": "def affine(x):\n    return 3 * x + 1\n"},
    ),
    Story(
        "shadowing-two-definitions",
        "nothing is guessed",
        "missing pass fail",
        "def affine(x):\n    return x\n",
        files={"other.py": "def affine(x):\n    return 3 * x + 1\n"},
    ),
    Story(
        "shadowing-import-of-ours",
        "the box's own modules are hidden from the code",
        "error",
        "def affine(x):\n    import sandbox.worker\n    return 3 * x + 1\n",
        on={"process": "pass error"},
    ),
)
