"""The commands as a user types them: output, files, exit codes, and one line for every error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from grader import cli, codec

ROOT = Path(__file__).parent.parent
GOOD = "import numpy as np\n\ndef softmax(z):\n    e = np.exp(z - z.max(-1, keepdims=True))\n    return e / e.sum(-1, keepdims=True)\n\ndef softmax_backward(dout, z):\n    s = softmax(z)\n    return s * (dout - (dout * s).sum(-1, keepdims=True))\n"  # noqa: E501


def grader(*arguments, cwd=ROOT, **environment):
    command = [sys.executable, "-m", "grader", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env={**os.environ, "COLUMNS": "80", **environment}
    )


def run(tmp_path, source, *options, **keywords):
    (tmp_path / "hw.py").write_text(source)
    out = tmp_path / "out"
    return grader(
        "run", tmp_path / "hw.py", "--sandbox", "process", "--only", "softmax", "--out", out, *options, **keywords
    )


def test_full_marks(tmp_path):
    done = run(tmp_path, GOOD)
    assert done.returncode == 0, done.stderr
    assert "10.00 / 10" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "results.json",
        "staff.json",
        "feedback.md",
        "feedback.html",
    }
    assert "process backend" in done.stderr


def test_marks_lost(tmp_path):
    wrong = GOOD.replace("z - z.max(-1, keepdims=True)", "z", 1)
    assert run(tmp_path, wrong).returncode == 1
    assert run(tmp_path, wrong, "--exit-zero").returncode == 0


def test_json_is_all_that_stdout_holds_and_follows_the_schema(tmp_path):
    done = run(tmp_path, GOOD.replace("return e / e.sum", "return e / 0 * e.sum"), "--json")
    results = json.loads(done.stdout)
    assert done.stdout.encode() == (tmp_path / "out" / "results.json").read_bytes()
    assert results["hundredths"] < results["max_hundredths"] == 1000
    schema = json.loads((ROOT / "docs" / "results.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(results, schema)


def test_the_schema_in_the_docs_is_that_of_the_model():
    assert json.loads((ROOT / "docs" / "results.schema.json").read_text()) == json.loads(
        json.dumps(codec.json_schema())
    )


def test_results_can_be_read_back(tmp_path):
    run(tmp_path, GOOD)
    data = (tmp_path / "out" / "results.json").read_bytes()
    assert codec.encode(codec.decode(data)) == data
    with pytest.raises(codec.ResultsError, match="schema"):
        codec.decode(data.replace(b"grader/results/v1", b"grader/results/v9"))
    with pytest.raises(codec.ResultsError, match="not a results file"):
        codec.decode(b"{}")


def test_the_same_seed_gives_the_same_results(tmp_path):
    wrong = GOOD.replace("z - z.max(-1, keepdims=True)", "z * 0.99", 1)

    def results(*options, **environment):
        report = json.loads(run(tmp_path, wrong, "--json", *options, **environment).stdout)
        return {key: value for key, value in report.items() if key not in ("started", "duration_s")}

    first = results()
    assert results() == first
    assert results("--seed", "1") != first
    assert results(GRADER_SECRET="another") != first


TELLS = GOOD.replace("    e = np", "    print(z)\n    raise ValueError(f'the input is {z.tolist()}')\n    e = np", 1)


def test_staff_reads_what_students_do_not(tmp_path):
    run(tmp_path, TELLS)
    out = tmp_path / "out"
    assert (out / "staff.json").stat().st_mode & 0o777 == 0o600
    staff, student = (json.loads((out / name).read_text()) for name in ("staff.json", "results.json"))
    jsonschema.validate(staff, json.loads((ROOT / "docs" / "results.schema.json").read_text()))
    assert (staff["audience"], student["audience"]) == ("staff", "student")
    assert [f["hundredths"] for f in staff["functions"]] == [f["hundredths"] for f in student["functions"]]
    pairs = list(zip(staff["functions"][0]["checks"], student["functions"][0]["checks"], strict=True))
    told = [(mine, theirs) for mine, theirs in pairs if mine["visibility"] == "hidden" and mine["error"]]
    assert told
    for mine, theirs in told:
        assert "the input is [[" in mine["error"]
        assert mine["printed"].startswith("[[")
        *_, line = mine["record"]["traceback"]
        assert line["source"].startswith("raise ValueError")
        assert mine["record"]["seconds"] > 0
        assert (theirs["error"], theirs["printed"], theirs["record"]) == ("", "", None)
        assert theirs["source"] == line["source"]
    assert staff["sandbox_record"]["boxes"][0]["calls"] > 0
    assert staff["functions"][0]["cpu_seconds"] > 0
    assert (student["sandbox_record"], student["functions"][0]["cpu_seconds"]) == (None, None)


KEEPS = """
import os, tempfile
kept, path = [], os.path.join(os.getcwd(), "kept")
def keep(z):
    kept.append(z)
    with open(path, "a") as file:
        print(z.shape, file=file)
    print(len(kept), "kept,", len(open(path).read().splitlines()), "filed")
"""


def test_code_that_keeps_its_inputs_cannot_tell_of_hidden_ones(tmp_path):
    source = KEEPS + GOOD.replace("    e = np", "    keep(z)\n    e = np", 1).replace("return s *", "return 2 * s *")
    report = json.loads(run(tmp_path, source, "--json").stdout)
    checks = [check for function in report["functions"] for check in function["checks"]]
    hidden = [check for check in checks if not check["visible"] and check["kind"] == "gradient"]
    printed = [check["printed"] for check in checks if check["visible"] and check["kind"] == "gradient"]
    seen = sum(check["visible"] and check["kind"] in ("values", "gradient") for check in checks)
    assert hidden
    assert printed[-1] == f"{seen} kept, {seen} filed\n"


def test_a_report_is_rendered_again_for_either_reader(tmp_path):
    run(tmp_path, TELLS)
    out, again = tmp_path / "out", tmp_path / "again"
    for name in ("results.json", "staff.json"):
        done = grader("report", out / name, "--out", again)
        assert (done.returncode, done.stderr) == (0, "")
        assert (again / "feedback.html").read_bytes() == (out / "feedback.html").read_bytes()
    assert grader("report", out / "results.json", "--format", "md", "--out", again).returncode == 0
    assert (again / "feedback.md").read_bytes() == (out / "feedback.md").read_bytes()
    done = grader("report", out / "staff.json", "--as", "staff", "--out", again)
    assert done.returncode == 0
    page = again / "staff.html"
    assert page.stat().st_mode & 0o777 == 0o600
    assert "For staff only" in page.read_text()
    assert "hidden" in page.read_text()
    done = grader("report", out / "staff.json", "--as", "staff", "--format", "terminal")
    assert "For staff only" in done.stdout
    assert "traceback" in done.stdout
    assert "For staff" not in grader("report", out / "staff.json", "--format", "terminal").stdout


def test_a_report_that_cannot_be_rendered_is_one_line(tmp_path):
    run(tmp_path, GOOD)
    results = tmp_path / "out" / "results.json"
    newer, broken = tmp_path / "newer.json", tmp_path / "broken.json"
    newer.write_bytes(results.read_bytes().replace(b"grader/results/v1", b"grader/results/v9"))
    broken.write_text("[" * 100_000)
    for file, options, words in (
        (results, ("--as", "staff"), "holds only what students may read"),
        (newer, (), "'grader/results/v9'"),
        (broken, (), "not a results file"),
        (tmp_path / "nowhere.json", (), "cannot be read"),
        (tmp_path, (), "cannot be read"),
    ):
        done = grader("report", file, *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_case_that_the_topic_does_not_have_is_one_line(tmp_path):
    course = tmp_path / "course"
    (course / "assignments" / "a").mkdir(parents=True)
    text = 'title = "A"\n[points]\nsoftmax = 10\n[visibility.cases.softmax]\nnope = "hidden"\n'
    (course / "assignments" / "a" / "assignment.toml").write_text(text)
    (course / "reference").symlink_to(ROOT / "reference")
    done = run(tmp_path, GOOD, "--course", course)
    assert done.returncode == 2
    assert "names softmax/nope; softmax has: " in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nowhere"), "nowhere does not exist"),
        (("run", "examples/good_numpy", "--assignment", "nope"), "No assignment 'nope'; there are: batch_norm"),
        (("run", "examples/good_numpy", "--only", "nope"), "No function 'nope'"),
        (("run", "examples/good_numpy", "--course", "docs"), "docs is no course"),
        (("run", "examples/good_numpy", "--device", "cuda"), "--device cuda needs --framework torch"),
        (("bench", "examples/good_numpy", "--device", "cuda"), "--device cuda needs --framework torch"),
        (("run", "examples/good_numpy", "--sandbox", "cellar"), "cellar"),
        (("run",), "SUBMISSION"),
        (("fly",), "fly"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(tmp_path, arguments, words):
    if arguments[0] == "run" and len(arguments) > 1:
        arguments = (*arguments, "--out", str(tmp_path / "out"))
    done = grader(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_an_engine_the_docker_backend_says_what_to_do(tmp_path):
    done = run(tmp_path, GOOD, "--sandbox", "docker", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.returncode == 3
    assert "start Docker" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [("doctor",), ("sandbox", "build")])
def test_every_command_says_so_in_one_line(command):
    done = grader(*command, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert "start Docker" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_submission_without_any_function_of_the_course(tmp_path):
    (tmp_path / "hw.py").write_text("def quicksort(a):\n    return sorted(a)\n")
    done = grader("run", tmp_path / "hw.py", "--sandbox", "process", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "defines no function of the course" in done.stderr


def test_without_a_name_the_assignments_that_the_submission_touches_are_graded(tmp_path):
    (tmp_path / "hw.py").write_text(GOOD)
    done = grader("run", tmp_path / "hw.py", "--sandbox", "process", "--json", "--out", tmp_path / "out")
    results = json.loads(done.stdout)
    assert results["assignments"] == ["softmax_classifier"]
    assert {f["name"]: f["hundredths"] for f in results["functions"]}["softmax"] == 1000
    assert "not defined" in next(f for f in results["functions"] if f["name"] == "one_hot")["note"]


def test_only_names_the_assignments_of_its_functions(tmp_path):
    results = json.loads(run(tmp_path, GOOD, "--json").stdout)
    assert (results["assignments"], results["title"]) == (["softmax_classifier"], "Softmax classifier")


def test_a_topic_that_does_not_load_is_a_fault_and_the_others_are_graded(tmp_path):
    course = tmp_path / "course"
    (course / "assignments" / "a").mkdir(parents=True)
    (course / "assignments" / "a" / "assignment.toml").write_text('title = "A"\n[points]\nsoftmax = 10\nbroken = 5\n')
    (course / "reference" / "a").mkdir(parents=True)
    (course / "reference" / "a" / "broken.py").write_text("1 / 0")
    source = ROOT / "reference" / "softmax_classifier" / "softmax.py"
    (course / "reference" / "a" / "softmax.py").write_text(source.read_text())
    (tmp_path / "hw.py").write_text(GOOD + "\ndef broken(x):\n    return x\n")
    done = grader(
        "run", tmp_path / "hw.py", "--course", course, "--sandbox", "process", "--json", "--out", tmp_path / "out"
    )
    results = json.loads(done.stdout)
    assert done.returncode == 3
    assert results["outcome"] == "partial"
    assert "ZeroDivisionError" in results["faults"][0]
    assert [(f["name"], f["hundredths"]) for f in results["functions"]] == [("softmax", 1000), ("broken", None)]


def test_topics_lists_the_course():
    done = grader("topics")
    assert done.returncode == 0
    assert "conv2d" in done.stdout
    rows = json.loads(grader("topics", "--json").stdout)
    assert {"function", "hundredths", "cases", "mistakes"} <= set(rows[0])
    assert {"conv2d", "nms"} <= {row["function"] for row in rows if row["timed"]} < {row["function"] for row in rows}


def test_doctor_finds_a_backend():
    done = grader("doctor")
    assert done.returncode == 0
    assert "process" in done.stdout


def test_a_fault_that_nobody_foresaw_does_not_look_like_a_grade(monkeypatch, capsys):
    def fails(**options):
        raise RuntimeError("something\nnew")

    monkeypatch.setattr(cli.cli, "main", fails)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 3
    assert (
        capsys.readouterr().err
        == "grader: our own fault: RuntimeError: something new. Set GRADER_DEBUG=1 to see where.\n"
    )
    monkeypatch.setenv("GRADER_DEBUG", "1")
    with pytest.raises(RuntimeError):
        cli.main()


def test_help_imports_nothing_heavy():
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom grader.cli import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "heavy = {'numpy', 'torch', 'docker', 'jinja2', 'nbformat', 'rich', 'msgspec'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
