"""Parquet says what its columns mean and that its times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from warehouse.database import SESSION
from warehouse.parquet_export import Before, export

TABLE = """
create schema core; create schema marts;
create table marts.price as select
    'a' as "gpu id", timestamp '2026-08-01 06:00' as seen_at, 1.5::decimal(9, 2) as usd,
    {'n': 1} as parts, map {'k': 2} as by_key, ['x'] as names, 3::hugeint as big;
comment on column marts.price."gpu id" is 'which GPU''s price';
comment on column marts.price.seen_at is 'when [UTC]';
"""


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute(SESSION)
        connection.execute(TABLE)
        yield connection


def test_files_carry_comments_and_utc(connection, tmp_path: Path) -> None:
    [part] = export(connection, tmp_path / "one")
    table = pq.read_table(tmp_path / "one" / part.path)
    comments = {field.name: field.metadata for field in table.schema if field.metadata}
    assert comments == {
        "gpu id": {b"comment": b"which GPU's price"},
        "seen_at": {b"comment": b"when [UTC]"},
    }
    assert str(table.schema.field("seen_at").type) == "timestamp[us, tz=UTC]"
    [row] = table.to_pylist()
    assert row["seen_at"] == datetime(2026, 8, 1, 6, tzinfo=UTC)
    found = connection.execute(f"from '{tmp_path / 'one' / part.path}'").fetchall()
    assert found[0][1] == row["seen_at"]
    assert [path.name for path in (tmp_path / "one").rglob(".*")] == []


@pytest.mark.parametrize(
    ("change", "is_linked"),
    [
        ("select 1", True),
        ("comment on column marts.price.usd is 'dollars'", False),
        ("comment on column marts.price.seen_at is null", False),
        ("alter table marts.price rename usd to dollars", False),
        ("alter table marts.price alter usd type decimal(12, 2)", False),
    ],
)
def test_a_part_is_linked_while_its_layout_is_the_same(
    connection, tmp_path: Path, change: str, is_linked: bool
) -> None:
    first = list(export(connection, tmp_path / "one"))
    connection.execute(change)
    [part] = export(connection, tmp_path / "two", Before(tmp_path / "one", first, {}))
    assert (tmp_path / "two" / part.path).samefile(tmp_path / "one" / part.path) is is_linked


def test_only_what_grows_by_days_is_cut_by_month(connection, tmp_path: Path) -> None:
    connection.execute("drop table marts.price")
    for name in ("gpu_price_daily", "training_cost"):
        connection.execute(
            f"create table marts.{name} as select unnest([date '2026-07-31', '2026-08-01']) as day"
        )
    assert [part.path for part in export(connection, tmp_path / "one")] == [
        "marts/gpu_price_daily/2026-07.parquet",
        "marts/gpu_price_daily/2026-08.parquet",
        "marts/training_cost/all.parquet",
    ]
