"""Macros of the published file, opened directly and attached under any name."""

from __future__ import annotations

import duckdb
import pytest

from warehouse.macros import read_macros, run_macros

TABLES = """
create schema core;
create schema meta;
create table meta.source as select 'acme' as source_id, 24 as cadence_hours;
create table core.offer_capture as select
    'acme' as source_id, 'all' as request_key, timestamp '2026-08-01' as seen_at,
    timestamp '2026-08-01' as recorded_at;
create table core.offer_price as select
    'a' as offer_key, 'acme' as source_id, 'all' as request_key,
    timestamp '2026-08-01' as valid_from, cast(null as timestamp) as valid_to,
    timestamp '2026-08-01' as recorded_at, cast(null as timestamp) as superseded_at;
"""
HISTORY = ("instant", "as_of")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Return a file with the history of offers and its macros."""
    chosen = [macro for macro in read_macros() if macro.name in HISTORY]
    monkeypatch.setattr("warehouse.macros.read_macros", lambda folder: chosen)
    path = tmp_path / "truecost.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(TABLES)
        run_macros(connection)
    return path


def test_every_macro_says_what_it_is_for() -> None:
    assert [macro.name for macro in read_macros() if not macro.meaning] == []


def test_a_macro_that_calls_one_over_tables_reads_tables() -> None:
    reading = {macro.name for macro in read_macros() if macro.reads_tables}
    assert {"as_of", "inference_cost_of", "inference_cost_on", "training_usd"} <= reading
    assert "napkin_flops" not in reading


def test_the_file_says_which_macros_need_it_in_use(file) -> None:
    with duckdb.connect(file, read_only=True) as connection:
        words = dict(
            connection.execute(
                "select function_name, comment from duckdb_functions() where not internal"
            ).fetchall()
        )
    assert "`use NAME`" in words["as_of"]
    assert "use NAME" not in words["instant"]


def test_macros_work_after_use(file) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as tc (read_only)")
        with pytest.raises(duckdb.CatalogException):
            connection.execute("from tc.as_of('2026-08-01')")
        connection.execute("use tc")
        assert connection.execute("select count(*) from as_of('2026-08-01')").fetchone() == (1,)


def test_a_macro_with_a_constant_of_another_works_where_its_file_is_attached(tmp_path) -> None:
    with duckdb.connect(tmp_path / "truecost.duckdb") as connection:
        for macro in read_macros():
            if not macro.reads_tables:
                connection.execute(macro.statement)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{tmp_path / 'truecost.duckdb'}' as tc (read_only)")
        asked = "select tc.usd_per_exaflop(3.6, 1e15), tc.hours_per_price('month', null)"
        assert connection.execute(asked).fetchone() == (pytest.approx(1.0), 730)


@pytest.mark.parametrize("name", ["tc", "prices of today", 'a "b"', "select"])
def test_qualified_macros_work_under_any_name(file, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as {quoted} (read_only)")
        for macro in read_macros():
            if macro.name in HISTORY:
                connection.execute(macro.qualified(name))
        assert connection.execute("select count(*) from as_of('2026-07-31')").fetchone() == (0,)
        assert connection.execute("select count(*) from as_of('2026-08-01')").fetchone() == (1,)
