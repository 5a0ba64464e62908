"""What ``deploy/`` holds agrees with the code, and with the tools that would use it here.

Images were never built here: there is no builder on the machines of the tests. What was tried by
hand is in docs/operating.md.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from warehouse.paths import PROJECT

DEPLOY = PROJECT / "deploy"
UNITS = [*sorted(path.name for path in DEPLOY.glob("*.service")), "truecost-run.timer"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
LINES = [
    line.split(maxsplit=1)
    for line in DOCKERFILE.replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]


def arguments(instruction: str) -> list[str]:
    """Return the arguments of every line of the Dockerfile with an instruction."""
    return [rest for name, rest in LINES if name == instruction]


def compose() -> dict[str, Any]:
    """Return the compose file."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_finds_nothing_wrong_in_the_units(tmp_path: Path):
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        # It asks for the program, too.
        here = text.replace("/opt/truecost/.venv/bin/truecost", sys.executable)
        (tmp_path / name).write_text(here, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wrong = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert (done.returncode, wrong) == (0, [])


def test_the_services_are_hardened_alike():
    services = [
        (DEPLOY / name).read_text(encoding="utf-8") for name in UNITS if name.endswith(".service")
    ]
    hard = [text[text.index("Environment=") : text.index("MemoryMax")] for text in services]
    assert len(services) == 2 and hard[0] == hard[1]
    for setting in ("User=truecost", "ProtectSystem=strict", "StateDirectoryMode=0700"):
        assert all(setting in text for text in services)


def test_the_commands_of_units_and_cron_exist():
    from pipelines.cli import COMMANDS

    texts = [(DEPLOY / name).read_text(encoding="utf-8") for name in (*UNITS, "truecost.cron")]
    named = re.findall(r"bin/truecost (\w+)", "\n".join(texts))
    assert sorted(named) == ["run", "run", "ui"] and set(named) <= COMMANDS.keys()


def test_the_cron_line_is_one_line_of_six_fields_and_a_shell_reads_it():
    [line] = [
        line
        for line in (DEPLOY / "truecost.cron").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    *when, user, command = line.split(maxsplit=6)
    assert (when, user) == (["0", "6", "*", "*", "*"], "truecost")
    assert "%" not in command  # cron would end the command there
    subprocess.run(["sh", "-n", "-c", command], check=True)


def test_the_image_runs_as_nobody_in_particular():
    assert arguments("USER") == ["10001:10001"]
    assert LINES[-1][0] == "CMD" and LINES[-2] == ["ENTRYPOINT", '["truecost"]']
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    assert "truecost" in scripts
    least = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]
    minor = least.removeprefix(">=").rpartition(".")[0]
    assert all(f"python:{minor}-slim" in base for base in arguments("FROM"))


def test_a_shell_reads_each_line_that_the_image_runs():
    for command in arguments("RUN"):
        subprocess.run(["sh", "-n", "-c", command], check=True)
        assert shlex.split(command)


def test_the_image_is_made_of_files_that_exist_and_of_all_that_the_wheel_needs():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    let_in = [name.removeprefix("!") for name in ignored if name.startswith("!")]
    assert all(list(PROJECT.glob(name)) for name in let_in)
    hatch = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wheel = hatch["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], "README.md", "pyproject.toml"}
    copied = [name for line in arguments("COPY") for name in line.split()[:-1]]
    needed |= {name for name in copied if name != "." and name[0] not in "-/"}
    assert {name for name in needed if not any(fnmatch.fnmatch(name, one) for one in let_in)} == (
        set()
    )


def test_services_of_compose_are_unprivileged_and_listen_on_this_machine_alone():
    services = compose()["services"]
    for name in ("truecost", "truecost-postgres"):
        service = services[name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert [service["user"]] == arguments("USER")
        assert "data:/data" in service["volumes"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:5432:5432"]
    assert (DEPLOY / services["truecost"]["build"]["dockerfile"]).name == "Dockerfile"
    arguments_of_build = services["truecost-postgres"]["build"]["args"]
    assert "ARG REQUIREMENTS=requirements.txt" in DOCKERFILE
    assert (PROJECT / arguments_of_build["REQUIREMENTS"]).is_file()
    volumes = {
        volume.partition(":")[0]
        for service in services.values()
        for volume in service["volumes"]
        if volume[0] != "."
    }
    assert volumes == compose()["volumes"].keys()


def test_with_postgresql_only_the_storage_of_dagster_differs():
    usual = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    other = yaml.safe_load((DEPLOY / "dagster-postgres.yaml").read_text(encoding="utf-8"))
    [variable] = other.pop("storage")["postgres"]["postgres_url"].values()
    usual.pop("storage")
    assert other == usual
    assert variable in compose()["services"]["truecost-postgres"]["environment"]
