"""The comparison with the reference values finds what it must find."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.warehouse.table_reference import differences, write


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("create schema core")
    made.execute(
        "create table core.price as select 'gpu ' || i % 50 as gpu_id, i as number,"
        " date '2026-01-01' + i::integer as day, 1.5 + i / 7.0 as usd, i::decimal(9, 2) as printed"
        " from range(1000) as t(i)"
    )
    return made


def test_equal_tables_differ_in_nothing(connection: duckdb.DuckDBPyConnection, tmp_path: Path):
    write(connection, tmp_path)
    connection.execute("create or replace table core.price as from core.price order by number desc")
    assert list(differences(connection, tmp_path)) == []


@pytest.mark.parametrize(
    "change",
    [
        "update core.price set usd = usd * (1 + 1e-8) where number = 777",
        "update core.price set usd = null where number = 777",
        "update core.price set gpu_id = 'other' where number = 777",
        "update core.price set day = day + 1 where number = 777",
        "update core.price set printed = printed + 0.01 where number = 777",
        "delete from core.price where number = 777",
        # Two values that change places: every column alone still holds the same values.
        "update core.price set usd = case number when 1 then 1.5 + 2 / 7.0 else 1.5 + 1 / 7.0 end"
        " where number in (1, 2)",
        "alter table core.price drop usd",
        "drop table core.price",
    ],
)
def test_a_change_is_found(connection: duckdb.DuckDBPyConnection, tmp_path: Path, change: str):
    write(connection, tmp_path)
    connection.execute(change)
    assert list(differences(connection, tmp_path)) != []


def test_rounding_of_the_last_digit_is_no_difference(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
):
    write(connection, tmp_path)
    connection.execute("update core.price set usd = usd * (1 + 1e-14)")
    assert list(differences(connection, tmp_path)) == []


def test_a_renamed_column_is_compared_under_its_new_name(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
):
    write(connection, tmp_path)
    renames = "table,value,old,new\ncore.price,,usd,usd_per_gpu_hour\ncore.price,gpu_id,gpu,GPU\n"
    (tmp_path / "renames.csv").write_text(renames)
    connection.execute("alter table core.price rename usd to usd_per_gpu_hour")
    connection.execute("update core.price set gpu_id = replace(gpu_id, 'gpu', 'GPU')")
    assert list(differences(connection, tmp_path)) == []
