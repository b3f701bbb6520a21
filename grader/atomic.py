"""Write files that nobody ever reads half of."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes, mode: int = 0o666) -> Path:
    """Write beside the file and rename: a reader sees the old one or the new one. Returns the path.

    The file has the permissions `mode`, less what the umask takes away, from the first moment.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(partial, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path
