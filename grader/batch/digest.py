from __future__ import annotations

from grader.batch.model import RECORD_SCHEMA, FunctionDigest, Record
from grader.model import Report


def record_of(report: Report, *, key: str, folder: str, name: str) -> Record:
    return Record(
        RECORD_SCHEMA,
        key,
        folder,
        name,
        report.outcome,
        report.hundredths,
        report.max_hundredths,
        tuple(
            FunctionDigest(f.name, f.hundredths, f.max_hundredths, "", len(f.checks), (), f.cpu_seconds, None)
            for f in report.functions
        ),
        (report.faults or ("",))[0],
        report.duration_s,
    )
