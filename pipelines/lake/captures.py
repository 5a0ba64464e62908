"""What machines captured, in a lake: sharing it, and fetching what others shared.

Machines only append (``landing.file``, ``observations.*``), so they never conflict. A build of one
file then reads the fetched files as its own. What a build made belongs to ``runs``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.capture.landing import Landing
from pipelines.lake.connection import (
    Address,
    LakeError,
    columns_of,
    first_line,
    machine_name,
    opened,
    run_at_once,
)
from pipelines.reading.packed import observed, unpack
from warehouse.files import OutsideFolderError, inside, new_file
from warehouse.models import table_exists
from warehouse.paths import Home
from warehouse.rows import list_literal, literal

CAPTURED = ("landing", "observations")  # the schemas that every machine appends to
RECORD = re.compile(r"\.([a-z_]+)\.parquet$")  # the kind of record, in the name of a file of rows


def share(home: Home, address: Address) -> int:
    """Append what this data folder captured and the lake does not have; return the files.

    Only appends, in one transaction: any number of machines may share at once.
    """
    with opened(address) as lake:
        _make_captured(lake, home)
        known = _captured_paths(lake)
        rows = [path for path in _own_files(home) if path not in known]
        if not rows:
            return 0
        lake.begin()
        try:
            _append_files(lake, home, rows)
            lake.execute(
                "call lake.set_commit_message(?, ?)", [machine_name(home), f"{len(rows)} files"]
            )
            lake.commit()
        except duckdb.Error as error:
            lake.rollback()
            raise LakeError(f"cannot share captures: {first_line(error)}") from error
    return len(rows)


def _own_files(home: Home) -> Iterator[str]:
    """Yield the files of landing and observations, below the data folder; ledgers come last."""
    for path in Landing(home).files():
        yield f"landing/{path}"
    ledgers = []
    for path in observed(home):
        if path.endswith(".ledger.json"):
            ledgers.append(path)
        else:
            yield path
    yield from ledgers


def _captured_paths(lake: duckdb.DuckDBPyConnection) -> set[str]:
    found: set[str] = set()
    for schema in CAPTURED:
        found |= {path for (path,) in lake.execute(f"select path from {schema}.file").fetchall()}
    return found


def _make_captured(lake: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Make the tables that machines append to, where no other machine made them first."""
    statements = []
    for schema in CAPTURED:
        statements += [
            f"create schema if not exists {schema}",
            f"create table if not exists {schema}.file (path varchar, machine varchar,"
            " shared_at timestamp, content blob)",  # content null: the rows are in a table
        ]
    for kind, example in _row_files(home).items():
        statements.append(
            f"create table if not exists observations.{kind} as select *,"
            " null::varchar as observation_path, null::varchar as machine"
            f" from read_parquet({literal(str(example))}) limit 0"
        )
    for statement in statements:
        run_at_once(lake, statement)


def _row_files(home: Home) -> dict[str, Path]:
    """Return the newest file of rows of each kind that this data folder has."""
    files = sorted(home.observations.glob("[!.]*/*/*.parquet"), key=lambda p: p.stat().st_mtime)
    return {match[1]: path for path in files if (match := RECORD.search(path.name))}


def _append_files(lake: duckdb.DuckDBPyConnection, home: Home, paths: list[str]) -> None:
    machine, root = machine_name(home), str(home.root)
    by_kind: dict[str, list[str]] = {}
    blobs: dict[str, list[str]] = {schema: [] for schema in CAPTURED}
    packed = []
    for path in paths:
        if path.startswith("observations/"):
            unpack(home.root / path)
        match = RECORD.search(path)
        if match and path.startswith("observations/"):
            by_kind.setdefault(match[1], []).append(f"{root}/{path}")
        elif not Path(root, path).exists():
            packed.append(path)
        else:
            blobs[path.split("/", 1)[0]].append(f"{root}/{path}")
    below = f"substr(filename, {len(root) + 2})"
    for schema, files in blobs.items():
        if files:
            lake.execute(
                f"insert into {schema}.file select {below}, ?, current_timestamp::timestamp,"
                " content from read_blob(?)",
                [machine, files],
            )
    landing = Landing(home)
    for path in packed:
        with landing.open(path.removeprefix("landing/")) as file:
            lake.execute(
                "insert into landing.file values (?, ?, current_timestamp::timestamp, ?)",
                [path, machine, file.read()],
            )
    for kind, files in by_kind.items():
        reading = f"read_parquet({list_literal(files)}, union_by_name = true, filename = true)"
        known = [row[0] for row in lake.execute(f"describe observations.{kind}").fetchall()]
        for name, sql_type in columns_of(lake, reading):
            if name not in (*known, "filename"):  # a newer parser reads more
                lake.execute(f'alter table observations.{kind} add column "{name}" {sql_type}')
        lake.execute(
            f"insert into observations.{kind} by name select * exclude (filename),"
            f" {below} as observation_path, {literal(machine)} as machine from {reading}"
        )
        lake.execute(
            "insert into observations.file"
            " select unnest(?::varchar[]), ?, current_timestamp::timestamp, null",
            [[file[len(root) + 1 :] for file in files], machine],
        )


def fetch(home: Home, address: Address) -> int:
    """Write the captures that other machines shared into this data folder; return the files.

    Ledgers come last, so that a build never sees a capture whose rows are not there yet.
    """
    with opened(address, is_read_only=True) as lake:
        if not table_exists(lake, "observations.file", "lake"):
            return 0
        here = set(_own_files(home))
        missing = {path for path in _captured_paths(lake) if path not in here}
        if not missing:
            return 0
        lake.register("missing_path", pa.table({"path": sorted(missing)}))
        for schema in CAPTURED:
            _fetch_blobs(lake, home, schema, "path not like '%.ledger.json'")
        for kind in _kinds(lake):
            _fetch_rows(lake, home, kind)
        _fetch_blobs(lake, home, "observations", "path like '%.ledger.json'")
    return len(missing)


def _kinds(lake: duckdb.DuckDBPyConnection) -> list[str]:
    found = lake.execute(
        "select table_name from duckdb_tables() where database_name = 'lake'"
        " and schema_name = 'observations' and table_name <> 'file' order by 1"
    ).fetchall()
    return [name for (name,) in found]


def _fetch_blobs(lake: duckdb.DuckDBPyConnection, home: Home, schema: str, which: str) -> None:
    batches = lake.execute(
        f"select path, any_value(content) from {schema}.file semi join missing_path using (path)"
        f" where content is not null and {which} group by path"
    )
    while rows := batches.fetchmany(100):
        for path, content in rows:
            _write(home, path, content)


def _fetch_rows(lake: duckdb.DuckDBPyConnection, home: Home, kind: str) -> None:
    """Write the rows of each missing file; where two machines shared the same, those of one."""
    rows = lake.execute(
        f"""
        with chosen as (
            select observation_path, min(machine) as machine from observations.{kind}
            where observation_path in (select path from missing_path) group by observation_path
        )
        select rows_of_one.* exclude (machine) from observations.{kind} as rows_of_one
        semi join chosen using (observation_path, machine)
        order by observation_path, rows_of_one.rowid
        """
    ).to_arrow_table()
    names = rows.column("observation_path").to_pylist()
    rows = rows.drop_columns(["observation_path"])
    start = 0
    for end in range(1, len(names) + 1):
        if end == len(names) or names[end] != names[start]:
            _write(home, names[start], rows.slice(start, end - start))
            start = end


def _write(home: Home, path: str, content: bytes | pa.Table) -> None:
    """Write a file of a capture; a path outside the folders of captures is refused."""
    kind, _, name = path.partition("/")
    try:
        if kind not in CAPTURED:
            raise OutsideFolderError(path)
        target = inside(home.root / kind, name)
    except OutsideFolderError:
        raise LakeError(f"the lake holds a file named {path!r}, which is not a capture") from None
    with new_file(target) as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            pq.write_table(content, file)
