"""Make text that a submission controls inert: one sanitiser per target over one shared core.

The core (`excerpt`) cuts text to a readable size and shows every character that could hide or reorder its neighbours as
an escape such as `\\x1b` or `\\u202e`. Each target then neutralises its own syntax. None of them ever raises.
"""

from __future__ import annotations

import re

LINE = 400
BLOCK = 4000
BLOCK_LINES = 60

# C0 but tab and newline, DEL, C1, soft hyphen, joiners and zero-width characters, fillers that draw nothing,
# bidirectional marks, line and paragraph separators, lone surrogates, annotations, noncharacters and tags.
_INVISIBLE = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff"
)
# More than three combining marks on one letter paint over the lines around it.
_STACKED = r"(?<=[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]"
_HIDDEN = re.compile(f"[{_INVISIBLE}]|{_STACKED}")

# Runners read commands from what a step prints: GitHub `::error::` at the start of a line (which wrapping can create
# anywhere) and `##[error]`, Azure `##vso[...]`.
_COMMANDS = re.compile(
    r"::(?=(?:add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|notice|remove-matcher|save-state|set-env"
    r"|set-output|stop-commands|warning)\b)|(?<!\w)::(?=[a-z])|##(?=\[|vso\[)",
    re.IGNORECASE,
)

# A spreadsheet computes a cell that begins so, also after the line break or semicolon at which it may split a cell.
_FORMULA = re.compile(r"(^|[;\n])(\s*)(?=[=+\-@＝＋－＠])")

_BACKTICKS = re.compile("`+")
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~$&#]|:(?=[^\s\d])|(?<=www)\.|^[-+=]", re.IGNORECASE)
_ORDERED = re.compile(r"^(\d+)(?=[.)](?:\s|$))")
# GitHub links these after rendering, when a backslash is long gone; a zero-width space written as an entity stops it.
_REFERENCES = re.compile(r"(?:@(?=\w)|#(?=\d)|\bGH-(?=\d))", re.IGNORECASE)


def excerpt(text: str, limit: int = LINE, lines: int = 1) -> str:
    """Return at most `limit` characters and `lines` lines of text, with everything invisible in it made visible."""
    # Ten megabytes are cut first and looked at afterwards.
    kept = text[:limit]
    if lines == 1:
        shown, gap = " ".join(kept.split()), " "
    else:
        kept = "\n".join(kept.split("\n")[:lines])
        shown, gap = kept.replace("\r\n", "\n").strip("\n").rstrip("\r\n").expandtabs(4), "\n"
    left = len(text) - len(kept)
    if left > 1 or (left and text[-1] != "\n"):
        shown += f"{gap}… {left:,} more character{'' if left == 1 else 's'}"
    return _HIDDEN.sub(_visible, shown)


def terminal(text: str, limit: int = LINE, lines: int = 1) -> str:
    """Return text without control sequences or runner commands; put it in a rich `Text`, where markup means nothing."""
    return _COMMANDS.sub(_split, excerpt(text, limit, lines))


def html(text: str, limit: int = BLOCK, lines: int = BLOCK_LINES) -> str:
    """Return text for a Jinja template with autoescape on, which escapes the markup itself."""
    return excerpt(text, limit, lines)


class Markdown(str):
    """Text that is Markdown already and is not escaped again."""

    __slots__ = ()


def markdown(text: str, limit: int = LINE) -> Markdown:
    """Return one line of prose that GitHub shows as it is: no markup, links, mentions, references or table cells."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", excerpt(text, limit))
    return Markdown(_ORDERED.sub(r"\1\\", _REFERENCES.sub(r"\g<0>&#8203;", escaped)))


def markdown_code(text: str, limit: int = LINE, *, cell: bool = False) -> Markdown:
    """Return a code span; in a table `cell` the pipes are escaped, which only tables undo."""
    shown = _COMMANDS.sub(_split, excerpt(text, limit)) or " "
    ticks = "`" * (_longest_run(shown) + 1)
    pad = " " if "`" in (shown[0], shown[-1]) else ""
    return Markdown(f"{ticks}{pad}{shown.replace('|', chr(92) + '|') if cell else shown}{pad}{ticks}")


def markdown_fence(text: str, limit: int = BLOCK, lines: int = BLOCK_LINES) -> Markdown:
    """Return a fenced block whose fence is longer than any run of backticks inside."""
    shown = _COMMANDS.sub(_split, excerpt(text, limit, lines))
    fence = "`" * max(3, _longest_run(shown) + 1)
    return Markdown(f"{fence}text\n{shown}\n{fence}")


def command(text: str, limit: int = LINE, lines: int = 1) -> str:
    """Return the message of a workflow command of GitHub Actions, which ends at the first line break."""
    return terminal(text, limit, lines).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str, limit: int = LINE) -> str:
    """Return a property of a workflow command, such as a file's name."""
    return command(text, limit).replace(":", "%3A").replace(",", "%2C")


def cell(text: str, limit: int = LINE, lines: int = 1) -> str:
    """Return the text of a cell that no spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\1\2'", excerpt(text, limit, lines))


def xml(text: str, limit: int = BLOCK, lines: int = BLOCK_LINES) -> str:
    """Return text of characters that XML 1.0 can hold; what writes the XML escapes the markup itself."""
    return terminal(text, limit, lines)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _split(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0][0]):02x}{match[0][1]}"


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
