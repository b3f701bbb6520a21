"""Speed verdicts: how a submission's CPU time compares with the reference's, and how it grows with the size."""
