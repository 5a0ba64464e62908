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
from tests.conftest import BuildOnce
from warehouse import confinement, publication
from warehouse.database import open_build, open_published
from warehouse.paths import Home

# Every place that DuckDB believes or that a confined connection of it may still touch.
BESIDE = "{published}/truecost-one.duckdb"
READS_FILES = [
    f"from {function}('/etc/passwd')"
    for function in sorted(confinement.READING_FILES - {"pandas_scan", "arrow_scan"})
]
REFUSED_BY_TYPE = [
    f"copy (select 1 as a) to '{BESIDE}.wal'",
    f"copy (select from_base64('AA==') as a) to '{BESIDE}.wal' (format blob)",
    f"copy (select 1) to '{BESIDE}.wal.checkpoint'",
    f"copy (select 1) to '{BESIDE}.wal.recovery' (format parquet)",
    f"copy (select 1) to '{BESIDE}.tmp/x.csv'",
    f"copy (select 1) to '{BESIDE}'",
    "copy core.t to '{published}/t.parquet' (format parquet, partition_by (a))",
    "copy (select 1) to '/dev/stdout'",
    "copy core.t from '/etc/passwd'",
    "copy from database \"truecost-one\" to \"truecost-one\"",
    f"explain analyze copy (select 1) to '{BESIDE}.wal'",
    f"explain (analyze, format json) copy (select 1) to '{BESIDE}.wal'",
    f"EXPLAIN /* ( select */ ANALYZE -- select\n COPY (select 1) to '{BESIDE}.wal'",
    f"explain analyze verbose copy (select 1) to '{BESIDE}.wal'",
    f"prepare p as copy (select 1) to '{BESIDE}.wal'",
    "execute p",
    "explain execute p",
    "deallocate p",
    "prepare p as select 1",
    "explain analyze insert into core.t values (1)",
    "explain analyze delete from core.t",
    "explain analyze create table core.u as select 1",
    "explain with a as (select 1) insert into core.t select * from a",
    "with a as (select 1) insert into core.t select * from a",
    "with a as (select 1) delete from core.t using a",
    "with a as (select 1) update core.t set a = 2",
    "with a as (insert into core.t values (1) returning a) from a",
    "insert into core.t values (1)",
    "insert or replace into core.t values (1) returning a",
    "from core.t insert into core.t",
    "update core.t set a = 2",
    "delete from core.t",
    "truncate core.t",
    "merge into core.t using core.t as s on true when matched then delete",
    "create table core.u as select 1",
    "create temp table u as select 1",
    "create or replace view core.t as select 1",
    "create macro f() as table from read_text('/etc/passwd')",
    "create schema mine",
    "create sequence s",
    "create type t as enum ('a')",
    "create index i on core.t (a)",
    "create secret s (type s3, key_id 'a', secret 'b')",
    "create persistent secret s (type s3, key_id 'a', secret 'b')",
    "drop table core.t",
    "drop persistent secret s",
    "alter table core.t add column b integer",
    "comment on table core.t is 'forged'",
    "attach '{published}/new.duckdb'",
    f"attach '{BESIDE}' as again",
    "attach ':memory:' as m",
    "detach \"truecost-one\"",
    "use memory",
    "export database '{published}/out'",
    "import database '/etc'",
    "install httpfs",
    "force install httpfs from 'http://127.0.0.1:9'",
    "load httpfs",
    "load '/tmp/evil.duckdb_extension'",
    "update extensions",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "set temp_directory = '{published}/spill'",
    "set memory_limit = '900GB'",
    "set threads = 64",
    "set log_query_path = '{published}/log'",
    "set custom_profiling_settings = '{{}}'",
    "set global profile_output = '{published}/profile.json'",
    "set variable a = (select 1)",
    "reset memory_limit",
    "pragma enable_profiling",
    "pragma enable_profiling = 'json'",
    "pragma profiling_output = '{published}/profile.json'",
    "pragma database_list",
    "pragma copy_database('a', 'b')",
    "explain pragma enable_profiling",
    "checkpoint",
    "force checkpoint",
    "explain checkpoint",
    "vacuum",
    "analyze",
    "begin",
    "commit",
    "call duckdb_settings()",
    "call pragma_version()",
    "select 1; select 2",
    f"select 1; copy (select 1) to '{BESIDE}.wal'",
    f"select ';' /* ; */; copy (select 1) to '{BESIDE}.wal'",
    f"pivot core.t on a; copy (select 1) to '{BESIDE}.wal'",
    "create type x as enum ('a'); select 1",
    "set a = 1; select 1",
    "",
    "-- nothing",
    ";",
    "select",
    "explain",
    "\0",
    "select 1\0; drop table core.t",
]  # fmt: skip
REFUSED_BY_FUNCTION = [
    "call enable_logging()",
    "call enable_logging('QueryLog', storage = 'file', storage_config = {{'path': '{published}'}})",
    "from enable_logging('QueryLog', storage := 'file')",
    "from enable_logging(storage = 'stdout')",
    "explain analyze from enable_logging()",
    "with a as (from enable_logging()) from a",
    "select (select count(*) from enable_logging())",
    "select * from range(1), lateral (from enable_logging())",
    "pivot (from enable_logging()) on storage",
    "describe from enable_logging()",
    "summarize from enable_logging()",
    "from ENABLE_LOGGING /* hidden */ ()",
    'from "Enable_Logging" -- hidden\n ()',
    'from system.main."enable_logging"()',
    "from enable_logging\u00a0()",
    "from\u3000enable_logging()",
    "from enable_logging\u200b()",
    'from U&"enable\\005flogging"()',
    "from 'QueryLog'.enable_logging()",
    "from enable_profiling(save_location = '{published}/p.json')",
    "from disable_profiling()",
    "from disable_logging()",
    "from truncate_duckdb_logs()",
    "from duckdb_logs()",
    "from duckdb_logs_parsed('QueryLog')",
    "select write_log('forged')",
    "select write_log('a', level := 'ERROR', scope := 'database')",
    "from force_checkpoint()",
    "from checkpoint('truecost-one')",
    "select nextval('s')",
    "select getenv('PATH')",
    "from duckdb_secrets()",
    "from which_secret('s3://a', 's3')",
    "from duckdb_temporary_files()",
    "from duckdb_external_file_cache()",
    "from query('from enable_logging()')",
    "from query_table('core.t')",
    "from json_execute_serialized_sql(json_serialize_sql('from enable_logging()'))",
    "pragma json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "from glob('/etc/*')",
    "select * from core.t where exists (from read_text('/etc/passwd'))",
    "select case when true then (select content from read_text('/etc/passwd')) end",
    "select list_transform([1], x -> (select count(*) from read_csv('/etc/passwd')))",
    f"from read_blob('{BESIDE}')",
    f"from read_duckdb('{BESIDE}', table_name = 't')",
    "from sniff_csv('/etc/passwd')",
]  # fmt: skip
# Admitted, and harmless on a confined connection.
FINDS_NO_FILE = [
    "from '/etc/passwd'",
    "from '/etc/passwd.csv'",
    "from 'http://127.0.0.1:9/x.parquet'",
    "from 's3://bucket/x.parquet'",
    "from '{published}/manifest-one.json'",
    f"from '{BESIDE}.tmp/../../build.duckdb'",
    "table enable_logging",
    "from question",
    "from connection",
    "describe '/etc/passwd.csv'",
    "summarize '{published}/manifest-one.json'",
    "from core.t at (version => 1)",
    "select * from core.t join '/etc/hosts.csv' on true",
]
HONEST = [
    "select 1",
    "from core.t",
    "table core.t",
    "values (1), (2)",
    "(select 1) union all (select 2)",
    "with a as (from core.t) select count(*) from a",
    "with recursive r (n) as (select 1 union all select n + 1 from r where n < 9) from r",
    "explain from core.t",
    "explain analyze select count(*) from core.t",
    "explain (format json) select 1",
    "explain (select 1) union all (select 2)",
    "describe core.t",
    "describe select 1 as a",
    "show all tables",
    "summarize core.t",
    "pivot core.t on a",
    "pivot core.t on a in (1, 2) using count(*)",
    "select * from (pivot core.t on a using count(*))",
    "unpivot (select 1 as a, 2 as b) on a, b",
    "from range(3) as t (query)",
    "select 'copy; set x = 1' as \"read_csv(\", $$; drop table$$ -- ; read_csv()",
    "select a as copy, count(*) as checkpoint from core.t group by all",
    "from duckdb_tables() select table_name",
    "select * exclude (a), a + 1 as b from core.t where a in (1, 2) -- ä 家",
    "select '家' as 家, strftime(now_at, '%Y-%m') from staged.build_clock;",
]
HARMLESS = """
duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints
duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_extensions duckdb_functions
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
                         seconds=60, rows=1000, memory_bytes=2**28, threads=1))
            said = "answered"
        except (click.ClickException, ValueError) as error:
            said = str(error)
    text = printed.buffer.getvalue().decode()
    changed = sorted(set(before.items()) ^ set(state().items()))
    print(json.dumps([query, said, text, changed]))
"""  # noqa: E501  read by Python alone

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
    every = REFUSED_BY_TYPE + REFUSED_BY_FUNCTION + READS_FILES + FINDS_NO_FILE + HONEST
    return drive(home, every)


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


@pytest.mark.parametrize("statement", FINDS_NO_FILE)
def test_no_name_of_a_file_is_a_table(statement: str, home: Home, outcomes: Outcomes) -> None:
    said, text, changed = outcomes[statement.format(published=home.published)]
    assert (text, changed) == ("", [])
    assert said != "answered"


@pytest.mark.parametrize("statement", HONEST)
def test_honest_questions_are_answered(statement: str, outcomes: Outcomes) -> None:
    said, text, changed = outcomes[statement]
    assert (said, changed) == ("answered", [])
    assert json.loads(text)


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
