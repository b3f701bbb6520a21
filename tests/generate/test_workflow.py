"""The workflows that `generate` writes, read as GitHub reads them and run step by step in fresh clones.

github-workflow.json is SchemaStore's schema of workflows (Apache License 2.0).
"""

import base64
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from grader import __version__
from grader.codec import decode
from grader.export.classroom import runner_names
from grader.generate.handout import Options, handout, write
from grader.generate.stubs import GenerateError
from grader.generate.workflow import ACTIONS, official
from tests.generate.runner import ROOT, TOKEN, Runner, read_workflow
from tests.sandbox.conftest import make

SCHEMA = json.loads(Path(__file__).with_name("github-workflow.json").read_text("utf-8"))
NAME = "softmax_classifier"
FUNCTIONS = ("softmax", "one_hot", "sgd_step")
GRADE = ".github/workflows/grade.yml"
OFFICIAL = f".github/workflows/official-{NAME}.yml"
SECRET = "of the course"

# Tells what it can see of the job, forges results wherever it finds a place for them, and prints workflow commands.
SPY = """

def one_hot(y, num_classes):
    import glob, os
    seen = [f"{name}={value}" for name, value in os.environ.items()]
    for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
        try:
            seen.append(open(path, "rb").read().decode("latin-1"))
        except OSError:
            pass
    words = [word for word in ("ghs_", "GITHUB", "ACTIONS", "TOKEN", "RUNNER_", "SECRET") if word in " ".join(seen)]
    for root in ("@COMMANDS@", "@WORKSPACE@", os.path.expanduser("~")):
        for folder, _, names in os.walk(root):
            words += names
    for name in glob.glob("@COMMANDS@/*") + ["@COMMANDS@/github_output_4", "@WORKSPACE@/forged"]:
        try:
            open(name, "a").write("onehot=forged\\n")
            words.append("wrote " + name)
        except OSError:
            pass
    print("::notice title=Autograding report::{\\"totalPoints\\":1000,\\"maxPoints\\":1000}")
    raise ValueError(f"saw {words} of {len(seen)}\\n::set-output name=onehot::forged")
"""


@cache
def solution():
    return handout(ROOT, NAME, Options(functions=FUNCTIONS, solution=True))


@pytest.fixture
def docker():
    make("docker", "numpy").close()


def repository(folder, files, *edits):
    """Make a repository of files, with texts of its module replaced, and commit it."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    module = folder / f"{NAME}.py"
    for old, new in edits:
        text = module.read_text()
        assert old in text
        module.write_text(text.replace(old, new))
    git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "Hand in"]):
        subprocess.run([*git, *command], check=True)
    return folder


def spied(runner):
    return SPY.replace("@COMMANDS@", str(runner.commands)).replace("@WORKSPACE@", str(runner.workspace))


def results(folder):
    return decode((folder / "results.json").read_bytes())


def saw(report):
    """Return what the spy said that it saw."""
    one_hot = next(function for function in report.functions if function.name == "one_hot")
    return {check.error for check in one_hot.checks if check.error}


def classroom(outputs):
    """Return each runner's points and maximum, read as the autograding reporter reads them."""
    decoded = {name: json.loads(base64.b64decode(outputs[name])) for name in outputs["runners"].split(",")}
    return {name: (sum(t["score"] for t in r["tests"]), r["max_score"]) for name, r in decoded.items()}


@cache
def workflow(kind, framework="numpy"):
    if kind == "official":
        return official(ROOT, NAME, framework)[OFFICIAL].decode()
    return handout(ROOT, NAME, Options(framework=framework, functions=FUNCTIONS))[GRADE].decode()


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("kind", ["student", "official"])
def test_a_workflow_is_valid_pinned_bounded_and_may_do_nothing_but_read(kind, framework):
    text = workflow(kind, framework)
    read = read_workflow(text)
    jsonschema.validate(read, SCHEMA)
    assert read["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in read["on"] and "workflow_run" not in read["on"]
    for line in text.splitlines():
        if "uses:" in line:
            assert re.fullmatch(r" +(- )?uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    for job in read["jobs"].values():
        assert job["runs-on"] == "ubuntu-24.04" and job["timeout-minutes"] <= 30
        assert "permissions" not in job and "env" not in job
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            # What a name or a branch says must not become part of a script.
            assert "${{" not in step.get("run", "")
            # `python -m pip` would run a pip.py of the folder.
            assert "python -m" not in step.get("run", "")
    assert f'pip install "kernel-grader=={__version__}"' in text
    assert ("--base python:3.12-slim --torch" in text) == (framework == "torch")


def test_our_own_workflow_takes_the_same_commits():
    own = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    uses = [line.partition("uses: ")[2] for line in own.splitlines() if "uses:" in line]
    assert uses and set(uses) <= set(ACTIONS.values())


def test_only_the_official_workflow_knows_secrets_and_only_two_steps_of_it():
    student, whole = workflow("student"), workflow("official")
    assert "secrets." not in student and "github.token" not in student
    knowing = [
        step["name"] for step in read_workflow(whole)["jobs"]["grade"]["steps"] if "secrets." in json.dumps(step)
    ]
    assert knowing == ["Check out the submission", "Grade"]
    assert "secrets." not in json.dumps(read_workflow(whole)["jobs"]["list"])


@pytest.fixture
def student(tmp_path):
    """Return a function that commits edits of the solution to a repository, and runs its own workflow there."""
    runner = Runner(tmp_path / "runner", {}, "kim/hw1")

    def run(*edits):
        runner.repositories["kim/hw1"] = repository(tmp_path / "hw1", solution(), *edits)
        return runner.run(read_workflow(solution()[GRADE].decode())["jobs"]["check"]), runner

    return run


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
def test_marks_lost_are_red_and_said_in_summary_annotations_points_and_artefact(student):
    ran, runner = student(
        (
            "def one_hot(y, num_classes):",
            "def one_hot(y, num_classes):\n    return y.missing\n\n\ndef no(y, num_classes):",
        )
    )
    assert ran.failed == "check"
    assert runner.noted("pip") == [f"install kernel-grader=={__version__}"]
    assert runner.noted("grader") == ["sandbox build --base python:3.12-slim"]
    folder = ran.artefacts["feedback"]
    report = results(folder)
    assert report.sandbox.backend == "docker" and report.title.endswith("public cases")
    assert {path.name for path in folder.iterdir()} == {
        "results.json", "feedback.html", "feedback.md", "actions", "classroom"
    }  # fmt: skip
    assert "<h1" in (folder / "feedback.html").read_text()

    assert ran.summary == (folder / "actions" / "summary.md").read_text()
    assert ran.summary.splitlines()[0].startswith(f"# {report.title}: ") and "## `one_hot`" in ran.summary

    lines = (runner.workspace / f"{NAME}.py").read_text().splitlines()
    ((level, properties, said),) = ran.annotations()
    assert level == "error" and properties["file"] == f"{NAME}.py" and "AttributeError" in said
    assert lines[int(properties["line"]) - 1] == "    return y.missing"

    outputs = ran.outputs["check"]
    points = classroom(outputs)
    assert list(points) == runner_names(FUNCTIONS) and set(outputs) == {"runners", *points}
    graded = {f.name: (f.hundredths / 100, f.max_hundredths / 100) for f in report.functions}
    assert points == dict(zip(points, graded.values(), strict=True))
    assert graded["one_hot"][0] == 0 < graded["softmax"][0] == graded["softmax"][1]


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
def test_full_marks_are_green(student):
    ran, _ = student()
    assert ran.failed == "" and ran.annotations() == []
    assert all(earned == most for earned, most in classroom(ran.outputs["check"]).values())
    assert results(ran.artefacts["feedback"]).outcome == "graded"


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
def test_code_in_a_students_job_finds_nothing_of_it_and_forges_nothing(tmp_path, student):
    runner = Runner(tmp_path / "probe", {}, "kim/hw1")
    paths = spied(runner).replace(str(tmp_path / "probe"), str(tmp_path / "runner"))
    ran, runner = student(("def one_hot(y, num_classes):", f"{paths}\n\ndef no(y, num_classes):"))
    assert ran.failed == "check"
    report = results(ran.artefacts["feedback"])
    assert len(saw(report)) == 1 and saw(report).pop().startswith("ValueError: saw [] of ")
    points = classroom(ran.outputs["check"])
    assert points["onehot"][0] == 0 and set(ran.outputs["check"]) == {"runners", *points}
    assert [level for level, _, _ in ran.annotations()] == ["error"]
    assert not (runner.workspace / "forged").exists()
    for path in ran.artefacts["feedback"].rglob("*"):
        assert path.is_dir() or TOKEN not in path.read_text()
    assert TOKEN not in "".join(ran.logs.values())


def test_the_same_code_finds_the_job_where_nothing_is_in_the_way(tmp_path):
    """What the spy looks for can be found, and so the tests above and below mean something."""
    runner = Runner(tmp_path / "runner", {}, "kim/hw1")
    edit = ("def one_hot(y, num_classes):", f"{spied(runner)}\n\ndef no(y, num_classes):")
    runner.repositories["kim/hw1"] = repository(tmp_path / "hw1", solution(), edit)
    ran = runner.run(
        read_workflow(workflow("student").replace("check .", "check . --sandbox process"))["jobs"]["check"]
    )
    said = "".join(saw(results(ran.artefacts["feedback"])))
    assert "'ghs_'" in said and "'GITHUB'" in said and "public.kgv" in said and "wrote " in said
    assert (runner.workspace / "forged").exists() and "onehot=forged" in (
        runner.commands / "github_output_4"
    ).read_text()


def test_without_a_sandbox_a_job_checks_nothing(tmp_path, monkeypatch):
    """On a runner without Docker and bubblewrap the code is not run beside the job's tokens."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    folder = repository(tmp_path / "hw1", solution())
    runner = Runner(tmp_path / "runner", {"kim/hw1": folder}, "kim/hw1")
    for tool in ("bash", "git"):
        (runner.tools / tool).symlink_to(shutil.which(tool))
    runner.environment["PATH"] = str(runner.tools)
    ran = runner.run(read_workflow(solution()[GRADE].decode())["jobs"]["check"])
    assert ran.failed == "check" and not ran.artefacts
    assert "--sandbox process" in ran.logs["check"] and ran.logs["check"].count("\n") == 1


@pytest.fixture
def course(tmp_path):
    """Return the private repository of a course of three functions, with its workflow and a list of students."""
    root = tmp_path / "course"
    (root / "reference" / "a").mkdir(parents=True)
    for name in FUNCTIONS:
        shutil.copyfile(ROOT / "reference" / NAME / f"{name}.py", root / "reference" / "a" / f"{name}.py")
    (root / "assignments" / NAME).mkdir(parents=True)
    points = "".join(f"{name} = 10\n" for name in FUNCTIONS)
    (root / "assignments" / NAME / "assignment.toml").write_text(f'title = "HW 1"\n[points]\n{points}')
    write(official(root, NAME, "numpy"), root)
    (root / "students.txt").write_text("# the class\nkim/hw1  lee/hw.1\n\nkim/hw1 # twice\n")
    return repository(root, {})


def graded(tmp_path, course, students, secrets, **inputs):
    """Run the official workflow: return the list's job, then the job and the runner of each student by name."""
    jobs = read_workflow((course / OFFICIAL).read_text())["jobs"]
    repositories = {"uni/course": course, **students}
    listed = Runner(tmp_path / "list", repositories, "uni/course", inputs=inputs).run(jobs["list"])
    told = json.loads(listed.job_outputs["students"] or "[]")
    grade = jobs["grade"]
    assert grade["strategy"]["matrix"] == {"student": "${{ fromJSON(needs.list.outputs.students) }}"}
    runs = {}
    for student in told:
        runner = Runner(tmp_path / student["name"], repositories, "uni/course", secrets, matrix={"student": student})
        runs[student["name"]] = (runner.run(grade), runner)
    return listed, runs


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
def test_the_official_grade_counts_hidden_cases_and_shows_neither_them_nor_the_secret(tmp_path, course):
    wrong_for_large = (
        "def softmax(z):",
        "def softmax(z):\n    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)\n\n\ndef no(z):",
    )
    students = {
        "kim/hw1": repository(tmp_path / "kim", solution(), wrong_for_large),
        "lee/hw.1": repository(tmp_path / "lee", solution()),
    }
    _, runs = graded(tmp_path, course, students, {"GRADER_SECRET": SECRET})
    assert list(runs) == ["kim_hw1", "lee_hw_1"]
    reports = {}
    for name, (ran, _) in runs.items():
        assert ran.failed == ""
        reports[name] = results(ran.artefacts[name])
        assert {path.name for path in ran.artefacts[name].iterdir()} == {
            "results.json", "feedback.html", "feedback.md", "actions", "classroom", "commit.txt"
        }  # fmt: skip
        assert [path.name for path in ran.artefacts[f"{name}.staff"].iterdir()] == ["staff.json"]
        read = [path.read_text() for path in ran.artefacts[name].rglob("*") if path.is_file()]
        assert not [text for text in (*read, *ran.logs.values()) if SECRET in text or TOKEN in text]
        assert reports[name].submission.name == name and reports[name].sandbox.backend == "docker"
        hidden = [check for f in reports[name].functions for check in f.checks if not check.visible]
        assert hidden and not [check for check in hidden if check.exhibit or check.error]
    kim, lee = reports["kim_hw1"], reports["lee_hw_1"]
    assert lee.hundredths == lee.max_hundredths == 3000 > kim.hundredths
    ran, _ = runs["kim_hw1"]
    assert sum(earned for earned, _ in classroom(ran.outputs["grade"]).values()) == pytest.approx(kim.hundredths / 100)
    ((_, properties, _),) = ran.annotations()
    assert properties["file"] == f"students/kim_hw1/{NAME}.py"
    commit = subprocess.run(["git", "-C", students["kim/hw1"], "rev-parse", "HEAD"], capture_output=True, text=True)
    assert (ran.artefacts["kim_hw1"] / "commit.txt").read_text() == commit.stdout


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
def test_code_in_the_official_job_finds_neither_course_nor_secret(tmp_path, course):
    runner = Runner(tmp_path / "probe", {}, "uni/course")
    paths = spied(runner).replace(str(tmp_path / "probe"), str(tmp_path / "kim_hw1"))
    # What a checkout brings along is data: none of it is imported, followed or run.
    planted = {"grader/__init__.py": b"raise SystemExit('planted')", "pip.py": b"raise SystemExit('planted')"}
    folder = repository(
        tmp_path / "kim", solution() | planted, ("def one_hot(y, num_classes):", f"{paths}\n\ndef no(y, num_classes):")
    )
    (folder / "sgd.py").symlink_to("../../course/reference/a/sgd_step.py")
    _, runs = graded(
        tmp_path, course, {"kim/hw1": repository(folder, {})}, {"GRADER_SECRET": SECRET}, repositories="kim/hw1"
    )
    (ran, _), *_ = runs.values()
    assert ran.failed == "" and "planted" not in "".join(ran.logs.values())
    report = results(ran.artefacts["kim_hw1"])
    assert len(saw(report)) == 1 and saw(report).pop().startswith("ValueError: saw [] of ")
    assert "is a link" in " ".join(problem.message for problem in report.submission.problems)
    assert classroom(ran.outputs["grade"])["onehot"] == (0, 10)


def test_without_the_secret_nothing_is_graded_officially(tmp_path, course):
    students = {"kim/hw1": repository(tmp_path / "kim", solution())}
    _, runs = graded(tmp_path, course, students, {}, repositories=" kim/hw1 ")
    (ran, _), *_ = runs.values()
    assert ran.failed == "grade" and not ran.artefacts
    assert [(level, "GRADER_SECRET" in said) for level, _, said in ran.annotations()] == [("error", True)]


def test_a_commit_can_be_graded_again_and_what_is_no_repository_is_refused(tmp_path, course):
    folder = repository(tmp_path / "kim", solution())
    first = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    repository(folder, {"late.py": b"late = True\n"})
    _, runs = graded(tmp_path, course, {"kim/hw1": folder}, {}, repositories=f"kim/hw1@{first}")
    ((_, runner),) = runs.values()
    assert (runner.workspace / "students" / "kim_hw1" / f"{NAME}.py").exists()
    assert not (runner.workspace / "students" / "kim_hw1" / "late.py").exists()
    for number, wrong in enumerate(("kim", "kim/hw1;ls", "../course", "kim/hw1@", "$(ls)/a")):
        listed, runs = graded(tmp_path / str(number), course, {}, {}, repositories=wrong)
        assert listed.failed == "list" and not runs
        assert "is neither OWNER/NAME nor" in listed.logs["list"]
    many = " ".join(f"kim/hw{number}" for number in range(257))
    listed, runs = graded(tmp_path / "many", course, {}, {}, repositories=many)
    assert listed.failed == "list" and "257 repositories" in listed.logs["list"]


def generate(*arguments):
    command = [sys.executable, "-m", "grader", "generate", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_generate_writes_the_official_workflow_into_a_course_and_nothing_else(tmp_path, course):
    before = {path for path in course.rglob("*") if ".git/" not in str(path)}
    done = generate(NAME, "--course", course, "--official", "--out", course)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{course / OFFICIAL}\n"
    assert {path for path in course.rglob("*") if ".git/" not in str(path)} == before
    assert generate(NAME, "--course", course, "--official", "--out", course, "--check").returncode == 0
    (course / OFFICIAL).write_text("edited")
    changed = generate(NAME, "--course", course, "--official", "--out", course, "--check")
    assert changed.returncode == 1 and f"{OFFICIAL} differs" in changed.stdout
    refused = generate(NAME, "--official", "--only", "softmax", "--out", tmp_path / "x")
    assert refused.returncode == 2 and "--framework alone" in refused.stderr and not (tmp_path / "x").exists()


def test_a_name_that_would_be_yaml_or_shell_is_refused(course):
    (course / "assignments" / NAME).rename(course / "assignments" / "hw: 1")
    with pytest.raises(GenerateError, match="cannot be put into a workflow"):
        official(course, "hw: 1", "numpy")
