"""A class that is quickly graded: one function, submissions of every kind."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = """
import numpy as np

def relu(z):
    return np.maximum(z, 0)

def relu_backward(dout, z):
    return dout * (z > 0)
"""
WRONG = GOOD.replace("np.maximum(z, 0)", "np.abs(z)")


def zipped(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".py", text)
    return data.getvalue()


def notebook(source: str) -> str:
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def klass(tmp_path: Path) -> Path:
    folder = tmp_path / "class"
    for name, source in {"ada": GOOD, "ben": WRONG}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "hw.py").write_text(source)
    (folder / "cleo.zip").write_bytes(zipped(cleo__hw=GOOD))
    (folder / "dan.ipynb").write_text(notebook(GOOD))
    (folder / "eve.zip").write_bytes(b"no zip at all")
    (folder / "readme.txt").write_text("not a submission")
    return folder


def command(folder: Path, *options: object, backend: str = "process") -> list[str]:
    given = ["--only", "relu", "--sandbox", backend, "--out", folder.parent / "out", *options]
    return [sys.executable, "-m", "grader", "batch", str(folder), *map(str, given)]


def batch(folder: Path, *options: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *options), cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}
    )


def records(folder: Path) -> dict[str, dict[str, object]]:
    out = folder.parent / "out"
    return {path.parent.name: json.loads(path.read_bytes()) for path in sorted(out.glob("*/record.json"))}
