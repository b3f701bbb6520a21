"""A student's `grader.toml`: which function of which file is handed in under which name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from grader.collect.choose import Choice, Found, last_in_file
from grader.collect.files import SETTINGS, Intake
from grader.model import Location, Problem

EXAMPLE = 'softmax = "layers/basic.py:my_softmax"'


class _Settings(msgspec.Struct):
    functions: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Alias:
    """A wanted function and the file and name that `[functions]` gives for it."""

    wanted: str
    file: str
    name: str

    def __str__(self) -> str:
        return f"{SETTINGS} says that {self.wanted} is {self.name} in {self.file}"


def read_aliases(intake: Intake, wanted: Sequence[str]) -> tuple[Alias, ...]:
    """Return what `grader.toml` says of the wanted functions, saying what is wrong in it."""
    data = intake.settings
    if data is None:
        return ()
    try:
        functions = msgspec.toml.decode(data, type=_Settings).functions
    except (ValueError, RecursionError) as error:
        said = f"{SETTINGS} is not read: {str(error).splitlines()[0][:200]}"
        intake.problems.append(Problem(said, Location(SETTINGS, 1)))
        return ()
    aliases = []
    for name in [name for name in functions if name in wanted]:
        file, colon, actual = functions[name].rpartition(":")
        if colon and actual.isidentifier():
            aliases.append(Alias(name, file.removeprefix("./"), actual))
        else:
            said = f"{SETTINGS}: under [functions] a line reads {EXAMPLE}, which that of {name} does not"
            intake.problems.append(Problem(said, Location(SETTINGS, 1)))
    return tuple(aliases)


def apply(aliases: Sequence[Alias], found: Sequence[Found], intake: Intake, choice: Choice) -> None:
    """Let what `grader.toml` says count before what was found by name."""
    for alias in aliases:
        ones = [one for one in found if one.file == alias.file and one.name.name == alias.name]
        chosen = last_in_file(ones, choice)
        choice.definitions.pop(alias.wanted, None)
        choice.absent.pop(alias.wanted, None)
        if chosen is not None:
            choice.definitions[alias.wanted] = chosen
        elif alias.file not in intake.contents:
            choice.absent[alias.wanted] = f"{alias}, and there is no such file"
        else:
            choice.absent[alias.wanted] = f"{alias}, which defines no such function"
