"""The table of proofs as authors read it."""

from grader.verify.prove import Proof
from grader.verify.show import print_proofs


def test_the_table_fits_into_80_columns_with_every_heading_whole(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    proof = Proof(
        topic="train_softmax_classifier",
        cases=14,
        alternates=2,
        mistakes=10,
        right_margin=0.053,
        wrong_margin=9e8,
        mutants=127,
        survivors=(),
        matrix={},
        named=("a", "b"),
        failures=("a mutant survives",),
    )
    print_proofs([proof], matrix=False)
    heading, row = capsys.readouterr().out.splitlines()[:2]
    assert " ".join(heading.split()) == "topic proof cases mistakes named alts right wrong mut. equal"
    assert " ".join(row.split()) == "train_softmax_classifier FAIL 14 10 2 2 0.053 9e8 127 0"
    assert max(len(heading), len(row)) <= 80
