"""The program of a box: the files that run inside it, carried as text, so that an image holds nothing of ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sandbox.base import Framework

FILES = (
    "wire",
    "encoder",
    "decoder",
    "processes",
    "facts",
    "loader",
    "sides",
    "bench",
    "bpf",
    "exchange",
    "child",
    "worker",
    "autograd",
)
START = """
import sys
from importlib.util import spec_from_loader


class Files:
    def find_spec(self, name, path=None, target=None):
        if name in FILES:
            return spec_from_loader(name, self, is_package=name == "sandbox")

    def create_module(self, spec):
        pass

    def exec_module(self, module):
        exec(compile(FILES[module.__name__], "<box " + module.__name__ + ">", "exec"), module.__dict__)


sys.meta_path.insert(0, Files())
from sandbox.worker import main
main()
"""


@cache
def command(framework: Framework) -> tuple[str, ...]:
    """Return the arguments for a Python interpreter that make it the worker of a box."""
    here = Path(__file__).parent
    texts = {f"sandbox.{name}": (here / f"{name}.py").read_text(encoding="utf-8") for name in FILES}
    return "-I", "-c", f"FILES = { ({'sandbox': ''} | texts)!r}{START}", framework
