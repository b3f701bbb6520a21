"""The handout's text, taken apart: every function finds its section."""

from pathlib import Path

import pytest

from grader.assignment import assignment_names, load_assignment
from grader.generate.text import images, kept, sections

ROOT = Path(__file__).resolve().parents[2]
TEXT = """# Title
Intro about `late(x)`.

## `one(x)` and `two(y)`
Text.
```
# no heading
```

## Penalties
- `three(x)` and `one(x)`.

## `late(x)`
![A plot](plot.svg) <img src="other.svg" width="1" alt="Other.">

## Grading
"""


def test_a_function_belongs_to_the_heading_that_names_it_else_to_the_text():
    parts = sections(TEXT, ["one", "two", "three", "late"])
    assert [part.functions for part in parts] == [(), ("one", "two"), ("three",), ("late",), ()]
    assert "# no heading" in parts[1].text


def test_sections_about_other_functions_are_left_out():
    parts = kept(sections(TEXT, ["one", "two", "three", "late"]), ["two"])
    assert [part.text.partition("\n")[0] for part in parts] == ["# Title", "## `one(x)` and `two(y)`", "## Grading"]
    assert parts[1].functions == ("two",)


def test_images_are_found_in_both_spellings():
    assert [(file, alt) for _, file, alt in images(TEXT)] == [("plot.svg", "A plot"), ("other.svg", "Other.")]


@pytest.mark.parametrize("name", assignment_names(ROOT))
def test_every_function_of_the_course_has_its_section(name):
    names = [function.name for function in load_assignment(ROOT, [name]).functions]
    parts = sections((ROOT / "assignments" / name / "README.md").read_text(), names)
    assert sorted(function for part in parts for function in part.functions) == sorted(names)
