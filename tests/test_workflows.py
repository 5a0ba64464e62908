"""The workflows of GitHub: they parse, name what exists, and their steps run in a plain shell."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tests.test_documents import ROOT, TARGETS, refuse_unknown

FOLDER = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted((FOLDER / "workflows").glob("*.yml"))}
TEMPLATES = sorted((FOLDER / "ISSUE_TEMPLATE").glob("*.yml"))
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
  "check-sources --markdown drift.md") echo drift > drift.md; exit ${VERDICT:-0};;
  "push published") mkdir published; touch published/truecost-1.duckdb published/manifest-1.json \\
    published/latest.json;;
  "package --out package") mkdir package; touch package/datapackage.json;;
  "export metrics --out truecost.prom") touch truecost.prom;;
  "release view data --json assets --jq .assets[].name") printf "${ASSETS:-}";;
  "release download data --pattern data-folder.tar.gz") cp "$KEPT" .;;
  issue\\ list*) printf "${ISSUE:-}";;
esac
"""


def read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def steps(name: str) -> dict[str, dict[str, Any]]:
    """Return the steps of a workflow that run something, by name."""
    jobs = read(WORKFLOWS[name])["jobs"].values()
    return {step["name"]: step for job in jobs for step in job["steps"] if "run" in step}


def test_there_are_these_workflows() -> None:
    assert set(WORKFLOWS) == {"ci", "daily", "live-check", "release"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_triggers_least_permissions_and_an_end(name: str) -> None:
    workflow = read(WORKFLOWS[name])
    assert workflow[True]  # YAML 1.1 reads `on` so
    assert "contents" in workflow["permissions"]
    assert all(0 < job["timeout-minutes"] <= 180 for job in workflow["jobs"].values())
    taken = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in taken if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_of_a_workflow_exists(name: str) -> None:
    scripts = [step["run"] for step in steps(name).values()]
    commands = [line.strip() for script in scripts for line in script.splitlines()]
    ours = [line for line in commands if line.startswith(".venv/bin/truecost ")]
    for line in ours:
        refuse_unknown(line.partition(" || ")[0])
    made = {word for line in commands if line.startswith("make ") for word in line.split()[1:]}
    assert made <= {*TARGETS, ".venv/installed"}
    assert ours or made
    for script in scripts:
        plain = re.sub(r"\$\{\{.*?\}\}", "x", script)
        subprocess.run(["bash", "-n", "-c", plain], check=True)


def test_a_wrong_command_in_a_workflow_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        refuse_unknown(".venv/bin/truecost run --nope")


class Shell:
    """A folder in which steps run, with programs that write down how they were called."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.calls = folder, folder / "calls"
        for program in (".venv/bin/truecost", "bin/gh"):
            path = folder / program
            path.parent.mkdir(parents=True)
            path.write_text(PROGRAM)
            path.chmod(0o755)
        self.calls.touch()
        self.file_of_environment = folder / "environment"
        self.environment = environment | {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "TRUECOST_HOME": str(folder / "data"),
            "GITHUB_ENV": str(self.file_of_environment),
        }

    def run(self, workflow: str, step: str) -> int:
        """Run a step as GitHub does, and return its status."""
        script = steps(workflow)[step]["run"]
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=self.folder, env=self.environment).returncode

    def called(self, program: str) -> list[str]:
        lines = self.calls.read_text().splitlines()
        return [line.partition(" ")[2] for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize(("verdict", "status"), [("0", 0), ("1", 0), ("2", 1)])
def test_a_changed_source_is_no_failure_and_a_wrong_call_is(
    tmp_path: Path, verdict: str, status: int
) -> None:
    shell = Shell(tmp_path, VERDICT=verdict)
    assert shell.run("live-check", "Ask every source") == status
    assert shell.file_of_environment.read_text() == f"status={verdict}\n"
    assert steps("live-check")["Open or update the issue"]["if"] == "${{ env.status == '1' }}"


@pytest.mark.parametrize(
    ("number", "call"),
    [
        ("", "issue create --title A source changed --label source-changed --body-file drift.md"),
        ("7", "issue edit 7 --body-file drift.md"),
    ],
)
def test_one_issue_is_opened_or_updated(tmp_path: Path, number: str, call: str) -> None:
    shell = Shell(tmp_path, ISSUE=number)
    assert shell.run("live-check", "Open or update the issue") == 0
    assert shell.called("gh")[-1] == call


def test_a_day_begins_where_the_day_before_ended(tmp_path: Path) -> None:
    first = Shell(tmp_path / "first")
    assert first.run("daily", "Restore the data folder") == 0
    (first.folder / "data" / "landing").mkdir()
    (first.folder / "data" / "landing" / "bytes").write_text("kept")
    for step in ("Capture and build", "Verify", "Write what is published", "Publish"):
        assert first.run("daily", step) == 0
    assert first.called("truecost")[:2] == ["run", "verify"]
    assert first.called("gh")[-1] == "release upload data --clobber published/latest.json"
    next_day = Shell(
        tmp_path / "next",
        ASSETS="data-folder.tar.gz\\n",
        KEPT=str(first.folder / "data-folder.tar.gz"),
    )
    assert next_day.run("daily", "Restore the data folder") == 0
    assert (next_day.folder / "data" / "landing" / "bytes").read_text() == "kept"


def test_a_data_folder_that_cannot_be_read_is_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    shell = Shell(tmp_path, ASSETS="data-folder.tar.gz\\n", KEPT=str(tmp_path / "missing"))
    assert shell.run("daily", "Restore the data folder") != 0


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_has_fields_and_commands_that_exist(path: Path) -> None:
    template = read(path)
    if path.stem == "config":
        assert template == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "labels", "body"} == template.keys()
    fields = [field for field in template["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert any(field.get("validations", {}).get("required") for field in fields)
    for line in re.findall(r"truecost (?:why|check-sources) .*?--json", path.read_text()):
        refuse_unknown(line)
