"""What each submission of a folder wrote for each function: its definition and the helpers that it uses."""

from __future__ import annotations

import os
import re
import tokenize
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grader.batch.find import HandIn, parcel
from grader.collect import CollectError, search, take
from grader.collect.reading import split
from grader.model import Location, Submission
from grader.quote import location_in, source_lines
from grader.similar.fingerprints import encoded
from grader.similar.model import Passage, Read, Refused, Written
from grader.similar.words import words

# Of one definition this much is compared, and of so many helpers.
MAX_CHARACTERS, MAX_HELPERS = 100_000, 20
_DEFINED = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_NAME = re.compile(r"[^\W\d]\w*")


def gather(hand_ins: Sequence[HandIn], wanted: Sequence[str]) -> Iterator[Read | Refused]:
    """Yield what each hand-in wrote of the wanted functions, in their order, or why it could not be read.

    Most of the time goes into the child that parses: several are read at once.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from pool.map(lambda hand_in: _read(hand_in, wanted), hand_ins)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def handed_out(path: Path) -> list[str]:
    """Return the code of every file and cell that was handed out, as `Written` has it. Raises CollectError."""
    return [encoded(words(part.text)) for part in split(take(path).intake, ()).parts]


def _read(hand_in: HandIn, wanted: Sequence[str]) -> Read | Refused:
    read = parcel(hand_in)
    try:
        if read.refusal:
            raise CollectError(read.refusal)
        return Read(hand_in.folder, written(search(read.taken or take(hand_in.path), wanted), wanted))
    except CollectError as error:
        return Refused(hand_in.folder, str(error))
    except Exception as error:  # whatever we did not foresee costs one submission, and not the class
        return Refused(hand_in.folder, f"our own fault: {type(error).__name__}: {error}")


def written(submission: Submission, wanted: Sequence[str]) -> dict[str, Written]:
    """Return what a submission has of each function. A helper counts once, with the first function that uses it."""
    helpers = _helpers(submission, wanted)
    found = {}
    for function in wanted:
        if function in submission.definitions:
            definition = submission.definitions[function]
            lines = source_lines(submission, definition.location, definition.last_line)
            passages = [_passage(definition.location, lines)]
            used = _NAME.findall(passages[0].text)
            while used and len(passages) <= MAX_HELPERS:
                if (helper := helpers.pop(used.pop(0), None)) is not None:
                    passages.append(_passage(helper, _definition(source_lines(submission, helper, 1 << 30))))
                    used += _NAME.findall(passages[-1].text)
            if code := "".join(encoded(words(passage.text)) for passage in passages):
                found[function] = Written(tuple(passages), code)
    return found


def _passage(location: Location, lines: Sequence[str]) -> Passage:
    return Passage(location, "\n".join(lines)[:MAX_CHARACTERS])


def _helpers(submission: Submission, wanted: Collection[str]) -> dict[str, Location]:
    """Return where the other top-level functions of a submission are."""
    found: dict[str, Location] = {}
    for chunk in (chunk for module in submission.modules for chunk in module.chunks):
        for match in _DEFINED.finditer(chunk.text):
            line = chunk.line + chunk.text.count("\n", 0, match.start())
            found.setdefault(match[1], location_in(chunk.label, line))
    return {name: location for name, location in found.items() if name not in wanted}


def _definition(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of the definition that they begin with."""
    depth = end = 0
    try:
        for token in tokenize.generate_tokens(iter(f"{line}\n" for line in lines).__next__):
            if token.type not in (tokenize.NL, tokenize.COMMENT):
                depth += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
                if end and not depth:
                    return lines[:end]
            if token.type == tokenize.NEWLINE:
                end = token.start[0]
    except (tokenize.TokenError, SyntaxError):
        pass  # what comes after it may be cut in the middle
    return lines
