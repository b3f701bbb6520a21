"""What graders on other machines are given: the engine as a wheel, the course, and the script that grades."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from grader import __version__
from grader.assignment import load_assignment
from grader.atomic import write_atomically
from grader.export.errors import ExportError

DISTRIBUTION = "kernel-grader"
WHEEL = f"kernel_grader-{__version__}-py3-none-any.whl"
ROOT = Path(__file__).parents[2]
COURSE = "course"
SECRET = "secret"  # noqa: S105 - the name of a file
_TAGS = "Wheel-Version: 1.0\nGenerator: kernel-grader\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_EXECUTABLE = ("setup.sh", "run_autograder", "autograder.py")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle grades and how; `secret` seeds its hidden inputs, and is left out where it is empty."""

    course: Path
    assignments: Sequence[str]
    framework: Literal["numpy", "torch"] = "numpy"
    sandbox: str = "auto"
    hidden: str = "visible"
    from_index: bool = False
    secret: str = ""


def gradescope(bundle: Bundle) -> Mapping[str, bytes]:
    """Return the files of Gradescope's autograder, which lie at the root of its zip. Raises what a course can."""
    files = _common(bundle) | {name: _script(name, bundle) for name in ("setup.sh", "run_autograder")}
    return files | ({SECRET: bundle.secret.encode()} if bundle.secret else {})


def classroom50(bundle: Bundle) -> Mapping[str, bytes]:
    """Return the files of an assignment's autograder folder; anybody can read them there: no secret is among them."""
    return _common(bundle) | {"autograder.py": _script("autograder.py", bundle)}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of the files, the same for the same files; scripts are executable."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name in _EXECUTABLE else 0o100644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def write(files: Mapping[str, bytes], out: Path) -> None:
    """Write the files below a folder, which is new or was written so before. Raises ExportError and OSError."""
    if out.exists() and not (out / "autograder.py").is_file() and any(out.iterdir()):
        raise ExportError(f"{out} is there and holds no autograder.py: give a new folder.")
    for name, data in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out / name, data)


def engine() -> bytes:
    """Return this engine as a wheel, however it is installed. Raises ExportError."""
    info = f"kernel_grader-{__version__}.dist-info"
    files = {f"{package}/{name}": data for package in ("grader", "sandbox") for name, data in _files(ROOT / package)}
    files |= {f"{info}/METADATA": _metadata().encode(), f"{info}/WHEEL": _TAGS.encode()}
    listed = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in sorted(files.items()))
    return zipped(files | {f"{info}/RECORD": f"{listed}{info}/RECORD,,\n".encode()})


def _metadata() -> str:
    """Return what pip reads; what an editable install says of itself is as old as the install."""
    try:
        requires_python, requirements = _requirements()
    except (PackageNotFoundError, OSError, KeyError) as error:
        raise ExportError(f"{DISTRIBUTION} is not installed here, so its wheel cannot be made: install it.") from error
    lines = ["Metadata-Version: 2.1", f"Name: {DISTRIBUTION}", f"Version: {__version__}"]
    lines += [f"Requires-Python: {requires_python}", "Provides-Extra: torch"]
    return "\n".join([*lines, *(f"Requires-Dist: {requirement}" for requirement in requirements)]) + "\n"


def _requirements() -> tuple[str, list[str]]:
    """Return the Python and the packages that the engine needs, from its project file, else from its installation."""
    if (path := ROOT / "pyproject.toml").is_file():
        project = tomllib.loads(path.read_text("utf-8"))["project"]
        torch = [f"{requirement} ; extra == 'torch'" for requirement in project["optional-dependencies"]["torch"]]
        return project["requires-python"], [*project["dependencies"], *torch]
    installed = distribution(DISTRIBUTION)
    return installed.metadata["Requires-Python"], [
        requirement
        for requirement in installed.requires or ()
        if "extra" not in requirement or "'torch'" in requirement
    ]


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _common(bundle: Bundle) -> dict[str, bytes]:
    load_assignment(bundle.course, bundle.assignments)  # raises for a name that is not there
    files = {f"{COURSE}/reference/{name}": data for name, data in _files(bundle.course / "reference")}
    for assignment in bundle.assignments:
        folder = f"{COURSE}/assignments/{assignment}"
        files |= {f"{folder}/{name}": data for name, data in _files(bundle.course / "assignments" / assignment)}
    return files if bundle.from_index else files | {WHEEL: engine()}


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path.read_bytes()
    # A linked folder is not entered above.
    for link in sorted(path for path in folder.iterdir() if path.is_symlink() and path.is_dir()):
        yield from ((f"{link.name}/{name}", data) for name, data in _files(link.resolve()))


def _script(name: str, bundle: Bundle) -> bytes:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    for word in (*bundle.assignments, bundle.sandbox, bundle.hidden, bundle.framework):
        if not _NAME.fullmatch(word):
            raise ExportError(f"{word!r} cannot be put into a script: use letters, digits, '_', '-' and '.'.")
    extra = "[torch]" if bundle.framework == "torch" else ""
    facts = {
        "bundle": bundle,
        "course": COURSE,
        "extra": extra,
        "requirement": f"{DISTRIBUTION}{extra}=={__version__}",
        "secret": SECRET,
        "wheel": "" if bundle.from_index else WHEEL,
    }
    folder = FileSystemLoader(Path(__file__).parents[1] / "_templates" / "export")
    environment = Environment(loader=folder, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)  # noqa: S701
    return environment.get_template(f"{name}.j2").render(facts).encode()
