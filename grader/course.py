"""Find a course and load its topics by path: the engine never imports a course through sys.path."""

from __future__ import annotations

import hashlib
import importlib
import sys
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.topic import Topic


class CourseError(Exception):
    """No usable course; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Course:
    """The topics of a course by name; `faults` says of each topic that did not load, why."""

    root: Path
    topics: Mapping[str, Topic]
    faults: Mapping[str, str]


def find_course(explicit: Path | None, start: Path) -> Path:
    """Return the root of the course: the given folder, else the nearest parent of `start` that holds one.

    A submission never chooses the course: pass the working directory as `start`. Raises CourseError.
    """
    if explicit is not None:
        if not _is_course(explicit):
            raise CourseError(f"{explicit} is no course: it needs the folders reference/ and assignments/.")
        return explicit.resolve()
    for folder in (start, *start.parents):
        if _is_course(folder):
            return folder.resolve()
    raise CourseError("No course found: run inside a folder with reference/ and assignments/, or give --course DIR.")


def _is_course(folder: Path) -> bool:
    return (folder / "reference").is_dir() and (folder / "assignments").is_dir()


def topic_files(root: Path) -> dict[str, Path]:
    """Return the file of every topic by function name; raises CourseError when two files define one function."""
    files: dict[str, Path] = {}
    for path in sorted((root / "reference").glob("*/*.py")):
        if path.stem in files:
            raise CourseError(f"{path.stem} is defined twice: {files[path.stem]} and {path}. Remove one.")
        files[path.stem] = path
    return files


def load_course(root: Path, names: Iterable[str] | None = None) -> Course:
    """Load the named topics of a course, or all; a topic that does not load is a fault of its own."""
    files = topic_files(root)
    package = _package(root / "reference")
    topics: dict[str, Topic] = {}
    faults: dict[str, str] = {}
    for name in files if names is None else names:
        try:
            topics[name] = _load_topic(package, files, name)
        except Exception as error:  # an author's file may fail in any way, and costs only its own topic
            faults[name] = f"the topic {name} does not load: {type(error).__name__}: {error}"
    return Course(root, topics, faults)


def _load_topic(package: str, files: Mapping[str, Path], name: str) -> Topic:
    if name not in files:
        raise CourseError(f"there is no reference/<chapter>/{name}.py")
    module = importlib.import_module(f"{package}.{files[name].parent.name}.{name}")
    topic = getattr(module, "TOPIC", None)
    if not isinstance(topic, Topic):
        raise CourseError(f"{files[name].name} has no TOPIC = Topic(...)")
    if topic.name != name:
        raise CourseError(f"{files[name].name} defines {topic.name}; the file must carry the function's name")
    return topic


def _package(reference: Path) -> str:
    """Register a synthetic package for the folder, so that reference files can import each other relatively."""
    name = "_course_" + hashlib.sha256(str(reference.resolve()).encode()).hexdigest()[:12]
    if name not in sys.modules:
        package = types.ModuleType(name)
        package.__path__ = [str(reference)]
        sys.modules[name] = package
    return name
