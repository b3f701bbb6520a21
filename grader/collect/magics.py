"""Takes out of a notebook's cell what IPython adds to Python, so that line numbers and indentation stay."""

from __future__ import annotations

import re

TRANSPARENT = frozenset({"time", "timeit", "capture", "prun", "grade"})
CELL_MAGIC = re.compile(r"\s*%%(\w*)[^\n]*")
# At the start of a statement: %magic, !shell, ?help, `x[0] = !ls`, `x = %magic`; and `help?` at its end.
# Nothing is given back (`*+`): two repetitions that share a megabyte of blanks between them would cost a day.
MAGIC = re.compile(
    r"[ \t]*+(?:[%!?]|(?:[\w., ]|\[[\w.,: '\"-]*+\])++=[ \t]*+[%!]"
    r"|[\w.*]++[ \t]*+\?{1,2}[ \t]*+;?[ \t]*+(?:#.*)?$)"
)
# In a cell of one line IPython takes the name of a magic without its sign.
AUTOMAGIC = re.compile(
    r"\s*+(?:pip|conda|mamba|cd|ls|ll|pwd|cat|cp|mv|mkdir|rm|run|time|timeit|matplotlib|load_ext|env|who)\b[^\n]*+\s*+"
)
PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)
# Strings and comments are tokens so that brackets and newlines in them do not count.
TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'(?:[^'\\\n]|\\.)*+'?"
    r"|#[^\n]*|\\\n|[][(){}]|\n",
    re.DOTALL,
)


def without_cell_magic(text: str) -> tuple[str, str]:
    """Return the code and the cell magic that keeps it from being Python, if any: `%%time` only watches its cell."""
    magic = CELL_MAGIC.match(text)
    if not magic:
        return text, ""
    if magic[1] in TRANSPARENT:
        return "\n" * magic[0].count("\n") + text[magic.end() :], ""
    return text, f"%%{magic[1][:40]}"


def without_magics(text: str) -> str:
    """Replace magics, shell escapes and help by `pass`, in code without what it was pasted with."""
    if AUTOMAGIC.fullmatch(text):
        return "pass"
    text = as_typed(text)
    pieces: list[str] = []
    position = 0
    while position < len(text):
        end = end_of_line(text, position)
        if MAGIC.match(text[position:end]):
            while end < len(text) and text[end - 1] == "\\":
                end = end_of_line(text, end + 1)
            line = text[position:end]
            indent = line[: len(line) - len(line.lstrip())]
            pieces.append(f"{indent}pass" + "\n" * line.count("\n"))
        else:
            end = end_of_statement(text, position)
            pieces.append(text[position:end])
        pieces.append(text[end : end + 1])
        position = end + 1
    return "".join(pieces)


def as_typed(text: str) -> str:
    """Return the code without the prompts (`>>>`) or the indentation that all of it was pasted with."""
    if text.lstrip().startswith(">>>"):
        text = PROMPT.sub("", text)
    indent = text[: len(text) - len(text.lstrip())].rpartition("\n")[2]
    return re.sub(f"^{re.escape(indent)}", "", text, flags=re.MULTILINE) if indent else text


def end_of_line(text: str, position: int) -> int:
    """Return where the next newline is, or the end of the text."""
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def end_of_statement(text: str, position: int) -> int:
    """Return where the newline is that ends the statement: not one in brackets, in a string or after a backslash."""
    depth = 0
    for token in TOKEN.finditer(text, position):
        found = token.group()
        if found in "([{":
            depth += 1
        elif found in ")]}":
            depth -= 1
        elif found == "\n" and depth <= 0:
            return token.start()
    return len(text)
