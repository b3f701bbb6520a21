"""The results model <-> JSON."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from grader.model import Report

SCHEMA = "grader/results/v1"


class ResultsError(Exception):
    """A results file that cannot be read; the message is one line."""


class _Head(msgspec.Struct):
    schema: str


def encode(report: Report) -> bytes:
    """Return results.json; NaN and infinity become null."""
    return to_json(_encodable(report))


def to_json(value: Any) -> bytes:
    """Return any of our types as JSON: UTF-8, indented, with a final newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def decode(data: bytes) -> Report:
    """Read results.json strictly. Raises ResultsError."""
    try:
        # The schema first: newer results differ in more than that.
        schema = msgspec.json.decode(data, type=_Head).schema
        if schema == SCHEMA:
            return msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ResultsError(f"not a results file: {error}") from error
    raise ResultsError(f"the results have the schema {schema[:80]!r}; this grader reads {SCHEMA!r}")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of results.json (draft 2020-12)."""
    schema = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **schema}


def _encodable(report: Report) -> Any:
    """Replace lone surrogates, which UTF-8 cannot hold: file names and messages of a submission may have them."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return value.encode("utf-8", "replace").decode()
        if isinstance(value, list):
            return [clean(child) for child in value]
        if isinstance(value, dict):
            return {clean(key): clean(child) for key, child in value.items()}
        return value

    return clean(msgspec.to_builtins(report))


if __name__ == "__main__":
    sys.stdout.buffer.write(to_json(json_schema()))
