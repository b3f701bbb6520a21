"""What a class costs: submissions a second beside a floor, growth with the class, memory, resuming, a Dask cluster.

Every submission holds the five functions of the overhead benchmark, with 50 checks; of every third one function is
wrong. The floor is what the machine does for as many processes that only start, import NumPy and the submission, and
make the same 50 calls.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import overhead
import psutil

from grader.course import load_course
from grader.oracle import case_inputs

FILES = ("classifier.py", "common.py", "batch_norm.py", "convnets.py", "yolo.py")
WRONG = "\n\ndef softmax(z):\n    e = np.exp(z)\n    return e / e.sum(0)\n"
CORES = 2
FLOOR = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
for module, function, inputs in pickle.load(open(sys.argv[2], "rb")):
    getattr(__import__(module), function)(**inputs)
"""


def main() -> None:
    """Print one table row per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandbox", default="docker")
    parser.add_argument("--sizes", default="20,200,1000", help="how large the classes are")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of batch and floor, and of cluster and --jobs 2")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    print("| figure | value | goal |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        course, _ = overhead.build(folder)
        cases = folder / "cases.pickle"
        cases.write_bytes(pickle.dumps(calls(course)))
        for size in sizes:
            hand_in(folder / f"class{size}", size)
        middle = sizes[len(sizes) // 2]
        compare_with_floor(folder, cases, middle, options)
        costs = {size: run(folder, size, options.sandbox) for size in sizes}
        for size, (seconds, start, peak) in costs.items():
            each = (seconds - start) / (size - CORES)
            row(f"{size} submissions: each, after {start:.1f} s of beginning", f"{1e3 * each:.0f} ms", "")
            row(f"{size} submissions: memory of the command and of all its workers", peak, "400 MB")
        first, last = (costs[size] for size in (sizes[0], sizes[-1]))
        growth = ((last[0] - last[1]) / (sizes[-1] - CORES)) / ((first[0] - first[1]) / (sizes[0] - CORES))
        row(f"cost of each of {sizes[-1]} / each of {sizes[0]}", f"{growth:.2f}", "0.9 to 1.1")
        seconds, _, _ = run(folder, sizes[-1], options.sandbox, fresh=False)
        row(f"a finished batch of {sizes[-1]} again", f"{seconds:.1f} s", "5 s")
        compare_with_cluster(folder, middle, options)


def row(figure: str, value: str, goal: str) -> None:
    print(f"| {figure} | {value} | {goal} |", flush=True)


def calls(course: Path) -> list[tuple[str, str, dict[str, object]]]:
    """Return the 50 calls of a submission: module, function, arguments."""
    names = [key.split("/")[1] for key in overhead.CASES]
    topics = load_course(course, names).topics
    return [
        (overhead.module_of(name), name, case_inputs(topics[name], case, ""))
        for name in names
        for case in topics[name].cases
    ]


def hand_in(folder: Path, count: int) -> None:
    """Write so many submissions, no two alike."""
    for number in range(count):
        submission = folder / f"s{number:04d}"
        submission.mkdir(parents=True)
        for file in FILES:
            shutil.copy(overhead.SUBMISSION / file, submission / file)
        with (submission / "classifier.py").open("a") as file:
            file.write((WRONG if number % 3 == 1 else "") + f"# {number}\n")


def compare_with_floor(folder: Path, cases: Path, size: int, options: argparse.Namespace) -> None:
    """Take turns between the batch and the floor."""
    rates, ratios = [], []
    for _ in range(options.rounds):
        bare = floor(folder / f"class{size}", cases)
        seconds, _, _ = run(folder, size, options.sandbox)
        rates.append(size / seconds)
        ratios.append(bare / seconds)
    row(f"{size} submissions, --jobs {CORES}: a second", f"{statistics.median(rates):.2f}", "2")
    row(
        f"rate / rate of the floor ({size / bare:.1f} a second)",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        "0.5",
    )


def floor(submissions: Path, cases: Path) -> float:
    """Return the seconds in which as many bare processes make the submissions' calls."""
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")}

    def one(submission: Path) -> None:
        command = [sys.executable, "-I", "-c", FLOOR, str(submission), str(cases)]
        subprocess.run(command, check=True, env=environment, capture_output=True)

    begin = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(one, submissions.iterdir()))
    return time.perf_counter() - begin


def run(folder: Path, size: int, sandbox: str, *options: str, fresh: bool = True) -> tuple[float, float, str]:
    """Run a batch; return its seconds, those until its first results were there, and its peak memory as a text."""
    out = folder / f"out{size}"
    if fresh:
        shutil.rmtree(out, ignore_errors=True)
    where = options or ("--jobs", str(CORES))
    words = ("batch", folder / f"class{size}", "--out", out, "--course", folder / "course", "--assignment", "bench")
    command = [sys.executable, "-m", "grader", *words, "--sandbox", sandbox, *where]
    begin = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], cwd=overhead.ROOT, stdout=subprocess.DEVNULL)
    alone, together, start = 0, 0, 0.0
    while process.poll() is None:
        sizes = [memory(one) for one in (psutil.Process(process.pid), *children(process.pid))]
        alone, together = max(alone, sizes[0]), max(together, sum(sizes))
        if not start and any(out.glob("*/record.json")):
            start = time.perf_counter() - begin
        time.sleep(0.1)
    seconds = time.perf_counter() - begin
    if process.returncode:
        sys.exit(f"the batch ended with {process.returncode}")
    return seconds, start, f"{alone >> 20} MB, {together >> 20} MB"


def children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def memory(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def compare_with_cluster(folder: Path, size: int, options: argparse.Namespace) -> None:
    """Take turns between two Dask workers of one thread and `--jobs 2`."""
    ratios = []
    with cluster(folder) as address:
        run(folder, size, options.sandbox, "--scheduler", address)  # the first batch loads the course on the workers
        for _ in range(options.rounds):
            there, _, _ = run(folder, size, options.sandbox, "--scheduler", address)
            here, _, _ = run(folder, size, options.sandbox)
            ratios.append(there / here)
    row(
        "two Dask workers / --jobs 2",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        "1.2",
    )


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Start a scheduler and two workers of one thread on loopback; yield the scheduler's address."""
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    processes = [subprocess.Popen([*dask, "--no-dashboard", "--scheduler-file", str(file)], **quiet)]
    try:
        while not file.exists() or not file.read_text().strip().endswith("}"):
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        environment = {**os.environ, "PYTHONPATH": str(overhead.ROOT)}
        for _ in range(CORES):
            processes.append(subprocess.Popen([*worker, "--local-directory", str(folder)], env=environment, **quiet))
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
