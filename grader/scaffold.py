"""`grader new topic`: a topic file with the places to fill, and an assignment for a chapter that has none."""

from __future__ import annotations

import keyword
from pathlib import Path

from grader.atomic import write_atomically
from grader.course import CourseError, topic_files

POINTS = 10


def new_topic(root: Path, name: str, chapter: str, options: str = "") -> list[str]:
    """Write reference/<chapter>/<name>.py, and return what was written and what to do next, a line each.

    The folder `root` becomes a course if it is none yet; nothing that exists is changed. `options` end the command
    that is recommended. Raises CourseError.
    """
    for what, word in (("function", name), ("chapter", chapter)):
        if not word.isidentifier() or keyword.iskeyword(word) or word != word.lower() or word.startswith("_"):
            raise CourseError(f"{word!r} is no name for a {what}: take a Python name in lower case, such as soft_clip.")
    if (known := topic_files(root).get(name)) is not None:
        raise CourseError(f"{name} is there already: {known}. Edit that file, or choose another name.")
    topic = root / "reference" / chapter / f"{name}.py"
    assignment = root / "assignments" / chapter / "assignment.toml"
    try:
        said = [f"wrote {_written(topic, _topic(name))}"]
        if assignment.exists():
            said.append(f"next: give it points in {assignment}, under [points]: {name} = {POINTS}")
        else:
            said.append(f"wrote {_written(assignment, _assignment(name, chapter))}")
    except OSError as error:
        raise CourseError(f"cannot write {error.filename}: {error.strerror}.") from error
    return [*said, f"next: fill in {topic}", f"then: grader verify {name}{options}"]


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_atomically(path, text.encode())


def _topic(name: str) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(Path(__file__).parent / "_templates")
    environment = Environment(loader=folder, undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    return environment.get_template("topic.py.j2").render(name=name)


def _assignment(name: str, chapter: str) -> str:
    title = chapter.replace("_", " ").capitalize()
    return f'title = "{title}"\ndeadline_s = 5\n\n[points]\n{name} = {POINTS}\n'
