"""Reference values of every public table on the bundled snapshot, and what differs from them.

    python -m tests.warehouse.table_reference PUBLISHED_FILE    # rewrite the reference

The reference says what the tables held when it was written. A change that moves a number rewrites
it in the same commit, and the commit says which number moved and why. Of each table it keeps:

- ``<table>.json``: row count, and per column an order-independent digest (text, dates, counts,
  Decimals) or weighted sums over buckets of rows (floats). Weights and buckets come from the exact
  columns of the row, so a value that moved to another row is found too.
- ``<table>.csv``: some whole rows, chosen by digest, so that a difference can be read.

Floats agree within 1e-12 relative. ``renames.csv`` lists what is called otherwise since: a column
(``value`` is empty), or a text in a column (``value`` is the column's name in the reference).
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from warehouse.rows import identifier, literal

FOLDER = Path(__file__).parents[1] / "fixtures" / "tables"
SCHEMAS = ("core", "marts", "focus")
VARYING = frozenset({"run_id", "reference_hash"})  # of one run, not of the data
BUCKETS = 32
SAMPLED_ROWS = 60
TOLERANCE = 1e-12  # relative
FLOATS = ("DOUBLE", "FLOAT")

Columns = dict[str, str]  # name: DuckDB type


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, Columns]:
    """Return every public table and view with its columns."""
    found: dict[str, Columns] = {}
    for table, column, kind in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where list_contains($schemas, schema_name) and not internal"
        " order by schema_name, table_name, column_index",
        {"schemas": list(SCHEMAS)},
    ).fetchall():
        if column not in VARYING:
            found.setdefault(table, {})[column] = kind
    return found


def fingerprint(
    connection: duckdb.DuckDBPyConnection, table: str, names: dict[str, str], floats: set[str]
) -> dict[str, Any]:
    """Return what ``<table>.json`` holds.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file.
    table : str
        ``schema.table``.
    names : dict
        Name in the reference and its SQL expression, in the order of the reference.
    floats : set
        Names in the reference of the columns that hold floats.
    """
    exact = [name for name in names if name not in floats]
    key = f"md5(concat_ws('|', {', '.join(_text(names[name]) for name in exact) or repr('')}))"
    rows = f"(select *, {key} as row_digest from {table})"
    # Sums of digests do not depend on the order of the rows.
    digests = ", ".join(
        f"sum(md5_number_lower({_text(names[name])})::hugeint)::varchar" for name in exact
    )
    values = connection.execute(
        f"select count(*), sum(md5_number_lower(row_digest)::hugeint)::varchar"
        f"{', ' + digests if digests else ''} from {rows}"
    ).fetchall()[0]
    result: dict[str, Any] = {
        "rows": values[0],
        "row_digest": values[1],
        "columns": dict(zip(exact, values[2:], strict=True)),
    }
    result["floats"] = {}
    if floats:
        of_bucket = ", ".join(
            f"count({names[name]}), {_sum(names[name])}, {_sum(names[name], 'abs')}"
            for name in names
            if name in floats
        )
        sums = connection.execute(
            f"select md5_number_upper(row_digest) % {BUCKETS} as bucket, {of_bucket}"
            f" from {rows} group by bucket order by bucket"
        ).fetchall()
        result["floats"] = {
            name: [[row[0], *row[1 + 3 * place : 4 + 3 * place]] for row in sums]
            for place, name in enumerate(name for name in names if name in floats)
        }
    return result


def sample(
    connection: duckdb.DuckDBPyConnection, table: str, names: dict[str, str], floats: set[str]
) -> list[list[str]]:
    """Return some whole rows as text, chosen by the digest of their exact columns."""
    exact = [name for name in names if name not in floats]
    key = ", ".join(_text(names[name]) for name in exact) or repr("")
    return [
        list(row)
        for row in connection.execute(
            f"select {', '.join(_text(new) for new in names.values())} from {table}"
            f" order by md5(concat_ws('|', {key})) limit {SAMPLED_ROWS}"
        ).fetchall()
    ]


def _text(expression: str) -> str:
    return f"coalesce(cast({expression} as varchar), '~')"


def _sum(expression: str, function: str = "") -> str:
    """Sum the finite values of a float column, each weighted by its row."""
    finite = f"case when isfinite({expression}) then {function}({expression}) end"
    return f"fsum({finite} * (1 + md5_number_lower(row_digest) % 997) / 997.0)"


def write(connection: duckdb.DuckDBPyConnection, folder: Path = FOLDER) -> None:
    """Write the reference of every public table."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.json"), *folder.glob("*.*.csv")):
        old.unlink()
    for table, columns in tables(connection).items():
        names = {name: identifier(name) for name in columns}
        floats = {name for name, kind in columns.items() if kind in FLOATS}
        found = fingerprint(connection, table, names, floats)
        (folder / f"{table}.json").write_text(_as_lines(found), encoding="utf-8")
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as lines_out:
            writer = csv.writer(lines_out, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(sample(connection, table, names, floats))


def _as_lines(found: dict[str, Any]) -> str:
    """Return JSON with one column a line, so that a change of one column is one line of a diff."""
    lines = [f'"rows": {found["rows"]}', f'"row_digest": {json.dumps(found["row_digest"])}']
    for part in ("columns", "floats"):
        columns = (f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in found[part].items())
        lines.append(f'"{part}": {{\n' + ",\n".join(columns) + "\n}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def differences(connection: duckdb.DuckDBPyConnection, folder: Path = FOLDER) -> Iterator[str]:
    """Yield a line for everything that differs from the reference."""
    renames: list[dict[str, str]] = []
    if (folder / "renames.csv").is_file():
        with (folder / "renames.csv").open(encoding="utf-8", newline="") as lines:
            renames = list(csv.DictReader(lines))
    there = tables(connection)
    for path in sorted(folder.glob("*.json")):
        table = path.stem
        expected = json.loads(path.read_text(encoding="utf-8"))
        if table not in there:
            yield f"{table}: not there"
            continue
        with path.with_suffix(".csv").open(encoding="utf-8", newline="") as lines:
            header, *rows = csv.reader(lines)
        of_table = [row for row in renames if row["table"] in (table, "*")]
        renamed = {row["old"]: row["new"] for row in of_table if not row["value"]}
        now = {name: renamed.get(name, name) for name in header}
        gone = sorted(set(now.values()) - there[table].keys())
        if gone:
            yield f"{table}: no column {', '.join(gone)}"
            continue
        names = {name: identifier(column) for name, column in now.items()}
        for row in of_table:
            if row["value"]:
                column = names[row["value"]]
                names[row["value"]] = (
                    f"replace({column}, {literal(row['new'])}, {literal(row['old'])})"
                )
        floats = set(expected["floats"])
        found = fingerprint(connection, table, names, floats)
        yield from _compared(table, expected, found)
        for expected_row, row in zip(rows, sample(connection, table, names, floats), strict=False):
            for name, was, now in zip(header, expected_row, row, strict=True):
                if was != now and not (name in floats and _are_close(was, now)):
                    yield f"{table}.{name}: {was} before, {now} now, in row {expected_row[:6]}"


def _compared(table: str, expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    if expected["rows"] != found["rows"]:
        yield f"{table}: {expected['rows']} rows before, {found['rows']} now"
        return
    for name, digest in expected["columns"].items():
        if digest != found["columns"][name]:
            yield f"{table}.{name}: values differ"
    if expected["row_digest"] != found["row_digest"]:
        yield f"{table}: the exact columns differ, or are in other rows"
        return
    for name, buckets in expected["floats"].items():
        for (bucket, count, total, size), now in zip(buckets, found["floats"][name], strict=True):
            near = abs((total or 0.0) - (now[2] or 0.0)) <= TOLERANCE * max(size or 0.0, 1e-300)
            if (bucket, count) != (now[0], now[1]) or not near:
                yield f"{table}.{name}: {count} values sum to {total}, now {now[1]} to {now[2]}"
                break


def _are_close(was: str, now: str) -> bool:
    try:
        return math.isclose(float(was), float(now), rel_tol=TOLERANCE)
    except ValueError:
        return False


if __name__ == "__main__":
    with duckdb.connect(sys.argv[1], read_only=True) as published:
        published.execute("set TimeZone = 'UTC'")
        write(published)
