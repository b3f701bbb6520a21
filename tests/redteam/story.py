"""What a story is: a hostile or broken submission, and what may come of it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType

# Beside the verdicts of checks: nothing was graded, since collecting refused the submission in one line.
REFUSED = "refused"

# A place where nothing may appear, for files that must be named before the runner can fill anything in.
OUTSIDE = Path(tempfile.gettempdir(), f"redteam-{secrets.token_hex(8)}.py")

# HOSTED is true where the code shares the process table of this machine: there it must bound itself.
# Names between @ are filled in by the runner: @CANARY@ is a file of this machine outside the box, @PORT@ one of its
# ports and @TOKEN@ the name of one of its abstract sockets.
PRELUDE = """\
import os, sys, time
import numpy as np
HOSTED = os.readlink("/proc/self/ns/pid") == "@PID_NS@"
"""

HONEST = """\
def shift(x):
    return x - 1

def total(x):
    return x.sum()
"""


@dataclass(frozen=True, slots=True)
class Story:
    """One submission and the outcomes that are allowed.

    `code` is put into hw.py, after a prelude and before two honest functions; a story that is `apart` has these in a
    file of their own. `files` come beside it, None being a named pipe, and `links` with their targets (a `code` of
    None leaves hw.py out).
    Verdicts are those of the attacked function's values checks; without "pass" among them it must earn nothing.
    `others` are those of the honest functions. `on` gives the verdicts of a backend that promises less, `never_on`
    says why a backend is not asked at all, `holes` on which backends the story is known to fail, and why.
    A story that may not time out has a long deadline, and a `patient` one has it though it may. `submission` names the
    one file that is handed in where it is not the folder.
    """

    name: str
    why: str
    allowed: str
    code: str | None = None
    files: Mapping[str, str | bytes | None] = field(default_factory=lambda: MappingProxyType({}))
    links: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    on: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    never_on: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    holes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    others: str = "pass"
    apart: bool = False
    patient: bool = False
    attacked: str = "affine"
    submission: str = ""

    def promised(self, backend: str) -> bool:
        """Whether the backend keeps this attack from succeeding."""
        return "pass" not in self.on.get(backend, "")

    def verdicts(self, backend: str) -> frozenset[str]:
        """Return what the attacked function may come to."""
        return frozenset(self.on.get(backend, self.allowed).split())

    def takes_its_time(self, backend: str) -> bool:
        """Whether its deadline is long: how busy this machine is must not decide how the story ends."""
        return self.patient or "timeout" not in self.verdicts(backend)

    def contents(self, names: Mapping[str, str]) -> dict[str, bytes | None]:
        """Return the files of the submission, with `names` filled in."""
        files = dict(self.files)
        if self.code is not None:
            files["hw.py"] = PRELUDE + dedent(self.code).strip("\n") + "\n" + ("" if self.apart else "\n\n" + HONEST)
        if self.apart or (self.code is None and not self.submission):
            files["honest.py"] = HONEST
        return {name: _bytes(content, names) for name, content in files.items()}


def filled(text: str, names: Mapping[str, str]) -> str:
    """Return the text with the names between @ replaced."""
    for name, value in names.items():
        text = text.replace(f"@{name}@", value)
    return text


def _bytes(content: str | bytes | None, names: Mapping[str, str]) -> bytes | None:
    return filled(content, names).encode() if isinstance(content, str) else content
