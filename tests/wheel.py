"""The archives of the engine, and fresh environments that hold nothing of ours but one of them."""

import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent


def built(out: Path, *kinds: str) -> list[Path]:
    """Build archives (`--wheel`, `--sdist`) with the build tools of the development environment: no download."""
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(out.iterdir())


def installed(folder: Path, archive: Path) -> Path:
    """Install into a fresh environment that sees this one's libraries, and return the folder of its programs.

    A line in a .pth file adds the libraries and not what their own .pth files add, such as an editable install.
    """
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next((venv / "lib").glob("python*/site-packages"))
    (site / "libraries.pth").write_text(f"{Path(click.__file__).parent.parent}\n")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed"]
    command = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install", *options]
    subprocess.run([*command, str(archive)], check=True, capture_output=True)
    return venv / "bin"
