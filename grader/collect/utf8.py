"""What is said of bytes that are not UTF-8, by the host and by the limited child."""

from __future__ import annotations


def complaint(data: bytes, error: UnicodeDecodeError) -> str:
    """Return which byte is wrong and what to do, as the end of a sentence that starts with the file's name."""
    line = data.count(b"\n", 0, error.start) + 1
    return f"is not UTF-8 text (byte 0x{data[error.start]:02x} in line {line}): save it as UTF-8"
