"""The program of a box: the files that run inside it, carried as text, so that an image holds nothing of ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sandbox.base import Device, Framework

FILES = (
    "wire",
    "encoder",
    "decoder",
    "processes",
    "facts",
    "loader",
    "devices",
    "sides",
    "calling",
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
def command(framework: Framework, device: Device = "cpu") -> tuple[str, ...]:
    """Return the arguments for a Python interpreter that make it the worker of a box."""
    texts = {f"sandbox.{name}": _text(name) for name in FILES}
    return "-I", "-c", f"FILES = { ({'sandbox': ''} | texts)!r}{START}", framework, device


def _text(name: str) -> str:
    return (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
