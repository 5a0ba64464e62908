"""Writes the rows that ``cost_engine`` gave as a table of the build.

Here belongs the one way from rows in Python to a table in DuckDB. What the columns mean is in the
SQL file of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.rows import identifier


def write_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    schema: pa.Schema | None = None,
) -> None:
    """Replace a table by rows.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    name : str
        Schema and table, as ``marts.training_cost``. The schema is created where it is missing.
    rows : sequence of mapping
        One a row; a column that a row lacks is null.
    schema : pyarrow.Schema, optional
        Columns and types. Default: those of the values.
    """
    table = pa.Table.from_pylist(list(rows), schema=schema)
    place = ".".join(identifier(part) for part in name.split("."))
    connection.execute(f"create schema if not exists {identifier(name.split('.')[0])}")
    connection.register("derived_rows", table)
    connection.execute(f"create or replace table {place} as select * from derived_rows")
    connection.unregister("derived_rows")
