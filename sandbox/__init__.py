"""Run untrusted functions in a box: protocols, wire format, worker and backends. Imports nothing from grader."""
