"""An installed wheel answers from an empty folder, without a checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.supply_chain import ROOT

pytestmark = pytest.mark.slow
H100 = "H100-SXM-80GB"
LEFT_OUT = (
    "PYTHONPATH",
    "TRUECOST_HOME",
    "TRUECOST_DAGSTER_STATE",
    "DAGSTER_HOME",
    "XDG_DATA_HOME",
)


class Installed:
    """A wheel in an environment of its own, which sees the locked packages of this one."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "environment" / "bin"
        self.user = folder / "user"
        self.empty = folder / "empty"
        for path in (self.user, self.empty):
            path.mkdir()
        python = str(self.programs / "python")
        run("hatchling", "build", "-t", "wheel", "-d", str(folder / "dist"), cwd=ROOT)
        [wheel] = (folder / "dist").glob("*.whl")
        venv.create(folder / "environment", with_pip=False)
        run("pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
        packages = next((folder / "environment" / "lib").glob("*/site-packages"))
        # A line of a path file adds a folder, and not its path files, such as that of a checkout.
        (packages / "locked.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the empty folder."""
        environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        return subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.empty,
            env=environment | {"HOME": str(self.user), "XDG_DATA_HOME": str(self.user / "data")},
            capture_output=True,
            text=True,
        )


def run(module: str, *arguments: str, cwd: Path | None = None) -> None:
    """Run a module of this environment."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    found = Installed(tmp_path_factory.mktemp("wheel"))
    done = found.run("truecost", "run", "--offline", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    return found


def test_it_runs_and_answers_from_an_empty_folder(installed: Installed) -> None:
    done = installed.run("truecost", "offers", H100, "-n", "8", "--json")
    assert done.returncode == 0, done.stderr
    assert {row["gpu_count"] for row in json.loads(done.stdout)} == {8}
    assert list(installed.empty.iterdir()) == []


def test_the_code_is_that_of_the_wheel(installed: Installed) -> None:
    code = "import pipelines, truecost, warehouse; print(pipelines.__file__, truecost.__file__)"
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in done.stdout


def test_the_doctor_names_the_folder_of_the_user(installed: Installed) -> None:
    done = installed.run("truecost", "doctor", "--json")
    found = {row["name"]: row["value"] for row in json.loads(done.stdout)}
    assert found["home"] == str(installed.user / "data" / "truecost")
    assert found["home chosen by"].startswith("the package")


def test_python_answers_too(installed: Installed) -> None:
    code = f"import truecost; print(len(truecost.connect().offers({H100!r}, n=8).df()))"
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_it_writes_the_pages_and_the_package(installed: Installed) -> None:
    done = installed.run("truecost", "package", "--out", str(installed.user / "package"))
    assert done.returncode == 0, done.stderr
    assert (installed.user / "data" / "truecost" / "site" / "index.html").is_file()
    for name in ("CITATION.cff", "DATA_LICENSES.md", "LICENSE"):
        assert (installed.user / "package" / name).read_text() != ""
    assert list(installed.empty.iterdir()) == []
