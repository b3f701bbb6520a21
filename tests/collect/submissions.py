"""Makes and looks into submissions."""

import __future__

import json
import textwrap

from grader.model import Submission


def notebook(*cells: str, **metadata: object) -> str:
    """Return a notebook of code cells, as Jupyter writes it."""
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": metadata
            or {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell{number}",
                    "execution_count": None,
                    "metadata": {},
                    "outputs": [],
                    "source": textwrap.dedent(source).strip("\n").splitlines(keepends=True),
                }
                for number, source in enumerate(cells)
            ],
        }
    )


def messages(submission: Submission) -> list[str]:
    return [problem.message for problem in submission.problems]


def loaded(submission: Submission, name: str) -> object:
    """Run the chunks of a definition's module here, as the box would, and return the defined object."""
    module = next(m for m in submission.modules if m.name == submission.definitions[name].module)
    namespace: dict[str, object] = {"__name__": module.name}
    flags = 0
    for chunk in module.chunks:
        code = compile("\n" * (chunk.line - 1) + chunk.text, chunk.label, "exec", flags, dont_inherit=True)
        flags |= code.co_flags & __future__.annotations.compiler_flag
        exec(code, namespace)
    return namespace[submission.definitions[name].name]
