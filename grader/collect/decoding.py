"""From the bytes of a file to its text: strictly UTF-8, with the newlines that Python's parser sees."""

from __future__ import annotations

import codecs
import io
import tokenize

from grader.collect.files import RefusedError
from grader.collect.utf8 import complaint


def decode(data: bytes) -> str:
    """Return the text of a .py file with plain newlines, if it is strictly UTF-8."""
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedError("contains NUL bytes, which Python does not accept: save it again as plain text")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        decode_utf8(data)
        raise RefusedError("declares an encoding that does not fit it: remove the coding line") from None
    if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
        raise RefusedError(f"declares {encoding}: save it as UTF-8 and remove the coding line")
    return universal(decode_utf8(data))


def decode_utf8(data: bytes) -> str:
    """Return the text without its byte order mark, or say which byte is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(complaint(data, error)) from None


def universal(text: str) -> str:
    """Return the text with the newlines that Python's parser sees."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
