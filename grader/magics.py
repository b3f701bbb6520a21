"""`%%grade softmax`: run a cell, then check the functions that are named."""

from __future__ import annotations

from typing import Any

from grader.live import check_live

USAGE = "Name the functions to check, such as `%%grade softmax`."


def register(shell: Any) -> None:
    """Add the cell magic to an IPython shell."""

    def grade(line: str, cell: str) -> None:
        """Run the cell, then check the functions named after `%%grade` against the public cases of the handout."""
        names = line.replace(",", " ").split()
        if not names:
            print(USAGE)
            return
        # In place of the magic's own line, so that lines keep their numbers; another cell magic must come first.
        body = cell if cell.startswith("%%") else f"# %%grade {line}\n{cell}"
        if _run(shell, body):
            _show(names, shell)

    shell.register_magic_function(grade, "cell", "grade")


def _run(shell: Any, body: str) -> bool:
    """Run the body under the number that its cell shows, and return whether it ran to its end."""
    count = shell.execution_count
    shell.execution_count = len(shell.history_manager.input_hist_parsed) - 1  # IPython 9 counts before it runs
    try:
        return bool(shell.run_cell(body).success)
    finally:
        shell.execution_count = count


def _show(names: list[str], shell: Any) -> None:
    from IPython.display import display

    for name in names:
        display(check_live(name, None, shell.user_ns))  # type: ignore[no-untyped-call]
