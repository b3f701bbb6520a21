"""Print proofs: a line per topic, then what failed; with `matrix`, which case catches which mistake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grader.verify.prove import Proof


def print_proofs(proofs: Sequence[Proof], matrix: bool) -> None:
    """Print the table, the matrices if asked for, every failure, and the totals."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(proofs))
    console.print(
        "right: the worst alternate's error, wrong: the smallest mistake's, in units of the allowed error "
        "(inf: no matter of size); named: mistakes whose hint is given; mut.: mutants of the reference, equal: those "
        "declared equivalent"
    )
    if matrix:
        for proof in proofs:
            _print_matrix(console, proof)
    for proof in proofs:
        for failure in proof.failures:
            console.print(f"[bold red]fail[/]  {escape(proof.topic)}: {escape(failure)}")
    broken = sum(bool(proof.failures) for proof in proofs)
    mutants, survivors = sum(proof.mutants for proof in proofs), sum(len(proof.survivors) for proof in proofs)
    console.print(
        f"{len(proofs)} topics, {sum(proof.mistakes for proof in proofs)} mistakes "
        f"of which {sum(len(proof.named) for proof in proofs)} are named, "
        f"{sum(proof.alternates for proof in proofs)} alternates, {mutants} mutants, "
        f"{survivors} survivors; {broken or 'no'} topic{'s' if broken != 1 else ''} unsound"
    )


def _table(proofs: Iterable[Proof]) -> Table:
    # One blank between columns: the longest name of the course fits into 80 columns beside them.
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for column in ("topic", "proof", "cases", "mistakes", "named", "alts", "right", "wrong", "mut.", "equal"):
        table.add_column(column, justify="left" if column in ("topic", "proof") else "right", no_wrap=True)
    for proof in proofs:
        verdict = "[bold red]FAIL[/]" if proof.failures else "[green]ok[/]"
        declared = sum(bool(survivor.reason) for survivor in proof.survivors)
        numbers = (proof.cases, proof.mistakes, len(proof.named), proof.alternates)
        margins = (_margin(proof.right_margin), _margin(proof.wrong_margin))
        table.add_row(proof.topic, verdict, *map(str, numbers), *margins, str(proof.mutants), str(declared))
    return table


def _print_matrix(console: Console, proof: Proof) -> None:
    cases = list(dict.fromkeys(case for caught in proof.matrix.values() for case in caught))
    console.print(f"\n[bold]{escape(proof.topic)}[/]: which case catches which mistake")
    for number, case in enumerate(cases, 1):
        console.print(f"  {number:>2} {escape(case)}")
    for mistake, caught in proof.matrix.items():
        marks = " ".join(f"{number:>2}" if case in caught else " ." for number, case in enumerate(cases, 1))
        console.print(f"  {marks}  {escape(mistake)}")


def _margin(value: float) -> str:
    if not 0.001 <= value < 1000:
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-").replace("0e0", "0")
    return f"{value:.2g}"
