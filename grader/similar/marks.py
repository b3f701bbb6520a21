"""Where words are in the source: stretches of words -> places on lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from grader.similar.model import Place, Written
from grader.similar.words import words


def marks(version: Written, stretches: Iterable[range]) -> tuple[Place, ...]:
    """Return the places of stretches of a version's words; words side by side on a line are one place."""
    spelled = [(passage, word) for passage in version.passages for word in words(passage.text)]
    places: list[Place] = []
    last = -2
    for number in sorted(chain.from_iterable(stretches)):
        passage, word = spelled[number]
        line = passage.location.line + word.line - 1
        place = Place(replace(passage.location, line=line), word.start, word.stop)
        if last == number - 1 and places[-1].location == place.location:
            place = replace(place, start=places.pop().start)
        places.append(place)
        last = number
    return tuple(places)
