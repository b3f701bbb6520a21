"""The one error of exports."""

from __future__ import annotations


class ExportError(Exception):
    """An export that cannot be made as asked; the message is one line that says what to do."""
