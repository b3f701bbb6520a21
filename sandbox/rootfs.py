"""What of this machine Python and its libraries need in a bubblewrap box: folders of libraries, read-only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
# The loader's cache; Debian's links to the chosen BLAS; the processors, by which torch picks its kernels.
FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def root(*programs: str) -> list[str]:
    """Return bubblewrap's options that make up the box's root: Python, its libraries, and other programs."""
    binds: list[str] = []
    links: dict[str, str] = {}
    for path in (*SYSTEM, *_pythons(), *map(os.path.realpath, programs)):
        if path in SYSTEM and os.path.islink(path):
            links[path] = os.readlink(path)
        elif os.path.exists(path) and not _holds(binds, path):
            binds.append(path)
    for path in (sys.executable, *programs):
        if not _holds(binds, path):
            links[path] = os.path.realpath(path)
    files = [path for path in FILES if os.path.exists(path)]
    return [
        # Folders that bubblewrap makes on its way are closed to all but their owner.
        *(option for path in _above([*binds, *links, *files, *DEVICES]) for option in ("--dir", path)),
        *(option for path in (*binds, *files) for option in ("--ro-bind", path, path)),
        *(option for path in DEVICES for option in ("--dev-bind", path, path)),
        *(option for path, target in links.items() for option in ("--symlink", target, path)),
    ]


def _pythons() -> Iterator[str]:
    """Yield the interpreter and, of each of its prefixes, the libraries: a prefix can be somebody's home folder."""
    real = os.path.realpath(sys.executable)
    prefixes = (os.path.dirname(os.path.dirname(real)), sys.base_prefix, sys.base_exec_prefix, sys.prefix)
    for prefix in sorted(dict.fromkeys(prefixes), key=len):
        yield from (os.path.join(prefix, name) for name in ("lib", "lib64", "pyvenv.cfg"))
    yield real


def _holds(folders: Iterable[str], path: str) -> bool:
    return any(PurePosixPath(path).is_relative_to(folder) for folder in folders)


def _above(paths: Iterable[str]) -> list[str]:
    """Return the folders on the way to the paths, outermost first, the root apart."""
    found = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted(found - {"/"}, key=len)
