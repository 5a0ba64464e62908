"""A published file answers on a machine that has no reference files."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.pipelines.commands.conftest import Truecost
from warehouse.database import POINTER, open_published
from warehouse.paths import Home

QUESTIONS = (
    ("offers", "H100-SXM-80GB", "--format", "json"),
    ("flop", "--format", "json"),
    ("infer", "llama-3.3-70b", "--format", "json"),
    (
        "infer",
        "llama-3.3-70b",
        "--gpu",
        "H100-SXM-80GB",
        "--as-of",
        "2026-08-09",
        "--format",
        "json",
    ),
    ("fit", "llama-3.3-70b", "--format", "json"),
    ("train", "llama-3.1-8b", "--gpu", "H100-SXM-80GB", "--format", "json"),
    ("own-vs-rent", "--gpu", "H100-SXM-80GB", "--format", "json"),
    ("reserve", "--gpu", "H100-SXM-80GB", "--job-months", "6", "--format", "json"),
)
# Closes the reference folder to itself, and prints the answers as one list.
PROGRAM = """
import json, sys
from warehouse.reference import REFERENCE_FOLDER

def refuse(event, arguments):
    if event == "open" and str(arguments[0]).startswith(str(REFERENCE_FOLDER)):
        raise PermissionError(f"closed: {arguments[0]}")

sys.addaudithook(refuse)
try:
    (REFERENCE_FOLDER / "pue.csv").read_bytes()
except PermissionError:
    pass
else:
    sys.exit("the folder is open")
from click.testing import CliRunner
from pipelines.cli import truecost
answers = [CliRunner().invoke(truecost, question) for question in json.loads(sys.argv[1])]
print(json.dumps([[answer.exit_code, answer.output] for answer in answers]))
"""


def answers_without_the_folder(home: Home) -> list[tuple[int, str]]:
    """Return exit status and output of every question, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(QUESTIONS)],
        env={
            **os.environ,
            "TRUECOST_HOME": str(home.root),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [(status, output) for status, output in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def elsewhere(answers_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home that holds a copy of the published file and nothing else."""
    home = Home(tmp_path_factory.mktemp("elsewhere"))
    home.published.mkdir(parents=True)
    shutil.copyfile(answers_home.published / POINTER, home.published / POINTER)
    return home


def test_a_copied_file_answers_without_the_reference_files(ask: Truecost, elsewhere: Home) -> None:
    there = answers_without_the_folder(elsewhere)
    for question, other in zip(QUESTIONS, there, strict=True):
        here = ask(*question)
        assert here.exit_code == 0, (question, here.output)
        assert other == (0, here.output), question


def test_nothing_is_published_in_the_schema_main(answers_home: Home) -> None:
    with open_published(answers_home) as connection:
        found = connection.execute(
            "select schema_name, table_name from duckdb_tables() union all"
            " select schema_name, view_name from duckdb_views() where not internal"
        ).fetchall()
    assert {schema for schema, _ in found} == {"core", "marts", "meta", "staged", "focus"}
