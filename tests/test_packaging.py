"""The archives hold the engine and the templates, and never the references."""

import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests.wheel import ROOT, built, installed


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Build both archives."""
    out = tmp_path_factory.mktemp("dist")
    built(out)
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return wheel, sdist


def names(archive):
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            return file.namelist()
    with tarfile.open(archive) as file:
        return [member.name.split("/", 1)[1] for member in file.getmembers() if "/" in member.name]


def test_the_wheel_holds_the_engine_and_nothing_of_the_course(archives):
    held = names(archives[0])
    assert {name.split("/")[0] for name in held} == {"grader", "sandbox", "kernel_grader-0.1.0.dist-info"}
    for needed in (
        "grader/cli/__init__.py",
        "grader/collect/parse.py",
        "grader/_templates/feedback.html.j2",
        "grader/_templates/feedback.css",
        "grader/_templates/topic.py.j2",
        "grader/_templates/handout/README.md.j2",
        "grader/generate/handout.py",
        "grader/_templates/card.html.j2",
        "grader/_templates/card.md.j2",
        "grader/pytest_plugin.py",
        "sandbox/worker.py",
        "sandbox/seccomp.json",
        "sandbox/Dockerfile",
        "grader/py.typed",
        "sandbox/py.typed",
    ):
        assert needed in held


def test_pytest_finds_the_plugin_of_the_wheel(archives):
    with zipfile.ZipFile(archives[0]) as file:
        told = file.read("kernel_grader-0.1.0.dist-info/entry_points.txt").decode()
    assert "[pytest11]\nkernel_grader = grader.pytest_plugin" in told


def test_the_sdist_holds_what_a_build_needs_and_nothing_of_the_course(archives):
    held = names(archives[1])
    assert not [name for name in held if name.startswith(("reference", "assignments", "tests", "examples"))]
    for needed in (
        "grader/cli/__init__.py",
        "sandbox/worker.py",
        "grader/_templates/feedback.html.j2",
        "pyproject.toml",
        "LICENSE",
    ):
        assert needed in held


def test_a_reference_body_is_in_neither(archives):
    secret = (ROOT / "reference" / "yolo" / "nms.py").read_text().split('"""')[-1].strip().splitlines()[0]
    for archive in archives:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as file:
                texts = [file.read(name) for name in file.namelist()]
        else:
            with tarfile.open(archive) as file:
                texts = [file.extractfile(member).read() for member in file.getmembers() if member.isfile()]
        assert not [text for text in texts if secret.encode() in text]


def test_a_course_of_ones_own_is_made_and_proven_with_the_wheel_alone(archives, tmp_path):
    programs = installed(tmp_path, archives[0])

    def grader(*command):
        return subprocess.run([programs / "grader", *command], cwd=tmp_path, capture_output=True, text=True)

    made = grader("new", "topic", "softplus", "--chapter", "activations", "--course", "course")
    assert made.returncode == 0, made.stderr
    page = (ROOT / "docs" / "authoring.md").read_text("utf-8")
    topic = tmp_path / "course" / "reference" / "activations" / "softplus.py"
    topic.write_text(page.partition("```python\n")[2].partition("```")[0])
    proven = grader("verify", "softplus", "--course", "course")
    assert proven.returncode == 0, proven.stdout + proven.stderr


def test_pytest_shows_the_checks_of_a_handout_with_the_wheel_alone(archives, tmp_path):
    programs = installed(tmp_path, archives[0])
    options = ["generate", "softmax_classifier", "--course", str(ROOT), "--only", "one_hot", "--solution"]
    subprocess.run([programs / "grader", *options, "--out", str(tmp_path / "handout")], cwd=tmp_path, check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    command = [programs / "python", "-m", "pytest", "-v", "-W", "error"]
    done = subprocess.run(command, cwd=tmp_path / "handout", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "grader.toml::one_hot::three labels (values) PASSED" in done.stdout


@pytest.mark.parametrize("kind", [0, 1], ids=["wheel", "sdist"])
def test_an_installed_archive_grades_a_course_elsewhere(archives, tmp_path, kind):
    programs = installed(tmp_path, archives[kind])
    options = ["run", str(ROOT / "examples" / "good_numpy"), "--course", str(ROOT), "--only", "softmax"]
    done = subprocess.run(
        [programs / "grader", *options, "--sandbox", "process", "--out", str(tmp_path / "out")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "feedback.html").exists()


def test_an_installed_wheel_makes_a_handout_and_checks_it_without_the_course(archives, tmp_path):
    programs = installed(tmp_path, archives[0])
    out = tmp_path / "handout"
    made = [programs / "grader", "generate", "optimizers", "--course", str(ROOT), "--out", str(out), "--solution"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run([programs / "grader", "check"], cwd=out, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_editable_install_does_not_expose_the_references(tmp_path):
    command = [sys.executable, "-c", "import grader, sandbox, reference"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "No module named 'reference'" in done.stderr
