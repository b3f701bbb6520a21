"""As much of a runner of GitHub Actions as our workflows use: steps, expressions, command files, artefacts.

What a workflow installs is there already: `pip install` and `grader sandbox build` are noted and do nothing, and
`grader` is this repository's, started as an installed script is. Everything else is run as it is written.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TOKEN = "ghs_0123456789-token-of-the-job"
COMMAND_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
GRADER = f"""#!{sys.executable}
import sys
sys.path.insert(1, {str(ROOT)!r})
if sys.argv[1:3] == ["sandbox", "build"]:
    open(__file__ + ".log", "a").write(" ".join(sys.argv[1:]) + "\\n")
    sys.exit()
from grader.cli import main
main()
"""
PIP = '#!/bin/sh\necho "$@" >> "$0.log"\n'
PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'


def read_workflow(text):
    """Return a workflow as YAML 1.2 reads it, in which `on` is a word."""
    workflow = yaml.safe_load(text)
    workflow["on"] = workflow.pop(True)
    return workflow


@dataclass
class Ran:
    """What came of a job: the log and outputs of each step by its name or id, and the artefacts' folders by name."""

    failed: str = ""
    logs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    job_outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    artefacts: dict[str, Path] = field(default_factory=dict)

    def annotations(self):
        """Return the workflow commands in all logs, as (level, properties, message)."""
        lines = [line for log in self.logs.values() for line in log.splitlines() if line.lstrip().startswith("::")]
        found = [re.fullmatch(r"::(\w+) ?(.*?)::(.*)", line.strip()).groups() for line in lines]
        return [(level, dict(p.split("=", 1) for p in text.split(",") if p), said) for level, text, said in found]


class Runner:
    """A machine for one job; `repositories` can be checked out: folders by owner/name."""

    def __init__(self, root, repositories, repository, secrets=None, **contexts):
        self.root, self.repositories = root, repositories
        self.temp, self.workspace, self.tools = root / "_temp", root / "work", root / "tools"
        self.commands = self.temp / "_runner_file_commands"
        for folder in (self.commands, self.workspace, self.tools):
            folder.mkdir(parents=True)
        for name, text in (("grader", GRADER), ("pip", PIP), ("python3", PYTHON)):
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o755)
        github = {"repository": repository, "token": TOKEN, "workspace": str(self.workspace)}
        self.contexts = {
            "github": github, "runner": {"temp": str(self.temp)}, "secrets": secrets or {}, "inputs": {}, **contexts
        }  # fmt: skip
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        self.environment |= {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": repository,
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            # Not set for a `run` step by GitHub itself; workflows do it, and so it must be out of reach too.
            "GITHUB_TOKEN": TOKEN,
            "ACTIONS_RUNTIME_TOKEN": TOKEN,
        }

    def noted(self, tool):
        path = self.tools / f"{tool}.log"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, job):
        ran = Ran()
        self.contexts["steps"] = {}
        for number, step in enumerate(job["steps"]):
            condition = step.get("if", "success()")
            assert condition in ("success()", "always()"), condition
            if ran.failed and condition == "success()":
                continue
            name = step.get("id") or step.get("name") or step["uses"]
            given = {key: self.evaluated(value) for key, value in step.get("with", {}).items()}
            if "uses" in step:
                action = step["uses"].partition("@")[0]
                {
                    "actions/checkout": self.check_out,
                    "actions/setup-python": lambda given, ran: None,
                    "actions/upload-artifact": self.upload,
                }[action](given, ran)
            elif code := self.shell(number, name, step, ran):
                ran.failed = ran.failed or name
                assert code > 0
        for name, value in job.get("outputs", {}).items():
            ran.job_outputs[name] = self.evaluated(value)
        return ran

    def shell(self, number, name, step, ran):
        files = {variable: self.commands / f"{variable.lower()}_{number}" for variable in COMMAND_FILES}
        for path in files.values():
            path.touch()
        script = self.temp / f"step_{number}.sh"
        script.write_text(self.evaluated(step["run"]))
        own = {key: self.evaluated(value) for key, value in step.get("env", {}).items()}
        environment = self.environment | {key: str(path) for key, path in files.items()} | own
        done = subprocess.run(
            ["bash", "-e", script], cwd=self.workspace, env=environment, text=True, timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        ran.logs[name] = done.stdout
        ran.outputs[name] = pairs(files["GITHUB_OUTPUT"].read_text())
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        self.contexts["steps"][name] = {"outputs": ran.outputs[name]}
        self.environment |= pairs(files["GITHUB_ENV"].read_text())
        for line in files["GITHUB_PATH"].read_text().splitlines():
            self.environment["PATH"] = f"{line}:{self.environment['PATH']}"
        return done.returncode

    def check_out(self, given, ran):
        assert given["persist-credentials"] is False
        source = self.repositories[given.get("repository", self.contexts["github"]["repository"])]
        target = self.workspace / given.get("path", ".")
        subprocess.run(["git", "clone", "--quiet", source, target], check=True)
        if given.get("ref"):
            subprocess.run(["git", "-C", target, "checkout", "--quiet", given["ref"]], check=True)

    def upload(self, given, ran):
        folder = self.root / "artefacts" / given["name"]
        lines = given["path"].splitlines()
        left_out = [line[1:] for line in lines if line.startswith("!")]
        for line in lines:
            root = Path(line)
            found = [root] if root.is_file() else root.rglob("*") if not line.startswith("!") else ()
            for path in found:
                if path.is_file() and not any(fnmatch.fnmatch(str(path), pattern) for pattern in left_out):
                    copy = folder / (path.relative_to(root) if root.is_dir() else path.name)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copy)
        if folder.exists():
            ran.artefacts[given["name"]] = folder

    def evaluated(self, text):
        """Return a text with its expressions filled in."""
        if not isinstance(text, str):
            return text
        whole = re.fullmatch(r"\$\{\{ (.+) \}\}", text)
        if whole:
            return self.value(whole[1])
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: str(self.value(found[1])), text)

    def value(self, expression):
        """Return the value of names with dots, of `a || b` and of `fromJSON(a)`; what is not there is empty."""
        if " || " in expression:
            return next(filter(None, map(self.value, expression.split(" || "))), "")
        if call := re.fullmatch(r"fromJSON\((.+)\)", expression):
            return json.loads(self.value(call[1]))
        value = self.contexts
        for part in expression.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        return value


def pairs(text):
    """Read `name=value` lines as the runner does."""
    return dict(line.split("=", 1) for line in text.splitlines() if line)
