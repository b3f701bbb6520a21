"""Source as words that stay the same when names, comments, annotations, docstrings and layout change.

The standard library's tokenizer reads it, which builds no tree that could be nested too deeply. Nothing is executed.
"""

from __future__ import annotations

import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tokenize import TokenInfo

# Of one file; the words of what follows are not compared.
MAX_WORDS = 50_000
_BUILTINS = frozenset(dir(builtins))
_LAYOUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
NAME, NUMBER, STRING = "name", "number", "string"


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its place: the line counted from 1, and the columns."""

    text: str
    line: int
    start: int
    stop: int


def words(source: str) -> list[Word]:
    """Return the words of some source, as far as it is Python.

    Names that anybody may choose are all the same word, and so are numbers and strings; attributes, built-in names,
    arguments by keyword and operators stay. Left out is what is handed out or says nothing: the heads of functions,
    docstrings, imports, `pass`, `raise NotImplementedError`, annotations, and brackets that only group.
    """
    found: list[Word] = []
    for statement in _statements(source):
        found += _spelled(_own(statement))
        if len(found) > MAX_WORDS:
            break
    return found[:MAX_WORDS]


def _statements(source: str) -> Iterator[list[TokenInfo]]:
    """Yield the tokens of each logical line, without layout and comments."""
    statement: list[TokenInfo] = []
    try:
        for token in _tokens(source):
            if token.type == tokenize.NEWLINE or token.string == ";":
                yield statement
                statement = []
            elif token.type not in _LAYOUT:
                statement.append(token)
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass  # it may be cut in the middle: what came before counts
    yield statement


def _tokens(source: str) -> Iterator[TokenInfo]:
    """Yield the tokens; from Python 3.12 on a formatted string is several, which are made one."""
    begins: list[TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind.endswith("STRING_START"):
            begins.append(token)
        elif kind.endswith("STRING_END"):
            begin = begins.pop()
            if not begins:
                yield TokenInfo(tokenize.STRING, '""', begin.start, token.end, token.line)
        elif not begins:
            yield token


def _own(statement: Sequence[TokenInfo]) -> Sequence[TokenInfo]:
    """Return what of a statement is the author's own."""
    texts = [token.string for token in statement[:2]]
    if all(token.type == tokenize.STRING for token in statement) or texts[0] in ("import", "from", "pass"):
        return ()
    if texts == ["raise", "NotImplementedError"]:
        return ()
    if texts[0] == "def" or texts == ["async", "def"]:
        return _own(after) if (after := _after_colon(statement)) else ()
    if texts[1:] == [":"] and statement[0].type == tokenize.NAME and not keyword.iskeyword(texts[0]):
        equals = next((n for n, token in enumerate(statement) if token.string == "="), len(statement))
        return [statement[0], *statement[equals:]]
    return statement


def _after_colon(statement: Sequence[TokenInfo]) -> Sequence[TokenInfo]:
    """Return what follows the head of a compound statement on its line."""
    depth = 0
    for number, token in enumerate(statement):
        depth += (token.string in _OPENING) - (token.string in _CLOSING)
        if token.string == ":" and not depth:
            return statement[number + 1 :]
    return ()


def _spelled(statement: Sequence[TokenInfo]) -> Iterator[Word]:
    """Yield the words of a statement."""
    told: list[bool] = []  # of each open bracket, whether it is more than grouping
    for before, token, after in zip([None, *statement], statement, [*statement[1:], None], strict=False):
        text, following = token.string, after.string if after else ""
        if text in _OPENING:
            told.append(text != "(" or _ends_value(before))
            text = text if told[-1] else ""
        elif text in _CLOSING:
            text = text if not told or told.pop() else ""
        elif text == "." or (text == "," and following in _CLOSING):
            text = ""
        elif token.type == tokenize.NAME:
            text = _name(text, before, following if told else "")
        elif token.type == tokenize.NUMBER:
            text = NUMBER
        elif token.type == tokenize.STRING:
            text = STRING
        if text:
            (line, start), (last, stop) = token.start, token.end
            yield Word(text, line, start, stop if last == line else start + 1)


def _name(text: str, before: TokenInfo | None, following: str) -> str:
    """Return the word of a name: itself where nobody may choose another one."""
    if before is not None and before.string == ".":
        return f".{text}"
    if keyword.iskeyword(text) or text in _BUILTINS:
        return text
    return text if following == "=" else NAME


def _ends_value(token: TokenInfo | None) -> bool:
    """Tell whether a bracket after a token calls what ends there."""
    if token is None:
        return False
    named = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
    return named or token.type == tokenize.STRING or token.string in _CLOSING
