"""Grade three of the examples with the installed `grader` command and show the reports; `make demo` calls this."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GRADER = Path(sys.executable).with_name("grader")
EXAMPLES = {
    "good_numpy": ("a correct submission: the whole course, one file per chapter", ""),
    "typical_mistakes": (
        "an ordinary submission, with a mistake or two in every function",
        "softmax,cross_entropy,affine_forward,dropout,batch_norm,conv2d,adam_step,iou_matrix,nms",
    ),
    "notebook": (
        "a notebook with magics and failing cells, one function wrong",
        "softmax,cross_entropy,affine_forward,adam_step",
    ),
}  # what each is about, and the functions to grade where it does not hold whole chapters


def main() -> int:
    """Return 0, or the grader's own code when it failed; marks lost are no failure."""
    if not GRADER.exists():
        print(f"No grader command beside {sys.executable}: run `make demo`, or pip install -e . first.", file=sys.stderr)
        return 2
    failed, reports = 0, []
    for name, (about, functions) in EXAMPLES.items():
        out = Path("grader-results") / name
        print(f"\n=== examples/{name}: {about}\n", flush=True)
        command = [str(GRADER), "run", f"examples/{name}", "--sandbox", "auto", "--exit-zero", "--out", str(out)]
        command += ["--only", functions] if functions else []
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code == 0:
            reports.append(out / "feedback.html")
        else:
            failed = failed or code
            print(f"the grader failed with exit code {code} on examples/{name}", file=sys.stderr)
    print("\nOpen in a browser:")
    for report in reports:
        print(f"  {report}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
