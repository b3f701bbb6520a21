"""How long `grader similar` takes for a class, and whether it finds the copy in it.

`make bench-similar` makes classes of students who hand in ten functions: each is a known right version, varied at
random; the last student has copied the fourth's in other names. Whole processes on the wall clock.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import random
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from grader.course import load_course

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ["softmax", "adam_step", "nms", "batch_norm", "conv2d", "iou_matrix", "random_search", "dropout"]
FUNCTIONS += ["encode_box", "max_pool"]
ATTRIBUTES = ["sum", "mean", "dot", "reshape", "astype", "copy", "max", "take", "where", "stack"]


class Varied(ast.NodeTransformer):
    """Exchange operands and attributes here and there."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def visit_BinOp(self, node: ast.BinOp) -> ast.BinOp:
        self.generic_visit(node)
        if self.rng.random() < 0.25:
            node.left, node.right = node.right, node.left
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        if self.rng.random() < 0.2:
            node.attr = self.rng.choice(ATTRIBUTES)
        return node


class Renamed(ast.NodeTransformer):
    """Give what is assigned another name."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = f"{node.id}_2" if isinstance(node.ctx, ast.Store) else node.id
        return node


def main() -> None:
    """Print a row of the table in docs/measured.md for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 1000])
    topics = load_course(ROOT, FUNCTIONS).topics
    versions = {
        name: [textwrap.dedent(inspect.getsource(one)) for one in (topic.forward, *topic.alternates)]
        for name, topic in topics.items()
    }
    print("| submissions | s | the most alike pair |\n|---|---|---|")
    for size in parser.parse_args().sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_class(Path(folder), size, versions)
            command = [sys.executable, "-m", "grader", "similar", folder, "--course", str(ROOT), "--json"]
            begin = time.perf_counter()
            done = subprocess.run([*command, "--out", f"{folder}/similar.html"], capture_output=True, check=True)
            seconds = time.perf_counter() - begin
        first = json.loads(done.stdout)["pairs"][0]
        found = f"{first['first']} and {first['second']}, alike in {len(first['alike'])} of {first['compared']}"
        print(f"| {size:,} | {seconds:.1f} | {found} |", flush=True)


def write_class(folder: Path, size: int, versions: dict[str, list[str]]) -> None:
    """Write the submissions of a class, one file each."""
    rng = random.Random(1)
    for number in range(size - 1):
        trees = [ast.parse(rng.choice(versions[name])) for name in FUNCTIONS]
        for name, tree in zip(FUNCTIONS, trees, strict=True):
            tree.body[0].name = name
        source = "\n\n\n".join(ast.unparse(Varied(rng).visit(tree)) for tree in trees)
        (folder / f"s{number:04}.py").write_text(source)
    copied = Renamed().visit(ast.parse((folder / "s0003.py").read_text()))
    (folder / f"s{size - 1:04}.py").write_text(ast.unparse(copied))


if __name__ == "__main__":
    main()
