"""Hostile SQL: nothing is written, read or logged, and no statement outlives its limits.

All statements of the tables share one small home. A driver answers them in one process, each as the
command would; what it finds after each is compared here.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import truecost
from pipelines.commands import sql as command
from tests.attacks.statements import (
    ADMITTED,
    BESIDE,
    FAILS,
    FINDS_NO_FILE,
    HONEST,
    READS_FILES,
    REFUSED_BY_FUNCTION,
    REFUSED_BY_TYPE,
)
from tests.conftest import BuildOnce
from warehouse import confinement, publication
from warehouse.database import open_build, open_published
from warehouse.paths import Home

HARMLESS = """
duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints
duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_functions
duckdb_indexes duckdb_keywords duckdb_memory duckdb_optimizers duckdb_prepared_statements
duckdb_schemas duckdb_secret_types duckdb_sequences duckdb_settings duckdb_table_sample
duckdb_tables duckdb_types duckdb_variables duckdb_views generate_series histogram histogram_values
icu_calendar_names json_each json_tree pg_timezone_names pragma_collations pragma_database_size
pragma_metadata_info pragma_platform pragma_show pragma_storage_info pragma_table_info
pragma_user_agent pragma_version range repeat repeat_row summary test_all_types test_vector_types
unnest
current_connection_id current_query current_query_id current_transaction_id error gen_random_uuid
random setseed sleep_ms stats uuid uuidv4 uuidv7
"""
DRIVER = """
import contextlib, hashlib, io, json, sys
from pathlib import Path
import click
from pipelines.commands import sql_child as child
from warehouse import confinement
root, is_open = Path(sys.argv[1]), sys.argv[2] == "open"
if is_open:
    confinement.admit = lambda connection, query: None
def state():
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "" for p in root.rglob("*")}
before = state()
for query in json.load(sys.stdin):
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(printed):
        try:
            child.answer(child.Question(query=query, output="json", as_of=None, known_on=None,
                         seconds=3600, rows=1000, memory_bytes=2**28, threads=1))
            said = "answered"
        except (click.ClickException, ValueError) as error:
            said = str(error)
    text = printed.buffer.getvalue().decode()
    changed = sorted(set(before.items()) ^ set(state().items()))
    print(json.dumps([query, said, text, changed]))
"""  # noqa: E501  read by Python alone

EVERY = [
    *(REFUSED_BY_TYPE + REFUSED_BY_FUNCTION + READS_FILES),
    *(FINDS_NO_FILE + FAILS + ADMITTED + HONEST),
]
Outcomes = dict[str, tuple[str, str, list[Any]]]


def publish_small(folder: Path) -> None:
    home = Home(folder)
    with open_build(home) as connection:
        connection.execute("create table core.t as select range % 3 as a from range(1000)")
        connection.execute(
            "create table staged.build_clock as"
            " select timestamp '2026-11-20 06:00' as now_at, 'one' as run_id"
        )
    publication.publish(home, "one")


@pytest.fixture(scope="module")
def home(build_once: BuildOnce) -> Home:
    """Return a small published home; all statements share it and none changes it."""
    return Home(build_once("attacked", publish_small))


def filled(statements: list[str], home: Home) -> list[str]:
    return [statement.format(published=home.published) for statement in statements]


def drive(home: Home, statements: list[str], *, is_open: bool = False) -> Outcomes:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(home.root), "open" if is_open else "closed"],
        input=json.dumps(filled(statements, home)),
        capture_output=True,
        text=True,
        check=True,
        env={"TRUECOST_HOME": str(home.root), "PYTHONPATH": ":".join(sys.path)},
    )
    found = (json.loads(line) for line in done.stdout.splitlines())
    return {query: (said, text, changed) for query, said, text, changed in found}


@pytest.fixture(scope="module")
def outcomes(home: Home) -> Outcomes:
    """Return what became of every statement of the tables, and what it changed in the home."""
    return drive(home, EVERY)


@pytest.mark.parametrize("statement", REFUSED_BY_TYPE)
def test_only_questions_are_admitted(statement: str, home: Home, outcomes: Outcomes) -> None:
    said, text, changed = outcomes[statement.format(published=home.published)]
    assert (text, changed) == ("", [])
    assert said != "answered"


@pytest.mark.parametrize("statement", REFUSED_BY_FUNCTION + READS_FILES)
def test_functions_that_read_write_or_log_are_refused(
    statement: str, home: Home, outcomes: Outcomes
) -> None:
    said, text, changed = outcomes[statement.format(published=home.published)]
    assert (text, changed) == ("", [])
    assert "refused" in said or "cannot read" in said


@pytest.mark.parametrize("statement", FINDS_NO_FILE + FAILS)
def test_no_name_of_a_file_is_a_table(statement: str, home: Home, outcomes: Outcomes) -> None:
    said, text, changed = outcomes[statement.format(published=home.published)]
    assert (text, changed) == ("", [])
    assert said != "answered"


@pytest.mark.parametrize("statement", HONEST + ADMITTED)
def test_honest_questions_are_answered(statement: str, home: Home, outcomes: Outcomes) -> None:
    said, text, changed = outcomes[statement.format(published=home.published)]
    assert (said, changed) == ("answered", [])
    assert json.loads(text) or statement in ADMITTED  # which may have no rows


def test_without_admission_the_process_still_writes_nothing(home: Home) -> None:
    writing = [one for one in REFUSED_BY_TYPE if "copy" in one.lower() and BESIDE in one]
    found = drive(home, [one for one in writing if ";" not in one], is_open=True)
    assert len(found) > 8
    for query, (said, _, changed) in found.items():
        assert said != "answered" or query.startswith("prepare"), query
        assert changed == [], query


def test_every_table_function_of_duckdb_was_judged() -> None:
    """A new DuckDB brings new functions: each must be refused, or listed here as harmless."""
    harmless = set(HARMLESS.split())
    with duckdb.connect() as connection:
        known = connection.execute(
            "select distinct function_name from duckdb_functions()"
            " where function_type in ('table', 'table_macro') or stability = 'VOLATILE'"
        ).fetchall()
    assert {name for (name,) in known} - harmless - confinement.REFUSED_FUNCTIONS == set()
    assert not harmless & confinement.REFUSED_FUNCTIONS


# ----------------------------------------------------------------------- limits, by the command


@pytest.fixture
def ask(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Return a way to run ``truecost sql``, which must leave the home as it was."""
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))

    def state() -> dict[str, str]:
        files = (path for path in home.root.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = state()
    yield lambda *arguments: CliRunner().invoke(truecost, ["sql", *arguments])
    assert state() == before


ENDLESS = "with recursive r (n) as (select 1 union all select n + 1 from r) select max(n) from r"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((ENDLESS, "--max-seconds", "1"), "takes over 1 s"),
        (("select sleep_ms(100000)", "--max-seconds", "1"), "takes over 1 s"),
        (
            ("select count(*) from range(1000000) a, range(1000000) b", "--max-seconds", "1"),
            "takes over 1 s",
        ),
        (("select list(range) from range(1000000000)", "--max-memory-mib", "64"), "over 64 MiB"),
        (("from range(100000000) order by hash(range)", "--max-memory-mib", "64"), "over 64 MiB"),
        (("select repeat('x', 4000000000)", "--max-memory-mib", "64"), ""),
        (("from range(5)", "--max-rows", "4", "--format", "csv"), "more than 4 rows"),
        (("from range(5)", "--max-rows", "4"), "more than 4 rows"),
        (("from range(5)", "--max-rows", "4", "--format", "parquet"), "more than 4 rows"),
        ((f"select {'(' * 100_000}1{')' * 100_000}",), ""),
        (("select 1", "--max-seconds", "nan"), "not a number"),
        (("select 1", "--max-rows", "0"), "not in the range"),
        (("from core.t", "--as-of", "someday"), "is not a time"),
    ],
)
def test_a_limit_is_one_line(
    ask: Callable[..., Result], arguments: tuple[str, ...], says: str
) -> None:
    result = ask(*arguments)
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_rows_up_to_the_limit_are_printed(ask: Callable[..., Result]) -> None:
    result = ask("from range(5)", "--max-rows", "5", "--json")
    assert json.loads(result.stdout) == [{"range": number} for number in range(5)]
    assert ask("from range(5) limit 0", "--json").stdout == "[]\n"


def test_a_query_that_ends_its_process_is_one_line(
    ask: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "CHILD", "import os; os.abort()")
    result = ask("select 1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "ended its process (SIGABRT)" in result.stderr


def test_a_query_that_uses_up_its_cpu_time_is_told_so(
    ask: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = "import resource; from warehouse.confinement import _limit"
    path = f"import sys; sys.path[:] = {sys.path!r}"
    spin = f"{path}; {limited}; _limit(resource.RLIMIT_CPU, 1)\nwhile True: pass"
    monkeypatch.setattr(command, "CHILD", spin)
    result = ask("select 1", "--max-seconds", "3000")
    assert (result.exit_code, "takes over 3000 s" in result.stderr) == (2, True), result.stderr


def test_out_never_replaces_a_file_without_force(
    ask: Callable[..., Result], tmp_path: Path
) -> None:
    out = tmp_path / "a.csv"
    asked = ("from range(2)", "--format", "csv", "--out", str(out))
    assert ask(*asked).exit_code == 0
    assert out.read_text() == "range\n0\n1\n"
    assert "--force replaces it" in ask("select 1", "--out", str(out)).stderr
    assert ask("from range(3)", "--format", "csv", "--force", "--out", str(out)).exit_code == 0
    assert out.read_text() == "range\n0\n1\n2\n"
    assert ask("copy", "--force", "--out", str(out)).exit_code == 2
    assert out.read_text() == "range\n0\n1\n2\n"
    assert "not a file" in ask("select 1", "--out", "/dev/null", "--force").stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_readers_never_spill_beside_the_published_file(home: Home) -> None:
    with open_published(home) as connection:
        [(folder,)] = connection.execute("select current_setting('temp_directory')").fetchall()
    assert not Path(folder).is_relative_to(home.root)
